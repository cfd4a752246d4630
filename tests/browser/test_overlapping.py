"""What a real browser shows when answers overtake one another; and where the keyboard is."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from engine.studio import EXAMPLE, Studio
from engine.workspace import Workspace
from tests.browser.conftest import PATIENCE_MS, sync_api
from tests.conftest import wait_for
from tests.ui.open_page import Session, launches, opened
from ui import wording

pytestmark = launches
expect = sync_api.expect


@pytest.fixture
def session(workspace: Workspace) -> Iterator[Session]:
    """The page in this process, so that an answer can be held back; the example is open."""
    Studio(workspace).open_example()
    with opened() as made:
        yield made


@pytest.fixture
def page(browser: sync_api.Browser, session: Session) -> Iterator[sync_api.Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    made = context.new_page()
    made.goto(session.api.removesuffix("gradio_api/"))
    yield made
    context.close()


@pytest.mark.browser
def test_the_last_text_is_shown_whichever_preview_comes_last(
        page: sync_api.Page, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, go, done = threading.Event(), threading.Event(), threading.Event()
    rendered = Studio.rendered

    def held_back(self: Studio, project: str, text: str, *rest: Any) -> Any:
        if "Slow." in text:
            asked.set()
            go.wait(30)
            done.set()
        return rendered(self, project, text, *rest)

    monkeypatch.setattr(Studio, "rendered", held_back)
    page.get_by_role("tab", name="Instructions").click()
    prompt, editor = page.locator("#prompt textarea"), page.locator("#editor .cm-content")
    expect(prompt).to_have_value(re.compile("Zalishne"))
    editor.click()
    page.keyboard.insert_text("Unkept. ")
    expect(prompt).to_have_value(re.compile("Unkept"))
    page.locator("#version input").click()
    page.get_by_role("option", name=f"{Studio(Workspace.default()).template(EXAMPLE, 'letters').title} · v1"
                     ).click()
    expect(prompt).to_have_value(re.compile("Answer with the letter only"))

    editor.click()
    page.keyboard.insert_text("Slow.")  # one edit, so that one preview is under way
    wait_for(asked.is_set, 30, "the edit was not followed")
    page.get_by_role("button", name=wording.INSTRUCTIONS_PUT_BACK).click()
    expect(editor).to_contain_text("Unkept.")
    expect(prompt).to_have_value(re.compile("Unkept"))
    go.set()
    wait_for(done.is_set, 30, "the held back preview did not end")
    page.wait_for_timeout(2_000)
    expect(prompt).to_have_value(re.compile("Unkept"))
    expect(prompt).not_to_have_value(re.compile("Slow"))


@pytest.mark.browser
@pytest.mark.parametrize(("mode", "ring"), [("light", "700"), ("dark", "400")])
def test_the_ring_around_what_has_the_keyboard(page: sync_api.Page, mode: str, ring: str) -> None:
    page.goto(f"{page.url.partition('?')[0]}?__theme={mode}")
    expect(page.locator("#new")).to_be_visible()
    page.locator("#new").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    drawn = page.evaluate("""shade => {
        const probe = document.createElement('i'), at = document.activeElement;
        probe.style.color = `var(--primary-${shade})`;
        document.querySelector('.gradio-container').append(probe);
        return [getComputedStyle(at).outlineColor, getComputedStyle(at).outlineWidth,
                getComputedStyle(probe).color, at.id];
    }""", ring)
    assert drawn[0] == drawn[2] and drawn[1:4:2] == ["3px", "new"]
