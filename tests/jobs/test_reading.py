"""Uploads read beside the page: kept until used or left; large ones in a process of their own."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from engine.corpus.store import load_corpus, load_gold
from engine.corpus.table import ReadOptions
from engine.errors import EngineError, InputError, RunError, SettingsError
from engine.jobs import reading
from engine.settings import with_limits
from engine.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "upload.csv"
    path.write_text("id,text,label\n" + "".join(f"{i},The road {i} is closed again,{'ab'[i % 2]}\n"
                                                for i in range(200)))
    return path


@pytest.mark.parametrize("apart", [False, True])
def test_read_kept_and_gone(
    workspace: Workspace, upload: Path, monkeypatch: pytest.MonkeyPatch, apart: bool
) -> None:
    if apart:
        monkeypatch.setattr(reading, "HERE", 100)
    told: list[tuple[str, int, int]] = []
    read = reading.read_files(workspace, [upload], ReadOptions(label_columns=("label",)),
                              on_progress=lambda *now: told.append(now))
    assert read.receipt["documents"] == 200
    assert read.labels == ("label",)
    assert told or apart  # a short reading may be over before the first look
    corpora = workspace.projects / "p" / "corpora"
    reading.keep(read, corpora)
    assert len(load_corpus(corpora / read.corpus)) == 200
    assert load_gold(corpora / read.corpus).by_id["1"] == "b"
    assert {f.name for f in (corpora / read.corpus).iterdir()} == {
        "documents.arrow", "labels.parquet", "receipt.json", "manifest.json"}
    assert not list(workspace.incoming.iterdir())
    with pytest.raises(RunError, match="no longer at hand"):
        reading.keep(read, corpora)
    again = reading.read_files(workspace, [upload])
    reading.keep(again, corpora)  # the same content is kept once
    assert len(list(corpora.iterdir())) == 1


@pytest.mark.parametrize("apart", [False, True])
def test_a_refusal_leaves_nothing_behind(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apart: bool
) -> None:
    if apart:
        monkeypatch.setattr(reading, "HERE", 10)
    path = tmp_path / "ids.csv"
    path.write_text("id\n" + "".join(f"{10**17 + i}\n" for i in range(50)))
    with pytest.raises(InputError, match="No column in this file holds text"):
        reading.read_files(workspace, [path])
    assert not list(workspace.incoming.iterdir())


def test_readings_left_behind_are_removed_after_a_day(workspace: Workspace, upload: Path) -> None:
    left = reading.read_files(workspace, [upload])
    fresh = reading.read_files(workspace, [upload])
    assert left.folder.is_dir()
    os.utime(left.folder, (time.time() - 2 * reading.A_DAY,) * 2)
    reading.discard(fresh)
    reading.read_files(workspace, [upload])
    assert not left.folder.exists()
    assert len(list(workspace.incoming.iterdir())) == 1


def test_limits_are_settings(workspace: Workspace, upload: Path) -> None:
    workspace.home.mkdir(parents=True)
    assert with_limits(None, workspace) == ReadOptions()
    file = workspace.home / "settings.yaml"
    file.write_text("max_rows: 20\n")
    with pytest.raises(InputError, match="max_rows"):
        reading.read_files(workspace, [upload], with_limits(None, workspace))
    for text, words in (("max_row: 3", "Did you mean max_rows"), ("max_rows: many", "whole number"),
                        ("- 3", "no list"), ("a: [", "cannot be read"), ("max_files: 0", "above zero")):
        file.write_text(text)
        with pytest.raises(SettingsError) as caught:
            with_limits(None, workspace)
        assert words in caught.value.lines()
        assert isinstance(caught.value, EngineError)
