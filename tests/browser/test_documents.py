"""Documents in a real browser: a wrong guess put right, a batch with a bad file, letters, narrow screens."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

from engine.studio import Studio
from engine.workspace import Workspace
from tests.browser.conftest import Server, sync_api
from tests.conftest import wait_for

expect = sync_api.expect
NOTES = ("The caller was calm and repeated the place twice, then the line dropped and could not be restored",
         "Passed on to the officer of the night, who will ask the district for the name of the street",
         "Merged by hand with an earlier entry of the same sender, who had written to two numbers at once")
HOSTILE = "<img src=x onerror=\"document.body.id='owned'\">"


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """A semicolon table in cp1252 in which the clerk's long remarks look more like text than the messages."""
    path = tmp_path / "appels.csv"
    rows = [f"{i};{NOTES[i % 3]} ({i});Pont n° {i} coupé à Léogâne;{('eau', 'abri')[i % 2]};{HOSTILE} {i}"
            for i in range(40)]
    path.write_bytes("\r\n".join([f"nr;note du greffier;ligne;type;{HOSTILE}", *rows]).encode("cp1252"))
    return path


def drop(page: sync_api.Page, *paths: Path) -> None:
    """Put files into the drop zone and wait for what was read."""
    page.locator("#drop input[type=file]").set_input_files(paths)
    expect(page.locator("#numbers")).to_contain_text("read")


def choose(page: sync_api.Page, label: str, choice: str) -> None:
    """Choose in a drop-down, by keyboard as well as a mouse would."""
    box = page.get_by_role("combobox", name=label, exact=True)
    box.click()
    page.get_by_role("option", name=choice).click()


@pytest.mark.browser
def test_a_wrong_guess_is_put_right_and_used(page: sync_api.Page, server: Server, calls: Path) -> None:
    """The receipt says how it was read, follows the change of a role, and what was chosen is what is used."""
    drop(page, calls)
    expect(page.locator("#how")).to_contain_text("cp1252 · columns parted by semicolon ;")
    expect(page.locator("#first-rows")).to_contain_text("The caller was calm")  # the wrong guess
    assert page.locator("#columns .slot").filter(visible=True).count() == 5
    assert page.locator("#preview img").count() == 0 and page.locator("body").get_attribute("id") != "owned"

    choose(page, "ligne", "text: what models read")
    expect(page.locator("#first-rows")).to_contain_text("Pont n° 0 coupé à Léogâne")
    expect(page.locator("#columns .slot-text")).to_contain_text("chosen by you")
    note = page.get_by_role("combobox", name="note du greffier", exact=True)
    expect(note).to_have_value("kept beside it: not read")

    choose(page, "type", "kept beside it: not read")
    expect(page.locator("#remarks")).not_to_contain_text("Labels found in “type”")

    with page.expect_download() as download:
        page.locator("#receipt").click()
    told = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert told["text_column"] == "ligne" and "type" not in told["labels_found"]

    page.get_by_role("button", name="Use these documents").click()
    expect(page.get_by_role("tab", name="Documents · 40")).to_be_visible()
    expect(page.locator("#doc-table")).to_contain_text("Pont n° 39 coupé à Léogâne")
    studio = Studio(Workspace(server.home))
    project = studio.projects()[0]
    assert studio.corpus(project.id).texts[0] == "Pont n° 0 coupé à Léogâne"
    assert not list(Workspace(server.home).incoming.iterdir())  # moved, not copied

    page.get_by_label("Search the documents").press_sequentially("n° 7 ")
    expect(page.get_by_text("1 of 40 documents hold this.")).to_be_visible()


@pytest.mark.browser
def test_a_bad_file_of_a_batch_is_named_and_the_rest_is_kept(page: sync_api.Page, tmp_path: Path) -> None:
    """A ZIP with a damaged PDF among tables."""
    batch = tmp_path / "night.zip"
    with zipfile.ZipFile(batch, "w") as packed:
        packed.writestr("calls.csv", "id,text\n" + "\n".join(
            f"{i},Road {i} is closed by snow" for i in range(25)))
        packed.writestr("scan.pdf", b"%PDF-1.4 cut short")
    drop(page, batch)
    refused = page.locator("#remarks .notice-warning").filter(has_text="could not be used")
    expect(refused).to_contain_text("1 file could not be used; the rest is kept")
    expect(refused).to_contain_text("scan.pdf")
    expect(page.locator("#numbers")).to_contain_text("25 kept")
    expect(page.get_by_role("button", name="Use these documents")).to_be_visible()


@pytest.mark.browser
def test_a_refused_change_keeps_what_was_read(page: sync_api.Page, calls: Path) -> None:
    """A choice with which nothing can be read is said, taken back in the page, and loses nothing."""
    drop(page, calls)
    page.get_by_role("button", name="Read it differently").click()
    choose(page, "Alphabet of the file", "utf-16 · Unicode of older Excel")
    expect(page.get_by_text("What was read before is still shown.")).to_be_visible()
    expect(page.get_by_role("combobox", name="Alphabet of the file")).to_have_value("decide for me (cp1252)")
    expect(page.locator("#numbers")).to_contain_text("40 kept")
    page.get_by_role("button", name="Put them back").click()
    expect(page.locator("#preview")).to_be_hidden()
    expect(page.locator("#drop input[type=file]")).to_have_count(1)


@pytest.mark.browser
def test_private_details_are_masked_by_a_tick(page: sync_api.Page, tmp_path: Path) -> None:
    """Found ones are shown before and after; the tick masks what models will read."""
    path = tmp_path / "calls.csv"
    path.write_text("id,text\n" + "\n".join(
        f"{i},Call my sister at +509 3412-56{i:02d} near village {i}" for i in range(30)), encoding="utf-8")
    drop(page, path)
    page.get_by_role("button", name=re.compile("Private details · in 30 texts")).click()
    expect(page.locator("#private")).to_contain_text("Not found: street addresses and names of people.")
    page.get_by_label("Mask them in what models read").check()
    expect(page.locator("#first-rows")).to_contain_text("at (phone) near village 0")


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_only_the_table_scrolls_sideways(page: sync_api.Page, calls: Path, width: int) -> None:
    """At phone width the page itself never does; the last column can be reached inside the table."""
    page.set_viewport_size({"width": width, "height": 844})
    drop(page, calls)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    last = page.locator("#columns .slot").filter(visible=True).last
    last.scroll_into_view_if_needed()
    wait_for(lambda: last.bounding_box()["x"] < width - 100, 10, "the last column cannot be reached")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    primary = [b for b in page.locator("button.primary").all() if b.is_visible()]
    assert [b.inner_text() for b in primary] == ["Use these documents"]
