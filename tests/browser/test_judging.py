"""Judging blind in a real browser: by buttons and by keys, over a reload, and never while somebody types."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.studio import Studio
from engine.workspace import Workspace
from tests.browser.conftest import Server, sync_api
from tests.ui import made_runs

expect = sync_api.expect


@pytest.mark.browser
def test_two_answers_are_judged_by_hand_and_by_key(page: sync_api.Page, server: Server,
                                                  tmp_path: Path) -> None:
    studio = Studio(Workspace(server.home))
    run = made_runs.finished(studio, made_runs.project_with_documents(studio, tmp_path), with_gold=False)
    of = studio.judging(run).of
    assert of > 4

    def bar(judged: int) -> sync_api.Locator:
        return page.get_by_role("button", name=f"Judge blind · {judged} of {of} documents")

    def open_stop() -> None:
        page.goto(f"{server.url}?run={run}")
        page.get_by_role("tab", name="Compare").click()

    open_stop()
    bar(0).click()
    expect(page.locator("#judge-answers")).to_contain_text("A")
    expect(page.locator("#judge-back")).to_be_hidden()
    seen = [page.locator("#judge-text textarea").input_value()]
    presses = (lambda: page.locator("#judge-1").click(), lambda: page.keyboard.press("2"),
               lambda: page.keyboard.press("4"))
    for number, press in enumerate(presses, start=1):
        press()
        expect(bar(number)).to_be_visible()
        seen.append(page.locator("#judge-text textarea").input_value())
    assert len(set(seen)) == 4  # never the same document twice
    told = page.locator("#judge")
    assert not any(who in told.inner_text() for who in ("Large model", "Small model"))  # blind, till unfolded

    page.locator("#own textarea").press_sequentially("Floor 3 of 4")  # digits that are typed judge nothing
    open_stop()
    expect(bar(3)).to_be_visible()
    bar(3).click()
    page.locator("#judge-back").click()
    expect(bar(2)).to_be_visible()
    expect(page.locator("#judge-text textarea")).to_have_value(seen[2])
    page.get_by_role("button", name="What came out so far").click()
    expect(page.locator("#judge-outcome")).to_contain_text("sign test")
    now = studio.judging(run)
    assert (now.n, now.neither) == (2, 0)
    page.get_by_role("button", name="Judge blind").first.click()
    page.keyboard.press("1")  # folded: nothing is judged that is not in sight
    page.wait_for_timeout(1_000)
    assert studio.judging(run).n == 2
