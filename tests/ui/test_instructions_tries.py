"""Instructions: tries compared, what was not kept put aside, own questions beside one another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.studio import EXAMPLE, EXAMPLE_TEACHER, Studio, Tried
from engine.workspace import Workspace
from ui import instructing, instructions_events, instructions_shown, trying, wording
from ui.task_form import Asked, form_of

does = instructions_events
FIRST = "message-first@1"


@pytest.fixture
def studio(workspace: Workspace) -> Studio:
    made = Studio(workspace)
    made.open_example()
    return made


def form(studio: Studio) -> Asked:
    """The question as the page sends it."""
    return form_of(studio.task(EXAMPLE))


def refreshed(studio: Studio, shown: dict[str, str], asked: Asked, editor: str | None) -> dict[str, Any]:
    return instructions_shown.refresh(studio, EXAMPLE, shown, 0, EXAMPLE_TEACHER, *asked, editor, "", "")


class Answers:
    """Stands where the front desk asks the large model, which a test of the page cannot load."""

    def __init__(self, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
        self.studio, self.tries = studio, []
        self.labels, self.share = ["flood"] * 10, 0.7
        monkeypatch.setattr(Studio, "try_on", self._try_on)

    def _try_on(self, *_: Any) -> list[Tried]:
        return [Tried(i, f"<i>document</i> {i}", label, {label: self.share, "storm": 0.3}, "leaning")
                for i, label in enumerate(self.labels)]

    def to(self, edited: str, version: str = FIRST, teacher: str = EXAMPLE_TEACHER,
           **changes: Any) -> dict[str, Any]:
        """Press *Try on 10* with this text."""
        made = trying.attempt(self.studio, EXAMPLE, teacher, *form(self.studio)._replace(**changes), edited,
                            version, progress=None)
        made = trying.landed(self.studio, EXAMPLE, made["pending"], self.tries)
        self.tries = made["tries"]
        return made


@pytest.fixture
def answers(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Answers:
    return Answers(studio, monkeypatch)


def test_trying_again_says_what_the_edit_changed(studio: Studio, answers: Answers) -> None:
    text = studio.template(EXAMPLE).text
    made = answers.to(text)
    assert wording.instructions_first_try("v1", 10) in made["status"]
    assert (made["attempt"].variant, made["use"].variant) == ("secondary", "primary")
    assert "&lt;i&gt;document" in made["results"] and "<i>document" not in made["results"]
    assert "70 %" in made["results"] and wording.INSTRUCTIONS_RECORDED_BY in made["results"]
    answers.labels, answers.share = ["fire"] * 3 + ["flood"] * 7, 0.8
    made = answers.to(text + "!")
    assert wording.instructions_changed("v1", wording.INSTRUCTIONS_YOUR_EDIT, 3, 10, 10, 0) in made["status"]
    assert "confidence rose on 10" in made["status"]
    assert made["results"].count(wording.instructions_was("flood")) == 3
    made = answers.to(text + "!")
    assert "changed 3 of 10" in made["status"]  # compared with what came before, not with itself
    assert not made["against"].visible  # there is only one to compare with


def test_tries_are_called_by_the_version_they_became(studio: Studio, answers: Answers) -> None:
    text = studio.template(EXAMPLE).text
    answers.to(text)
    answers.labels = ["fire"] * 2 + ["flood"] * 8
    answers.to(text + "!")
    does.use(studio, EXAMPLE, EXAMPLE_TEACHER, *form(studio), text + "!", FIRST, "louder", "Ana",
             answers.tries, 0)
    assert studio.template(EXAMPLE).note == "louder (changed 2 of 10 answers of v1)"
    made = answers.to(text + "!!", "message-first@2")
    assert "v2 → your edit changed none of 10 answers." in made["status"]
    answers.labels = ["fire"] * 3 + ["flood"] * 7
    made = answers.to(text + "!!!", "message-first@2")
    assert trying.effect_of(studio, EXAMPLE, answers.tries, text + "!!!", studio.task(EXAMPLE)) == \
        "changed 1 of 10 answers of v2"  # an edit that was not kept has no name in a note
    assert trying.effect_of(studio, EXAMPLE, answers.tries, text + "!!", studio.task(EXAMPLE)) == ""
    assert f"{wording.INSTRUCTIONS_EARLIER_EDIT} → your edit" in made["status"]
    # Any earlier one may be compared with.
    names = dict(made["against"].choices)
    assert list(names) == [f"Message first, then the categories · {n}" for n in ("your edit", "v2", "v1")]
    assert made["against"].visible
    made = trying.against(studio, EXAMPLE, names["Message first, then the categories · v1"], answers.tries)
    assert "v1 → your edit changed 3 of 10 answers" in made["status"]
    assert made["results"].count(wording.instructions_was("flood")) == 3


def test_what_else_was_changed_between_two_tries_is_said(studio: Studio, answers: Answers) -> None:
    text = studio.template(EXAMPLE).text
    answers.to(text)
    made = answers.to(text, question="Which danger is it?")
    assert wording.INSTRUCTIONS_ALSO["task"] in made["status"] and "Which danger is it?" in made["results"]
    made = answers.to(text, teacher="another")
    assert wording.INSTRUCTIONS_ALSO["teacher"] in made["status"]
    assert len(answers.tries) == 3
    studio.use_preset(EXAMPLE, "clusters")
    made = answers.to(studio.template(EXAMPLE).text, studio.template(EXAMPLE).ref)
    assert "10 answers with v1" in made["status"]  # another kind of answer is not compared
    assert "was:" not in made["results"]


def test_answers_that_come_too_late_are_not_shown(studio: Studio, answers: Answers) -> None:
    """Another kind of question, or another project, was chosen while the large model was asked."""
    asked, text = form(studio), studio.template(EXAMPLE).text
    pending = trying.attempt(studio, EXAMPLE, EXAMPLE_TEACHER, *asked, text, FIRST, progress=None)["pending"]
    assert trying.landed(studio, studio.create_project("Mine").id, pending, []) == {}
    studio.use_preset(EXAMPLE, "clusters")
    assert trying.landed(studio, EXAMPLE, pending, []) == {"tries": [pending["try"]]}
    assert trying.landed(studio, EXAMPLE, {}, []) == {}


def test_a_note_keeps_the_analyst_s_words_where_both_do_not_fit() -> None:
    assert wording.instructions_noted("", "changed none of 10 answers of v1").startswith("changed none")
    assert wording.instructions_noted("n" * 390, "changed 3 of 10 answers of v1") == "n" * 390


def test_answers_of_other_kinds_are_shown_in_words() -> None:
    many = dict.fromkeys(("food", "water", "shelter", "health"), 0.9) | {"roads": 0.1, "power": 0.05}
    several = Tried(0, "text", "food, water, shelter, health", many, "leaning")
    table = instructing.tried_table([several], {0: Tried(0, "text", "food", {"food": 0.9}, "sure")})
    shown, folded = table.split("<details>")
    assert shown.count('class="bar"') == 4 and folded.count('class="bar"') == 2  # all that apply are seen
    assert wording.instructions_was("food") in shown and "2 others" in folded
    assert instructing.confidence(several) == pytest.approx(0.9)

    before = Tried(1, "text", "dead: 2", {}, "", (("dead", "2", ""), ("place", "Ansa", "")))
    facts = Tried(1, "text", "dead: 3", {}, "1 of 3 not read", (
        ("dead", "3", ""), ("place", "", "not said in the text"), ("missing", "", "not read: <several>")))
    table = instructing.tried_table([facts], {1: before})
    assert [wording.instructions_was(was) in table for was in ("2", "Ansa")] == [True, True]
    assert "not said in the text" in table and "&lt;several&gt;" in table and "<several>" not in table
    assert "1 of 3 not read" in table and "how sure" not in table and instructing.confidence(facts) == 0

    text = Tried(2, "text", "Bridge <gone>.", {}, "")
    table = instructing.tried_table([text], {2: Tried(2, "text", "Bridge.", {}, "")})
    assert "Bridge &lt;gone&gt;." in table and wording.instructions_was("Bridge.") in table


def test_answers_outlive_the_page(studio: Studio, answers: Answers, tmp_path: Path) -> None:
    """They may have taken minutes: another project, another loading, and they are there again."""
    text = studio.template(EXAMPLE).text
    answers.to(text)
    answers.labels = ["fire"] * 10
    answers.to(text + " Edited.")
    asked = form(studio)
    came_back = refreshed(studio, {}, asked, "")
    assert came_back["tries"] == answers.tries and came_back["results"].count("<tr") >= 10
    assert "fire" in came_back["results"] and not came_back.get("status")
    does.use_preset(studio, EXAMPLE, "figures", *asked, 0)  # another kind of question: they say nothing of it
    other = refreshed(studio, came_back["shown"], asked, text)
    assert other["results"] == trying.RESULTS_EMPTY and other["tries"] == answers.tries
    kept = studio.workspace.project(EXAMPLE).path / "tries.json"
    for damage in ("{", "[]", '{"corpus": "' + studio.project(EXAMPLE).corpus + '", "tries": [{}]}'):
        kept.write_text(damage)
        assert studio.kept_tries(EXAMPLE) == []
    studio.keep_tries(EXAMPLE, answers.tries)
    assert studio.kept_tries(EXAMPLE) == answers.tries
    file = tmp_path / "others.csv"
    file.write_text("text\n" + "\n".join(f"Bridge {i} is closed" for i in range(60)))
    studio.use_documents(EXAMPLE, [file])
    assert studio.kept_tries(EXAMPLE) == []  # of other documents


def test_what_was_written_and_not_kept_can_be_put_back(studio: Studio) -> None:
    asked, text = form(studio), studio.template(EXAMPLE).text
    shown = refreshed(studio, {}, Asked("", "single_label", [], [], None), None)["shown"]
    mine = text + "\nMy edit."
    made = does.open_version(studio, EXAMPLE, "with-definitions@1", mine, 1)
    other = studio.template(EXAMPLE).text
    assert (made["editor"], made["draft"], made["put_back"].visible) == (other, mine, True)
    after = refreshed(studio, shown, asked, other)
    assert after["editor"] == other and "draft" not in after  # what was put aside stays there
    made = does.put_back(studio, EXAMPLE, mine, 0, EXAMPLE_TEACHER, *asked, other,
                         ("with-definitions@1", does.EDITED))
    assert made["editor"] == mine and made["draft"] == "" and not made["put_back"].visible
    assert "My edit." in made["prompt"]
    assert "draft" not in does.open_version(studio, EXAMPLE, FIRST, other, 2)  # nothing unkept was there
    # A list tells of one choice twice, and the page may not have followed by the second time.
    first = studio.template(EXAMPLE, FIRST).text
    for time in (1, 2):
        assert "draft" not in does.open_version(studio, EXAMPLE, "letters@1", first, 2 + time)


def test_a_question_of_another_kind_puts_the_text_aside(studio: Studio) -> None:
    asked, mine = form(studio), studio.template(EXAMPLE).text + "\nMy edit."
    shown = refreshed(studio, {}, asked, "")["shown"]
    does.use_preset(studio, EXAMPLE, "figures", *asked, 0)
    made = refreshed(studio, shown, asked, mine)
    assert made["draft"] == mine and made["put_back"].visible
    assert made["editor"] == studio.template(EXAMPLE).text != mine
    assert made["results"] == trying.RESULTS_EMPTY  # answers to a question of one category


def test_new_instructions_take_the_edit_along(studio: Studio) -> None:
    asked, mine = form(studio), studio.template(EXAMPLE).text + "\nMy edit."
    shown = refreshed(studio, {}, asked, "")["shown"]
    begun = does.begin(studio, EXAMPLE, "Ours", "Ana", shown, 0)
    made = refreshed(studio, begun["shown"], asked, mine)
    assert "editor" not in made and "draft" not in made and made["version"].value == "ours@1"
    assert "My edit." in made["changes"]
    assert refreshed(studio, made["shown"], asked, mine) == {}


def test_a_question_that_was_changed_is_kept_when_another_is_chosen(studio: Studio) -> None:
    asked = form(studio)
    changed = asked._replace(table=asked.table[:3])
    made = does.use_preset(studio, EXAMPLE, "informative", *changed, 4)
    assert wording.INSTRUCTIONS_KEPT_OWN in made["status"] and made["stamp"] == 5
    assert studio.task(EXAMPLE).id == "informative"
    other = form(studio)._replace(question="Does it help?")
    does.use_preset(studio, EXAMPLE, "own-question", *other, 5)
    assert studio.task(EXAMPLE).names == ("flood", "storm", "earthquake")
    assert studio.own_tasks(EXAMPLE) == {"own-question": asked.question, "own-question-2": "Does it help?"}
    made = does.use_preset(studio, EXAMPLE, "hazard", *form(studio), 6)
    assert made["status"] == "" and len(studio.own_tasks(EXAMPLE)) == 2  # nothing was changed
    made = does.use_preset(studio, EXAMPLE, "informative", *asked._replace(table=[]), 7)
    assert wording.INSTRUCTIONS_NOT_KEPT in made["status"] and studio.task(EXAMPLE).id == "informative"


def test_a_question_from_a_file_stands_beside_what_was_written(studio: Studio, tmp_path: Path) -> None:
    written, brought = form(studio)._replace(question="Mine?"), tmp_path / "names.csv"
    brought.write_text("name\nrain\nsnow\n", encoding="utf-8")
    made = does.bring(studio, EXAMPLE, str(brought), *written, 1)
    assert wording.INSTRUCTIONS_KEPT_OWN in made["status"] and studio.task(EXAMPLE).names == ("rain", "snow")
    assert list(studio.own_tasks(EXAMPLE).values())[0] == "Mine?" and len(studio.own_tasks(EXAMPLE)) == 2
    brought.write_text("name,kind\na,nonsense\n", encoding="utf-8")
    made = does.bring(studio, EXAMPLE, str(brought), *form(studio)._replace(question="And mine?"), 2)
    assert "nonsense" in made["status"] and "stamp" not in made  # an own question was edited, not replaced
    assert studio.task(EXAMPLE).question == "And mine?"


def test_ready_made_questions_say_their_kind_where_it_is_not_the_usual(studio: Studio) -> None:
    names = {value: title for title, value in
             refreshed(studio, {}, form(studio), "")["preset"].choices}
    assert names["hazard"] == "Hazard type" and names["figures"].endswith("· facts to read out")
    assert names["clusters"].endswith("· several categories") and names["summary"].endswith("· a short text")
