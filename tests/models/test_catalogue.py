"""The catalogue is valid, pinned, honest about its unofficial copies, and helpful about names."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from engine.errors import WeightsError
from engine.models.catalogue import HubSource, card, catalogue, find_card
from engine.models.fetch_packages import peak_bytes

IN_PACKAGES = {
    "smollm2-135m-instruct": (1, 98_362_432),
    "all-minilm-l6-v2": (1, 90_868_376),
    "qwen2.5-coder-0.5b-instruct": (6, 491_400_064),
    "qwen2.5-coder-1.5b-instruct": (22, 1_117_320_768),
}


def test_names_are_unique_and_every_model_has_a_pinned_source() -> None:
    names = [entry.name for entry in catalogue()]
    assert len(set(names)) == len(names) >= 8
    for entry in catalogue():
        assert entry.hub or entry.packages
        assert entry.hub is None or re.fullmatch(r"[0-9a-f]{40}", entry.hub.revision)
    assert {role for entry in catalogue() for role in entry.roles} == {
        "teacher",
        "student",
        "encoder",
    }


@pytest.mark.parametrize("name", IN_PACKAGES)
def test_package_sources_are_complete_and_in_order(name: str) -> None:
    entry, (count, size) = card(name), IN_PACKAGES[name]
    source = entry.packages
    assert source is not None and len(source.parts) == count and source.joined.bytes == size
    assert len({part.sha256 for part in source.parts} | {source.joined.sha256}) == count + 1
    if count > 1:
        order = [int(re.search(r"part(\d+)$", part.package)[1]) for part in source.parts]
        assert order == list(range(1, count + 1))
        assert all(
            part.member.endswith(f"part{k:02d}.bin") for k, part in enumerate(source.parts, 1)
        )
    assert peak_bytes(entry) > source.joined.bytes + entry.disk_gb * 0.9e9
    assert "third part" in entry.caution and "makers'" in entry.caution
    assert ("4-bit" in entry.caution) == (source.form == "gguf")


def test_models_without_packages_need_no_caution() -> None:
    assert all(not entry.caution for entry in catalogue() if entry.packages is None)


def test_names_are_found_by_hub_name_and_misspelt_ones_get_a_hint() -> None:
    assert card("Qwen/Qwen2.5-Coder-1.5B-Instruct").name == "qwen2.5-coder-1.5b-instruct"
    assert find_card("nothing") is None
    with pytest.raises(WeightsError) as unknown:
        card("qwen-coder-1.5b")
    assert "“qwen2.5-coder-1.5b-instruct”" in unknown.value.fix


def test_cards_are_frozen_and_closed() -> None:
    with pytest.raises(ValidationError):
        catalogue()[0].name = "other"
    with pytest.raises(ValidationError, match="extra"):
        HubSource(repo="a/b", revision="0" * 40, bytes=1, branch="main")
    with pytest.raises(ValidationError):
        HubSource(repo="a/b", revision="main", bytes=1)
