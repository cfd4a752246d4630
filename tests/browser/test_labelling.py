"""*Label my files* in a real browser: files are dropped, the page is closed, and the table is there."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from engine.studio import Studio
from engine.workspace import Workspace
from tests.browser.conftest import PATIENCE_MS, Server, sync_api
from tests.ui import made_runs

expect = sync_api.expect
HOSTILE = '<img src=x onerror="document.title=1">'


@pytest.mark.browser
def test_files_are_labelled_while_nobody_looks_and_the_table_is_taken_home(
        page: sync_api.Page, server: Server, tmp_path: Path) -> None:
    studio = Studio(Workspace(server.home))
    project = made_runs.project_with_documents(studio, tmp_path)
    run = made_runs.answering(studio, made_runs.finished(studio, project))
    calls = tmp_path / "calls.csv"
    calls.write_text("id,text\n" + "".join(f"c{i},{HOSTILE} water in street {i}\n" for i in range(300)))

    def open_stop() -> None:
        page.goto(f"{server.url}?run={run.id}")
        page.get_by_role("tab", name="Take home").click()

    def primary() -> list[str]:
        return [b.inner_text() for b in page.locator(".primary").all() if b.is_visible()]

    open_stop()
    page.locator("#label-start").click()
    expect(page.locator("#label-trouble")).to_contain_text("no file to label yet")
    assert primary() == ["Label my files"]
    page.locator("#label-drop input[type=file]").set_input_files(calls)
    expect(page.locator("#label-drop")).to_contain_text("calls.csv")
    expect(page.locator("#label-trouble")).not_to_contain_text("no file to label yet")
    page.locator("#label-start").click()
    expect(page.locator("#label-status")).to_contain_text("calls.csv")
    open_stop()  # as if it had been closed meanwhile
    expect(page.locator("#label-table")).to_be_visible(timeout=3 * PATIENCE_MS)
    expect(page.locator("#label-first")).to_contain_text("water in street 0")
    assert primary() == ["Download the table"] and page.title() == "ANON Studio"
    with page.expect_download() as table:
        page.locator("#label-table").click()
    text = Path(table.value.path()).read_text(encoding="utf-8-sig")
    assert len(list(csv.DictReader(io.StringIO(text)))) == 300
    assert table.value.suggested_filename == "calls-labelled.csv"
