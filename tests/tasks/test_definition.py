"""Questions: refused where they cannot be asked, named by what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from engine.errors import SettingsError
from engine.tasks.definition import LETTERS, Label, Task
from engine.tasks.presets import load_task, preset, save_task


def task(*names: str) -> Task:
    return Task(id="own", question="Which one?", labels=tuple(Label(name=n) for n in names))


@pytest.mark.parametrize(
    ("names", "part"),
    [
        ((), "at least two"),
        (("a",), "at least two"),
        (tuple(f"n{i}" for i in range(27)), "27 categories"),
        (("Flood", "fire", "flood"), "“flood” is there twice"),
    ],
)
def test_what_cannot_be_asked_is_refused(names: tuple[str, ...], part: str) -> None:
    with pytest.raises(SettingsError, match=part):
        task(*names).check()


def test_as_many_categories_as_letters_are_allowed() -> None:
    task(*(f"n{i}" for i in range(len(LETTERS)))).check()


def test_names_are_one_line_and_unknown_keys_refused() -> None:
    assert Label(name="  flood \n water ").name == "flood water"
    with pytest.raises(ValidationError):
        Label(name="a", colour="red")
    with pytest.raises(ValidationError):
        Label(name="")


def test_a_question_is_named_by_what_it_says() -> None:
    one = task("a", "b")
    assert one.digest == one.model_copy(update={"id": "else"}).digest
    assert one.digest not in {
        task("b", "a").digest,
        task("a", "b", "c").digest,
        one.model_copy(update={"question": "Other?"}).digest,
    }


@pytest.mark.parametrize(("kind", "given", "part"), [
    ("multi_label", {}, "no category"),
    ("multi_label", {"labels": [{"name": f"n{i}"} for i in range(41)]}, "41 categories"),
    ("multi_label", {"labels": [{"name": "a"}, {"name": "A"}]}, "twice"),
    ("multi_label", {"labels": [{"name": "a"}, {"name": "None"}]}, "where no category applies"),
    ("extract", {}, "Nothing is named"),
    ("extract", {"fields": [{"name": f"n{i}"} for i in range(21)]}, "21 things"),
    ("extract", {"fields": [{"name": "dead"}, {"name": "Dead"}]}, "field “Dead” is there twice"),
    ("extract", {"fields": [{"name": "dead people"}, {"name": "Dead_people"}]}, "people” is there"),
    ("extract", {"fields": [{"name": 'the "dead"'}]}, "quotation mark"),
])
def test_each_kind_needs_what_it_asks_for(kind: str, given: dict, part: str) -> None:
    with pytest.raises(SettingsError, match=part):
        Task.model_validate({"question": "Which?", "kind": kind, **given}).check()


def test_what_belongs_to_another_kind_is_kept_and_not_looked_at() -> None:
    both = Task.model_validate({"question": "Which?", "kind": "generate", "labels": [{"name": "a"}],
                                "fields": [{"name": "dead", "type": "number"}]})
    both.check()
    assert both.names == ("a",)


def test_own_questions_come_first_and_come_back(tmp_path: Path) -> None:
    own = Task(
        id="hazard",
        question="Own?",
        labels=(Label(name="ja", definition="é", actionable=True), Label(name="nein")),
    )
    save_task(tmp_path, own)
    assert load_task(tmp_path, "hazard") == own and load_task(tmp_path / "none", "hazard") == preset("hazard")
    with pytest.raises(SettingsError):
        save_task(tmp_path, task("a"))


@pytest.mark.parametrize(
    "content", ["question: Which?\n", "", "- a\n", "question: [\n", "id: 3\nlabels: x\n", "id: 2024-99-99\n",
                "[" * 1500]
)
def test_a_damaged_question_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "own.yaml").write_text(content)
    with pytest.raises(SettingsError, match="own.yaml"):
        load_task(tmp_path, "own")


@pytest.mark.parametrize("name", ["", " ", "\n\t"])
def test_a_category_has_a_name(name: str) -> None:
    with pytest.raises(ValidationError):
        Label(name=name)
    assert Label(name="  flood\nwater ").name == "flood water"
