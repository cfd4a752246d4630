"""The frame: tabs, labels with their state, who works where, and errors in words."""

from __future__ import annotations

import re
import types
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

import app
from engine.errors import InputError
from engine.studio import Studio
from engine.workspace import Workspace
from tests.ui import made_runs
from ui import guard, layout, session, theme, wording
from ui.distilling import KINDS


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    return layout.build()


def test_the_five_stops_stand_in_the_order_of_the_road(page: gr.Blocks) -> None:
    tabs = [block.id for block in page.blocks.values() if isinstance(block, gr.Tab)]
    assert tabs == ["documents", "instructions", "distil", "compare", "take_home"]


def test_no_event_is_public(page: gr.Blocks) -> None:
    kinds = {fn.api_visibility for fn in page.fns.values()}
    assert kinds <= {"private", "undocumented"}


def test_each_screen_starts_with_at_most_one_primary_button_in_sight(page: gr.Blocks) -> None:
    def primaries(block: gr.blocks.Block) -> Iterator[gr.Button]:
        if getattr(block, "visible", True) is not True:
            return
        if isinstance(block, gr.Button) and block.variant == "primary":
            yield block
        for child in getattr(block, "children", ()):
            yield from primaries(child)

    for tab in (block for block in page.blocks.values() if isinstance(block, gr.Tab)):
        assert len(list(primaries(tab))) <= 1, tab.id


def test_nothing_is_recorded_or_sent_and_only_this_machine_is_served(workspace: Workspace) -> None:
    given = app.settings(open_browser=True)
    assert given["server_name"] == "127.0.0.1" and given["inbrowser"]
    assert given["run_history"] is False and given["ssr_mode"] is False and not given["share"]
    assert given["max_file_size"] == "500mb"
    workspace.home.mkdir(parents=True, exist_ok=True)
    (workspace.home / "settings.yaml").write_text("max_upload_mb: 30\n")
    assert app.settings(open_browser=True)["max_file_size"] == "30mb"


def test_a_space_is_served_to_the_outside_and_opens_no_browser(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANON_PUBLIC", "1")
    given = app.settings(open_browser=True)
    assert given["server_name"] == "0.0.0.0" and not given["inbrowser"]


def test_the_theme_asks_for_no_font_from_anywhere() -> None:
    made = theme.theme()
    assert not [sheet for sheet in made._stylesheets if sheet]
    assert "url(" not in "".join(made._font_css)
    assert "http" not in theme.STYLE.read_text(encoding="utf-8")


def test_labels_carry_the_state_of_the_project(workspace: Workspace) -> None:
    Studio(workspace).open_example()
    update = layout._head("", "example", "", "")
    labels = [tab.label for tab in update[-5:]]
    assert labels == ["Documents · 470", "Instructions · v1", "Distil", "Compare", "Take home"]


def test_a_change_is_sent_again_to_a_page_that_may_have_lost_it_then_no_more(workspace: Workspace) -> None:
    studio = Studio(workspace)
    studio.open_example()
    seen = ""
    for _ in range(1 + layout.SENT_AGAIN):
        *_, seen, first, _, _, _, _ = layout._head("", "example", "", seen)
        assert first.label == "Documents · 470"
    assert layout._head("", "example", "", seen) == gr.skip()
    studio.create_project("Another # 1")
    *_, changed, _, _, _, _, _ = layout._head("", "example", "", seen)  # a change begins anew
    assert layout._head("", "example", "", changed) != gr.skip()
    assert layout._head("", "example", "", "") != gr.skip()


def test_a_reload_finds_the_project_again_and_a_lost_one_falls_back(workspace: Workspace) -> None:
    studio = Studio(workspace)
    first, second = studio.create_project("First"), studio.create_project("Second")
    request = types.SimpleNamespace(query_params={})
    assert layout._arrive("", first.id, "", 0, request)[1] == first.id
    assert layout._arrive("", second.id, "", 0, request)[1] == second.id
    assert layout._arrive("", "gone", "", 4, request)[1:] in [
        (known, "", 5) for known in (first.id, second.id)]


def test_an_empty_workspace_opens_without_a_project() -> None:
    request = types.SimpleNamespace(query_params={})
    assert layout._arrive("", "", "", 0, request) == ("", "", "", 1)


def test_an_unknown_run_in_the_address_is_said_and_passed_over() -> None:
    request = types.SimpleNamespace(query_params={"run": "no/such"})
    with pytest.warns(UserWarning, match="There is no run"):  # outside a browser, a toast is a warning
        assert layout._arrive("", "", "", 0, request)[2] == ""


def test_a_reload_finds_the_run_in_view_again_and_a_lost_one_falls_back(workspace: Workspace,
                                                                        tmp_path: Path) -> None:
    studio, request = Studio(workspace), types.SimpleNamespace(query_params={})
    project, other = made_runs.project_with_documents(studio, tmp_path), studio.create_project("Other").id
    older = made_runs.finished(studio, project)
    newer = made_runs.lost(studio, project)
    assert layout._arrive("", project, older, 0, request)[2] == older
    for wanted in ("", f"{project}/gone", f"{other}/{older.rpartition('/')[2]}"):
        assert layout._arrive("", project, wanted, 0, request)[2] == newer
    assert layout._arrive("", other, older, 0, request)[2] == ""
    runs = layout._head("", project, f"{project}/gone", "")[1]  # removed while the page is open
    assert runs.value is None and len(runs.choices) == 2


def test_what_is_in_view_is_kept_by_the_browser_and_no_document_is(page: gr.Blocks) -> None:
    """Gradio forgets a `gr.State` of a page that was not looked at for an hour."""
    kept = {block.storage_key: block.default_value for block in page.blocks.values()
            if isinstance(block, gr.BrowserState)}
    assert kept == {f"anon-studio-{name}": "" for name in ("visitor", "project", "run", "author", "typed")}


def test_an_element_s_id_stands_once_on_the_page(page: gr.Blocks) -> None:
    ids = [block.elem_id for block in page.blocks.values() if getattr(block, "elem_id", None)]
    assert not [name for name, times in Counter(ids).items() if times > 1]


def test_every_word_is_said_somewhere() -> None:
    files = {path: path.read_text(encoding="utf-8") for path in Path(layout.__file__).parent.rglob("*.py")}
    everything = " ".join(files.values())
    named = r"^([A-Z][A-Z_]+)(?:, ([A-Z][A-Z_]+))* ="
    for path in (path for path in files if path.name.startswith("wording")):
        words = {name for line in re.finditer(named, files[path], re.MULTILINE)
                 for name in re.findall(r"[A-Z][A-Z_]+", line.group())}
        words |= set(re.findall(r"^def (\w+)", files[path], re.MULTILINE))
        unused = {name for name in words if len(re.findall(rf"\b{name}\b", everything)) < 2}
        # Buttons and boxes of a run are named by what they do.
        unused -= {name for kind in KINDS for name in [f"DISTIL_{kind.upper()}"]}
        assert not unused, path.name


def test_a_new_project_is_opened_at_documents(workspace: Workspace) -> None:
    project, run, stamp, _row, tabs = layout._create("", "  Floods,  week 12 ", 3)
    assert Studio(workspace).project(project).title == "Floods, week 12"
    assert (run, stamp, tabs.selected) == ("", 4, "documents")


# Whose workspace


def test_at_home_everybody_works_in_the_same_workspace(anon_home: Path) -> None:
    assert session.new_visitor("whatever") == ""
    assert session.studio_for("").workspace.home == anon_home


def test_in_public_every_visitor_gets_a_workspace_of_their_own(
        anon_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANON_PUBLIC", "1")
    one, two = session.new_visitor(None), session.new_visitor("not a key")
    assert re.fullmatch(r"[0-9a-f]{32}", one) and one != two
    assert session.new_visitor(one) == one
    homes = {session.studio_for(key).workspace.home for key in (one, two)}
    assert len(homes) == 2 and all(anon_home in home.parents for home in homes)
    assert session.studio_for(one).workspace.models == anon_home / "models"
    for forged in ("", "../../etc", "0" * 31):
        with pytest.raises(gr.Error):
            session.studio_for(forged)


# Errors in words


def test_a_user_error_becomes_three_lines_and_its_text_is_escaped() -> None:
    @guard.guarded
    def handler() -> None:
        raise InputError("“<b>x</b>.csv” is empty.", "Choose another.", "All is safe.")

    with pytest.raises(gr.Error) as caught:
        handler()
    assert caught.value.message.split("<br>") == [
        "“&lt;b&gt;x&lt;/b&gt;.csv” is empty.", "All is safe.", "Choose another."]
    assert caught.value.print_exception is False


def test_what_nobody_foresaw_is_logged_in_full_and_shown_in_words(anon_home: Path) -> None:
    @guard.guarded
    def handler() -> Iterator[int]:
        yield 1
        raise KeyError("secret-detail")

    steps = handler()
    assert next(steps) == 1
    with pytest.raises(gr.Error) as caught:
        next(steps)
    assert "secret-detail" not in caught.value.message
    assert wording.FRAME_UNFORESEEN in caught.value.message
    log = (anon_home / "page.log").read_text(encoding="utf-8")
    assert "KeyError: 'secret-detail'" in log and "Traceback" in log


def test_a_guarded_handler_still_tells_gradio_what_it_wants() -> None:
    assert str(guard.guarded(layout._arrive).__wrapped__.__annotations__["request"]) == "gr.Request"


def test_notices_say_their_kind_by_a_word() -> None:
    shown = guard.problem(InputError("<i>No.", "Do this."))
    assert wording.FRAME_NOTICE["problem"] in shown and 'role="alert"' in shown
    assert "&lt;i&gt;No." in shown and "<i>" not in shown


@pytest.mark.parametrize(("seconds", "words"), [(5, "just now"), (720, "12 min ago"),
                                                (3600, "1 hour ago"), (200_000, "2 days ago")])
def test_ages_are_said_in_one_unit(seconds: float, words: str) -> None:
    assert wording.ago(seconds) == words


def test_help_exists_for_the_pages_that_show_it() -> None:
    for page_name in ("documents", "instructions"):
        assert len(wording.help_text(page_name)) > 200


def test_what_cannot_be_read_shuts_no_way_to_other_pages(workspace: Workspace, tmp_path: Path) -> None:
    """Documents or a report of another version: lists and labels come; its own page says what it is."""
    studio = Studio(workspace)
    project = made_runs.project_with_documents(studio, tmp_path)
    run = made_runs.finished(studio, project)
    for path in (*workspace.project(project).path.glob("corpora/*/receipt.json"),
                 *workspace.project(project).path.glob("runs/*/report.json")):
        path.write_text("{", encoding="utf-8")
    head = layout._head("", project, run, "")
    assert head[0].value == project and head[1].value == run
    assert all(tab.label for tab in head[4:])
