"""A public page forgets what strangers brought when it starts again; nothing else is ever removed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import gradio as gr
import pytest

import app
from engine.errors import SpaceError
from engine.workspace import Workspace, write_text
from ui import session, wording

KEYS = ("0" * 32, "f00d" * 8)
BROUGHT = {f"visitors/{key}/projects/p/corpora/c/documents.parquet" for key in KEYS}


@pytest.fixture
def home(workspace: Workspace) -> Path:
    """A home with two visitors, and with what is nobody's but the owner's."""
    for place in ("projects/p/project.json", "cache/answers.sqlite", "models/mine/manifest.json",
                  "page.log", "visitors/README", "visitors/of-mine/notes.txt",
                  f"elsewhere/{KEYS[0]}/notes.txt", *BROUGHT):
        write_text(workspace.home / place, "x")
    return workspace.home


def held(home: Path) -> set[str]:
    return {place.relative_to(home).as_posix() for place in home.rglob("*") if place.is_file()}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """What the page was launched with; nothing is served."""
    launched: list[object] = []
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("served")))
    monkeypatch.setattr(gr.Blocks, "launch", lambda _, **given: launched.append(given))
    monkeypatch.setattr(gr.Blocks, "queue", lambda _, **__: None)
    monkeypatch.setattr(sys, "argv", ["app.py", "--no-browser"])
    return launched


@pytest.mark.parametrize("setting", [("ANON_PUBLIC", "1"), ("SPACE_ID", "somebody/studio")])
def test_at_its_start_a_public_page_forgets_its_visitors_and_nothing_else(
    home: Path, opened: list[object], monkeypatch: pytest.MonkeyPatch, setting: tuple[str, str]
) -> None:
    before = held(home)
    monkeypatch.setenv(*setting)
    app.main()
    assert before - held(home) == BROUGHT
    assert held(home) <= before and len(opened) == 1
    assert not [place for place in (home / "visitors").iterdir() if place.name in KEYS]
    app.main()  # and again, with nothing to forget
    assert len(opened) == 2


def test_at_home_nothing_is_ever_removed(home: Path, opened: list[object]) -> None:
    before = held(home)
    app.main()
    assert held(home) == before and len(opened) == 1


def test_a_home_without_visitors_opens(workspace: Workspace, opened: list[object],
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANON_PUBLIC", "1")
    app.main()
    assert len(opened) == 1 and not (workspace.home / "visitors").exists()


def test_a_link_among_visitors_is_not_followed(home: Path, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    write_text(tmp_path / "mine" / "notes.txt", "x")
    (home / "visitors" / KEYS[0] / "link").symlink_to(tmp_path / "mine")
    monkeypatch.setenv("ANON_PUBLIC", "1")
    session.forget_visitors()
    assert (tmp_path / "mine" / "notes.txt").exists() and not (home / "visitors" / KEYS[0]).exists()


def test_what_cannot_be_removed_stops_the_start_in_words(
    home: Path, opened: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANON_PUBLIC", "1")
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    with pytest.raises(SpaceError, match="could not be removed"):
        session.forget_visitors()
    with pytest.raises(SystemExit):
        app.main()
    assert opened == [] and len(capsys.readouterr().err.strip().splitlines()) == 3


def test_copies_that_the_page_left_behind_are_removed_when_it_starts_again(
    workspace: Workspace, opened: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It forgets which they are when it ends: uploads as they came, receipts, tables of answers."""
    monkeypatch.delenv("GRADIO_TEMP_DIR")
    folder = workspace.home / "served"
    old, new = folder / ("a" * 64) / "secret reports.csv", folder / "receipt-k" / "receipt.json"
    mine = folder / "notes" / "mine.txt"
    for place in (old, new, mine):
        write_text(place, "x")
    for place in (old, mine):
        os.utime(place.parent, (0, 0))
    app.main()
    assert os.environ["GRADIO_TEMP_DIR"] == str(folder) and folder.stat().st_mode & 0o077 == 0
    assert [place.exists() for place in (old, new, mine)] == [False, True, True]
    monkeypatch.setenv("ANON_PUBLIC", "1")
    app.main()
    assert [place.exists() for place in (new, mine)] == [False, True] and len(opened) == 2


def test_the_page_says_so() -> None:
    assert "removed when it restarts" in wording.FRAME_PUBLIC
