"""Versions of instructions are never changed, whoever saves when."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from engine.errors import SettingsError
from engine.prompts import library
from engine.prompts.library import (
    CAREFUL_TEMPLATE,
    DEFAULT_TEMPLATE,
    find,
    make_own,
    others,
    restore,
    save_version,
    shelf,
    versions,
)
from engine.prompts.template import Template

TEXT = "{{ document }} {{ question }} {% for o in options %}{{ o.letter }} {{ o.name }} {% endfor %}"


@pytest.fixture
def parent(tmp_path: Path) -> Template:
    return find(tmp_path, DEFAULT_TEMPLATE)


def test_saving_makes_the_next_version_and_leaves_the_old_file(tmp_path: Path, parent: Template) -> None:
    second = save_version(tmp_path, TEXT, parent=parent, note="shorter", author="me")
    before = (tmp_path / second.id / "2.yaml").read_bytes()
    third = save_version(tmp_path, TEXT + "!", parent=second)
    assert (second.ref, third.ref) == (f"{DEFAULT_TEMPLATE}@2", f"{DEFAULT_TEMPLATE}@3")
    assert (second.parent, third.parent) == (parent.ref, second.ref)
    assert (tmp_path / second.id / "2.yaml").read_bytes() == before
    for made in (second, third):  # read and opened as their parent is
        assert (made.answer, made.opening) == (parent.answer, parent.opening)
    assert find(tmp_path, second.ref) == second and find(tmp_path, DEFAULT_TEMPLATE) == third
    assert find(tmp_path, parent.ref) == parent


def test_the_same_text_is_the_same_version(tmp_path: Path, parent: Template) -> None:
    assert save_version(tmp_path, parent.text, parent=parent) == parent
    second = save_version(tmp_path, TEXT, parent=parent)
    assert save_version(tmp_path, TEXT, parent=parent, note="again") == second
    assert len(list(tmp_path.glob("*/*.yaml"))) == 1


def test_tabs_that_save_at_once_get_a_version_each(tmp_path: Path, parent: Template) -> None:
    barrier, saved, failed = threading.Barrier(8), [], []

    def save(i: int) -> None:
        barrier.wait()
        try:
            saved.append(save_version(tmp_path, f"{TEXT} {i}", parent=parent))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=save, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert sorted(t.version for t in saved) == list(range(2, 10))
    assert {t.text for t in versions(tmp_path, parent.id)} == {parent.text, *(t.text for t in saved)}


def test_ten_versions_are_in_the_order_of_numbers(tmp_path: Path, parent: Template) -> None:
    for i in range(10):
        save_version(tmp_path, f"{TEXT} {i}", parent=parent)
    assert find(tmp_path, parent.id).version == 11
    assert [t.version for t in versions(tmp_path, parent.id)] == list(range(1, 12))


@pytest.mark.parametrize("text", ["", "{{ document", "x" * 8001])
def test_what_cannot_be_kept_is_refused_in_words(tmp_path: Path, parent: Template, text: str) -> None:
    with pytest.raises(SettingsError):
        save_version(tmp_path, text, parent=parent)
    assert not list(tmp_path.glob("*/*"))


@pytest.mark.parametrize("damage", [b"\xff\xfe: {", b"", b"title: only"])
def test_a_damaged_version_is_named_and_shuts_out_no_other(tmp_path: Path, parent: Template,
                                                           damage: bytes) -> None:
    second = save_version(tmp_path, TEXT, parent=parent)
    (tmp_path / parent.id / "3.yaml").write_bytes(damage)
    with pytest.raises(SettingsError, match="3.yaml"):
        find(tmp_path, f"{parent.id}@3")
    assert find(tmp_path, parent.id) == second and second in versions(tmp_path)
    assert shelf(tmp_path, parent.kind)[parent.id][-1] == second
    assert save_version(tmp_path, TEXT + "!", parent=second).version == 4  # its number is not given again
    assert (tmp_path / parent.id / "3.yaml").read_bytes() == damage


def test_other_files_in_the_folder_are_passed_over(tmp_path: Path, parent: Template) -> None:
    save_version(tmp_path, TEXT, parent=parent)
    (tmp_path / parent.id / "2 (copy).yaml").write_text("id: x")
    assert find(tmp_path, parent.id).version == 2


def test_instructions_that_are_not_there_name_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        find(tmp_path, "nonsense@3")
    assert DEFAULT_TEMPLATE in refused.value.fix


def test_restoring_makes_a_new_version_and_loses_nothing(tmp_path: Path, parent: Template) -> None:
    second = save_version(tmp_path, TEXT, parent=parent)
    third = save_version(tmp_path, TEXT + "!", parent=second)
    back = restore(tmp_path, second.ref, author="me")
    assert (back.version, back.text, back.parent) == (4, second.text, third.ref)
    assert "version 2" in back.note
    assert [t.version for t in versions(tmp_path, parent.id)] == [1, 2, 3, 4]
    assert restore(tmp_path, back.ref) == back  # it is the newest already
    assert restore(tmp_path, parent.ref).text == parent.text
    with pytest.raises(SettingsError, match="@9"):
        restore(tmp_path, f"{parent.id}@9")


def test_new_instructions_begin_as_a_copy(tmp_path: Path, parent: Template) -> None:
    own = make_own(tmp_path, "Señales de ayuda", parent, author="me")
    assert (own.id, own.version, own.text, own.parent) == ("senales-de-ayuda", 1, parent.text, parent.ref)
    assert find(tmp_path, own.id) == own
    for title, part in (("Señales de ayuda", "already"), ("  !? ", "letter"), (parent.id, "already")):
        with pytest.raises(SettingsError, match=part):
            make_own(tmp_path, title, parent)


def test_titles_in_any_script_make_instructions_of_their_own(tmp_path: Path, parent: Template) -> None:
    arabic, chinese = make_own(tmp_path, "رسائل طلب المساعدة", parent), make_own(tmp_path, "求助信息", parent)
    assert arabic.id != chinese.id and arabic.title == "رسائل طلب المساعدة"
    assert {find(tmp_path, arabic.id), find(tmp_path, chinese.id)} == {arabic, chinese}
    with pytest.raises(SettingsError, match="already"):
        make_own(tmp_path, "求助信息 ", parent)


def test_a_newer_built_in_does_not_take_the_place_of_the_analysts_own(
        tmp_path: Path, parent: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = save_version(tmp_path, TEXT, parent=parent)
    for number in (2, 3):  # a later program ships the same number, or a higher one
        newer = parent.model_copy(update={"version": number, "text": "{{ document }} newer"})
        monkeypatch.setattr(library, "built_in", lambda shipped=newer: (shipped,))
        assert find(tmp_path, parent.id) == mine == find(tmp_path, mine.ref)
        assert shelf(tmp_path, "single_label")[parent.id][-1] == mine
        assert save_version(tmp_path, TEXT, parent=mine) == mine
        assert len({t.ref for t in versions(tmp_path)}) == len(versions(tmp_path))
    after = save_version(tmp_path, TEXT + "!", parent=mine)
    assert after.version == 4 and find(tmp_path, parent.id) == after


def test_built_in_instructions_are_in_order_and_each_in_its_own_file() -> None:
    names = [t.id for t in library.built_in()]
    assert names == sorted(set(names)) and names.index("facts") < names.index("facts-es")
    assert all((library.ASSETS / "templates" / f"{name}.yaml").exists() for name in names)
    for template in library.built_in():
        assert template.title and template.note and len(template.text) < 900  # they are read every time
        assert template.opening or template.answer == "letter"


def test_the_shelf_holds_what_fits_the_question(tmp_path: Path, parent: Template) -> None:
    save_version(tmp_path, TEXT, parent=parent)
    assert [t.version for t in shelf(tmp_path, "single_label")[parent.id]] == [1, 2]
    spanish = shelf(tmp_path, "extract", "es")
    assert spanish and all(t.kind == "extract" and t.language == "es" for (t,) in spanish.values())
    news = shelf(tmp_path, "single_label", "en", "news")
    assert "article-first" in news and parent.id in news and "report-first" not in news


def test_others_to_try_are_of_the_same_kind_and_language(tmp_path: Path, parent: Template) -> None:
    own = make_own(tmp_path, "Mine", parent)
    found = others(tmp_path, parent)
    assert found[0] == own and parent.id not in {t.id for t in found}
    assert found[1].id == CAREFUL_TEMPLATE  # a small budget pays for the first few
    assert all(t.kind == "single_label" and t.language == "en" and t.suits == "any" for t in found)
