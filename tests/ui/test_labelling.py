"""*Label my files* of Take home, through the real page: dropped files become a table, or it says why not."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.jobs.folder import RunFolder
from engine.jobs.labelled import places
from engine.studio import Studio
from engine.workspace import Workspace
from tests.students.tiny import MODEL, TASK
from tests.ui import made_runs
from tests.ui.open_page import Session, launches, opened

pytestmark = launches
HOSTILE = "<b onclick=x>water</b>"


@pytest.fixture
def run(workspace: Workspace, tmp_path: Path) -> RunFolder:
    studio = Studio(workspace)
    project = made_runs.project_with_documents(studio, tmp_path)
    return made_runs.answering(studio, made_runs.finished(studio, project))


@pytest.fixture
def page(run: RunFolder) -> Iterator[Session]:
    with opened() as session:
        session.arrive()
        yield session


def drop(page: Session, *files: Path) -> None:
    sent = []
    for file in files:
        with file.open("rb") as opened_file:
            told = httpx.post(f"{page.api}upload", files={"files": (file.name, opened_file)}, timeout=60)
        sent.append({"path": told.json()[0], "orig_name": file.name, "meta": {"_type": "gradio.FileData"}})
    page.values[page.ids["label-drop"]] = sent
    page.fire(page.named("_brought")[0])


def press(page: Session, name: str) -> Any:
    return page.fire(page.named(name)[0])


def wait(page: Session) -> None:
    end = time.monotonic() + 120
    while 'class="status status-running"' in page.of("label-status"):
        assert time.monotonic() < end
        time.sleep(0.2)
        press(page, "watch_label")


def calls(folder: Path, n: int = 4) -> Path:
    path = folder / "calls.csv"
    rows = [f"c{i},Water in the street number {i}" for i in range(n - 1)]
    path.write_text("\n".join(["id,text", f"x,{HOSTILE}", *rows, "e,", "e,!!!"]) + "\n")
    return path


def shown(answer: Any, page: Session, component: str) -> dict[str, Any]:
    """What an event said about a component of this elem_id."""
    data = answer["data"]
    fn = next(fn for fn in page.demo.fns.values() if len(fn.outputs) == len(data)
              and any(getattr(c, "elem_id", "") == component for c in fn.outputs))
    return next(value for c, value in zip(fn.outputs, data, strict=True)
                if getattr(c, "elem_id", "") == component)


def test_dropped_files_become_a_table_that_is_found_again(page: Session, run: RunFolder,
                                                          tmp_path: Path) -> None:
    press(page, "label")
    assert "no file to label yet" in page.of("label-trouble")
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04 cut short")
    drop(page, calls(tmp_path), broken)
    assert page.of("label-trouble") == ""  # there are files by now
    told = press(page, "label")
    assert "calls.csv" in page.of("label-status") and "status-running" in page.of("label-status")
    assert page.of("label-drop") is None and shown(told, page, "label-bring")["visible"] is False
    another = Session(page.demo, page.api.removesuffix("gradio_api/"))  # reloaded, or the tab was closed
    another.arrive()
    assert "calls.csv" in another.of("label-status") or another.of("label-found")
    wait(another)
    assert "water" in another.of("label-first")
    wait(page)
    found, first = page.of("label-found"), page.of("label-first")
    table = page.download(page.of("label-table")).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == 4 and {row["answer"] for row in rows} <= set(TASK.names)
    for name in TASK.names:
        assert name in found
    assert HOSTILE not in first and "&lt;b onclick" in first and " %" in first
    summary = next(page.values[c._id] for c in page.named("label")[0].outputs
                   if "are labelled" in str(page.values.get(c._id)))
    assert "Of 6 rows read, 2 were set aside: 1 without text, 1 without a single word." in summary
    assert "broken.xlsx" in summary and "“text” in calls.csv" in summary
    assert not Path(page.of("label-table")["path"]).is_relative_to(run.path)
    drop(page, calls(tmp_path, 3))
    press(page, "label")
    wait(page)
    assert len(page.of("label-earlier")) == 1
    assert page.download(page.of("label-earlier")[0]).status_code == 200


def test_it_can_be_stopped_and_a_second_press_changes_nothing(page: Session, run: RunFolder,
                                                              tmp_path: Path) -> None:
    drop(page, calls(tmp_path, 40_000))
    press(page, "label")
    drop(page, calls(tmp_path))
    press(page, "label")
    assert f"small model of the run {run.id}" in page.of("label-trouble")
    assert page.of("label-drop")  # the files wait there
    press(page, "watch_label")
    assert "status-running" in page.of("label-status")
    press(page, "stop_label")
    assert "Labelling was stopped" in page.of("label-status") and not places(run)
    press(page, "stop_label")
    assert "Nothing is being labelled" in page.of("label-status")
    press(page, "watch_label")
    press(page, "label")
    wait(page)
    assert page.of("label-table"), (page.of("label-status"), page.of("label-trouble"))


def test_what_goes_wrong_is_said_on_the_page(page: Session, run: RunFolder, tmp_path: Path,
                                             workspace: Workspace) -> None:
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04 cut short")
    drop(page, broken)
    press(page, "label")
    wait(page)
    said = page.of("label-status")
    assert "notice-problem" in said and "broken.xlsx" in said and "Traceback" not in said
    assert not page.of("label-table")
    away = workspace.models / MODEL
    away.rename(tmp_path / "away")
    drop(page, calls(tmp_path))
    press(page, "label")
    wait(page)
    assert MODEL in page.of("label-status") and "notice-problem" in page.of("label-status")
    (tmp_path / "away").rename(away)
    drop(page, calls(tmp_path))
    page.values[page.ids["label-column"]] = "nowhere"
    press(page, "label")
    wait(page)
    assert "nowhere" in page.of("label-status") and page.of("label-column") == ""
    busy, _ = made_runs.prepared(Studio(workspace), run.path.parent.parent.name, "20250102-101010-quick")
    busy.event_log.write("launched", requests=0)
    drop(page, calls(tmp_path))
    press(page, "label")
    assert f"The run {busy.id} is running" in page.of("label-trouble") and page.of("label-drop")


def test_a_visitor_labels_in_a_workspace_of_their_own(workspace: Workspace, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody else sees that there is anything to see."""
    monkeypatch.setenv("ANON_PUBLIC", "1")
    from ui.labelling import mark
    from ui.session import studio_for
    keys = ("0" * 32, "1" * 32)
    project = made_runs.project_with_documents(studio_for(keys[0]), tmp_path)
    found = made_runs.finished(studio_for(keys[0]), project)
    assert mark(studio_for(keys[0]).labelling_status(found)) == ""
    with pytest.raises(Exception, match="There is no run"):
        studio_for(keys[1]).labelling_status(found)
