"""Instructions in a real browser: edit, preview, try on ten, compare, keep, restore; other kinds."""

from __future__ import annotations

import re

import pytest

from engine.studio import EXAMPLE, Studio
from engine.workspace import Workspace, read_json, write_json
from tests.browser.conftest import Server, sync_api
from tests.conftest import wait_for
from tests.students.tiny import MODEL, write_model
from ui import wording

expect = sync_api.expect


@pytest.fixture
def studio(server: Server) -> Studio:
    """The example, a tiny model to ask, and the ten documents chosen."""
    made = Studio(Workspace(server.home))
    settings = write_model(made.workspace.models).path / "config.json"
    write_json(settings, read_json(settings) | {"max_position_embeddings": 2048})  # room for facts
    made.open_example()
    made.change(EXAMPLE, teacher=MODEL)
    corpus = made.workspace.project(EXAMPLE).corpora / made.project(EXAMPLE).corpus
    write_json(corpus / "diverse-10.json", list(range(0, 100, 10)))
    return made


@pytest.mark.browser
def test_edit_preview_try_compare_restore(page: sync_api.Page, server: Server, studio: Studio) -> None:
    page.reload()  # the project made meanwhile is opened
    page.get_by_role("tab", name="Instructions").click()
    prompt = page.locator("#prompt textarea")
    expect(prompt).to_have_value(with_text("Dyke fails at Zalishne"))
    page.get_by_role("button", name="Try on 10").click()
    results = page.locator("#results")
    expect(results.locator("tbody > tr")).to_have_count(10)

    # Any document can be looked at.
    number = page.get_by_label(wording.INSTRUCTIONS_JUMP)
    number.fill("3")
    number.press("Enter")
    expect(prompt).to_have_value(with_text(studio.corpus(EXAMPLE).documents[2].text))

    # Edit: the preview follows, and so does the difference.
    editor = page.locator("#editor .cm-content")
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" Think of the people first.")
    expect(prompt).to_have_value(with_text("Think of the people first."))
    page.get_by_role("button", name="Try on 10").click()
    status = page.locator("#instructions-status")
    expect(status).to_contain_text("v1 → your edit changed")

    page.get_by_text(wording.INSTRUCTIONS_VERSIONS).click()
    expect(page.locator("#changes ins").last).to_contain_text("Think")
    page.get_by_label(wording.INSTRUCTIONS_NOTE).fill("people first")
    page.get_by_label(wording.INSTRUCTIONS_AUTHOR).fill("Ana")
    page.get_by_role("button", name="Use these instructions").click()
    expect(status).to_contain_text("v2 is in use from now on")
    kept = studio.template(EXAMPLE)
    assert (kept.version, kept.author) == (2, "Ana")
    assert re.fullmatch(r"people first \(changed \w+ of 10 answers of v1\)", kept.note)
    expect(page.locator("#versions")).to_contain_text(kept.note)

    # Back to the first version, as a new one.
    wait_for(lambda: "v2" in page.locator("#before input").input_value(), 30, "the list did not follow")
    page.locator("#before input").click()
    page.get_by_role("option", name="Message first, then the categories · v1").click()
    expect(page.locator("#changes ins").last).to_contain_text("Think")
    page.get_by_role("button", name="Restore this version").click()
    expect(status).to_contain_text("Restored as")
    assert studio.template(EXAMPLE).version == 3
    assert "Think of the people" not in studio.template(EXAMPLE).text
    expect(prompt).not_to_have_value(with_text("Think of the people first."))
    # Another version instead of an edit that was not kept: the edit can be put back.
    editor.click()
    page.keyboard.type("Unkept. ")
    expect(prompt).to_have_value(with_text("Unkept."))
    page.locator("#version input").click()
    page.get_by_role("option", name=f"{studio.template(EXAMPLE, 'letters').title} · v1").click()
    expect(prompt).to_have_value(with_text("Answer with the letter only"))
    page.get_by_role("button", name=wording.INSTRUCTIONS_PUT_BACK).click()
    expect(prompt).to_have_value(with_text("Unkept."))
    page.locator("#version input").click()
    page.get_by_role("option", name="Message first, then the categories · v3").click()
    expect(prompt).not_to_have_value(with_text("Unkept."))
    page.reload()  # who works here is remembered, the version stands
    page.get_by_role("tab", name="Instructions · v3").click()
    page.get_by_text(wording.INSTRUCTIONS_VERSIONS).click()
    expect(page.get_by_label(wording.INSTRUCTIONS_AUTHOR)).to_have_value("Ana")
    # What was typed and not kept has outlived the reload.
    page.get_by_role("button", name=wording.INSTRUCTIONS_PUT_BACK).click()
    expect(prompt).to_have_value(with_text("Unkept."))


@pytest.mark.browser
def test_facts_are_asked_for_and_shown(page: sync_api.Page, server: Server, studio: Studio) -> None:
    page.reload()  # the project made meanwhile is opened
    page.get_by_role("tab", name="Instructions").click()
    expect(page.locator("#prompt textarea")).to_have_value(with_text("Zalishne"))
    page.locator("#kind").get_by_text("facts to read out").click()
    expect(page.locator("#prompt textarea")).to_have_value(with_text("JSON"))
    expect(page.locator("#fields")).to_be_visible()
    expect(page.locator("#categories")).to_be_hidden()
    page.get_by_role("button", name="Try on 10").click()
    # The tiny model writes no JSON, so nothing can be read.
    expect(page.locator("#results")).to_contain_text("not read")
    page.get_by_role("tab", name="Distil").click()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()
    page.get_by_role("button", name="Advanced").last.click()
    expect(page.locator("#phases")).to_contain_text("Hard cases")
    expect(page.locator("#adapt")).to_be_hidden()  # ways to ask are sought for one category only


def with_text(part: str) -> object:
    """A pattern for a value that holds this text."""

    return re.compile(re.escape(part))


@pytest.mark.browser
def test_a_changed_question_does_not_offer_old_instructions_as_an_edit(
    page: sync_api.Page, server: Server, studio: Studio
) -> None:
    """Nothing was typed in the editor: choosing other instructions, again and again, puts nothing aside."""
    page.reload()
    page.get_by_role("tab", name="Instructions").click()
    prompt, put_back = page.locator("#prompt textarea"), page.locator("#put-back")
    expect(prompt).to_have_value(with_text("Zalishne"))
    page.locator("#question textarea").press_sequentially(" Say it shortly.")
    expect(prompt).to_have_value(with_text("Say it shortly."))
    page.get_by_text(wording.INSTRUCTIONS_VERSIONS).click()
    for template in ("letters", "with-definitions", "message-first", "with-definitions"):
        title = studio.template(EXAMPLE, template).title
        page.locator("#version input").click()
        page.get_by_role("option", name=f"{title} · v1").click()
        wait_for(lambda title=title: title in page.locator("#before input").input_value(), 30,
                 "the list did not follow")
        expect(put_back).to_be_hidden()
        expect(page.locator("#filled-from")).to_be_hidden()
    page.wait_for_timeout(1500)
    expect(put_back).to_be_hidden()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.locator("#kind").get_by_text("facts to read out").click()
    expect(prompt).to_have_value(with_text("JSON"))
    expect(page.locator("#filled-from")).to_be_hidden()
    assert "is not in the list of choices" not in (server.home / "server.log").read_text()
    page.locator("#new").click()  # who makes a project can type its name at once
    expect(page.locator("#new-row").get_by_role("textbox")).to_be_focused()
    expect(page.locator("#runs-bar .sidebar-content")).to_be_hidden()  # nor does Tab stop where it is folded
