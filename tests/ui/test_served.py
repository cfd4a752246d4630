"""The page over HTTP where the workspace is where it is for everybody: outside the folder for temporary
files. And what an open page holds when its connection was lost.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest

from engine.studio import Studio
from engine.workspace import Workspace
from tests.ui import made_runs
from tests.ui.open_page import Session, launches, opened
from tests.ui.uploads import river_table

pytestmark = launches
OFFERED = (gr.File, gr.DownloadButton)


@pytest.fixture
def elsewhere(tmp_path: Path, downloads: Path, monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> Path:
    """The folder for temporary files, beside the workspace and not around it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    for allowed in (folder, downloads, Path.cwd()):
        assert not workspace.home.resolve().is_relative_to(allowed.resolve())
    return folder


@pytest.fixture
def page(elsewhere: Path) -> Iterator[Session]:
    with opened() as session:
        yield session


def offered(session: Session) -> dict[int, list[dict[str, Any]]]:
    """Files that components offer, by component id."""
    found = {}
    for component in session.demo.blocks.values():
        value = session.values.get(component._id)
        if isinstance(component, OFFERED) and value:
            found[component._id] = value if isinstance(value, list) else [value]
    return found


def test_every_stop_opens_and_every_file_it_offers_can_be_had(
        page: Session, workspace: Workspace, tmp_path: Path) -> None:
    studio = Studio(workspace)
    project = made_runs.project_with_documents(studio, tmp_path)
    run = made_runs.finished(studio, project)
    page.arrive()
    for fn in page.refreshes():  # again: nothing has changed, and nothing is refused
        page.fire(fn)
    assert page.of("question") and "{{ document }}" in page.of("editor")
    files = [file for some in offered(page).values() for file in some]
    names = sorted(Path(file["path"]).name for file in files)
    receipt = f"receipt-{studio.project(project).corpus}.json"
    assert names == sorted(["hazard.csv", "hazard.yaml", receipt,
                            *(thing.path.name for thing in studio.downloads(run))])
    for file in files:
        assert not Path(file["path"]).is_relative_to(workspace.home)
        assert page.download(file).status_code == 200
    assert page.download({"path": str(workspace.home / "models")}).status_code in (403, 404)


def test_a_large_model_whose_folder_is_gone_leaves_distil_usable(
        page: Session, workspace: Workspace, tmp_path: Path) -> None:
    studio = Studio(workspace)
    project = made_runs.project_with_documents(studio, tmp_path)
    own = "of-our-own"
    shutil.copytree(workspace.models / "qwen2.5-coder-0.5b-instruct", workspace.models / own,
                    ignore=shutil.ignore_patterns("*.safetensors"))
    manifest = workspace.models / own / "manifest.json"
    manifest.write_text(manifest.read_text().replace("qwen2.5-coder-0.5b-instruct", own))
    studio.change(project, teacher=own)
    page.arrive()
    shutil.rmtree(workspace.models / own)
    for _ in range(2):
        for fn in (*page.refreshes(), *page.named("recheck"), *page.named("tick")):
            page.fire(fn)
    assert page.of("run-teacher") == own


def test_the_form_of_distil_is_answered_in_its_own_words_and_keeps_what_was_ticked(
        page: Session, workspace: Workspace, tmp_path: Path) -> None:
    """Gradio refuses no number, and a box that cannot be ticked for a while remembers."""
    studio = Studio(workspace)
    studio.change(made_runs.project_with_documents(studio, tmp_path), teacher="qwen2.5-coder-1.5b-instruct")
    page.arrive()
    page.values[page.ids["run-rank"]], page.values[page.ids["run-batch"]] = 0, 1.5
    for fn in (*page.refreshes(), *page.named("recheck"), *page.named("tick")):
        page.fire(fn)
    assert all(name in page.of("preflight") for name in ("“Size of what is trained”", "“Documents per step”"))
    page.values[page.ids["run-rank"]], page.values[page.ids["run-batch"]] = 16, 8
    ticked = next(fn for fn in page.demo.fns.values() if (page.ids["adapt"], "input") in fn.targets)
    recheck, seen = page.named("recheck")[0], []
    for preset, wanted in (("quick", None), ("balanced", None), ("balanced", False), ("quick", None),
                           ("thorough", None)):
        page.values[page.ids["run-preset"]] = preset
        if wanted is not None:
            page.values[page.ids["adapt"]] = wanted
            page.fire(ticked)
        page.fire(recheck)
        seen.append(page.of("adapt"))
    assert seen == [False, True, False, False, False]


def test_an_open_page_keeps_what_it_holds_after_its_connection_was_lost(
        page: Session, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that is closed does not: what was in hand is removed."""
    studio = Studio(workspace)
    let_go = page.demo.state_holder.delete_all_expired_state
    # The server lets go every second by itself: here not in between, however long an answer takes.
    monkeypatch.setattr(page.demo.state_holder, "delete_all_expired_state", lambda: None)
    made_runs.project_with_documents(studio, tmp_path)
    page.arrive()
    upload = _uploaded(page, river_table(tmp_path))
    page.values[page.ids["drop"]] = upload
    page.fire(page.named("_read_files")[0])
    session = page.demo.state_holder[page.hash]
    held = next(value for _, value, _ in session.state_components if hasattr(value, "reading"))
    session.is_closed = True  # as Gradio does when the connection is lost, for good

    def later() -> None:
        for key, (_, made) in list(session._state_ttl.items()):
            session._state_ttl[key] = (3_600, made - timedelta(hours=2))
        assert max(made for _, made in session._state_ttl.values()) < datetime.now()

    later()
    page.fire(page.named("still_here")[0])
    let_go()
    assert held.reading.folder.exists() and held in session.state_data.values()
    run, project = (page.values[c._id] for c in page.named("_head")[0].inputs[2:0:-1])
    assert project and run == ""
    later()
    let_go()
    assert not held.reading.folder.exists()
    page.fire(page.refreshes()[0])


def _uploaded(page: Session, path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        sent = httpx.post(f"{page.api}upload", files={"files": (path.name, file)}, timeout=60)
    return [{"path": sent.json()[0], "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}]
