"""The model card: front matter the Hub can read, numbers from the report and from nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from engine.export.card import model_card
from engine.plan import AskPlan, DistillPlan
from engine.presets import phases_for
from engine.prompts.library import built_in
from engine.tasks.definition import Field
from tests.students.tiny import TASK, phases

PLAN = DistillPlan(
    project="p", corpus="c", task=TASK, ask=AskPlan(template=built_in()[0]), phases=phases(), seed=41
)
SCORES = {"accuracy": 0.8125, "macro_f1": 0.7375, "n": 80}
REPORT: dict[str, Any] = {
    "verdict": "It agrees on 81%.",
    "n": 90,
    "has_gold": True,
    "teacher": SCORES | {"accuracy": 0.9},
    "student": SCORES,
    "baseline": SCORES | {"accuracy": 0.5},
    "teacher_name": "Big",
    "student_name": "Small",
    "sizes": {"learn": 300, "steer": 60, "kept_aside": 90},
    "limits": ["It repeats mistakes.", "Only English."],
    "phases": [
        {"title": "Foundations", "documents": 210, "agreement": 0.61, "kept": True},
        {"title": "Hard cases", "documents": 90, "agreement": 0.6, "kept": False},
    ],
}
FACTS = {
    "base_repo": "lab/small",
    "licence": "Apache-2.0",
    "trained_parameters": 4_884_480,
    "parameters": 139_399_104,
    "base_digest": "7ef915c9bf9d94d8d702",
    "base_source": "the Hub",
    "reloaded": "Saved and asked again: 90 of 90.",
}


def front_matter(card: str) -> dict[str, Any]:
    return yaml.safe_load(card.split("---")[1])


def test_the_front_matter_is_yaml() -> None:
    head = front_matter(model_card(PLAN, REPORT, FACTS))
    assert head["base_model"] == "lab/small" and head["library_name"] == "peft"
    assert head["license"] == "apache-2.0" and head["pipeline_tag"] == "text-classification"


def test_everything_that_matters_is_said() -> None:
    card = model_card(PLAN, REPORT, FACTS)
    for part in (
        REPORT["verdict"],
        TASK.question,
        "**flood**: water where",
        "0.812",
        "0.738",
        "| 80 |",
        "4,884,480 trained",
        "90 documents kept aside",
        "Learned from 210 of 300 documents",
        "Seed 41",
        "7ef915c9bf9d94d8",
        "90 of 90",
        "| Foundations | 210 | 61.0 % | kept |",
        "| Hard cases | 90 | 60.0 % | rolled back |",
        "- It repeats mistakes.",
        "- Only English.",
        "python -m engine predict",
        "No labels were used",
    ):
        assert part in card, part


def test_without_labels_it_claims_no_scores() -> None:
    none = {"accuracy": None, "macro_f1": None, "n": 0}
    card = model_card(
        PLAN, REPORT | {"has_gold": False, "teacher": none, "student": none, "baseline": none}, FACTS
    )
    assert "without labels" in card and "accuracy" not in card
    assert front_matter(card)["base_model"] == "lab/small"


def test_a_model_that_writes_is_not_called_a_classifier() -> None:
    fields = (Field(name="dead", definition="people killed", type="number"),)
    for kind, said in (("extract", "reads out facts"), ("generate", "writes short texts")):
        plan = PLAN.model_copy(update={"task": TASK.model_copy(update={"kind": kind, "fields": fields})})
        card = model_card(plan, REPORT | {"has_gold": False}, FACTS)
        assert said in card and "classifier" not in card and "without labels" not in card
        assert front_matter(card)["pipeline_tag"] == "text-generation"
        assert ("**dead**: people killed" in card) == (kind == "extract") and "**flood**" not in card


def test_documents_that_were_not_read_are_not_counted_and_odd_labels_are_named() -> None:
    phases = [{"title": "Foundations", "documents": 41, "agreement": 0.6, "kept": True}]
    card = model_card(PLAN, REPORT | {"learned_from": 41, "phases": phases}, FACTS)
    assert "Learned from 41 documents and" in card
    card = model_card(PLAN, REPORT | {"has_gold": False, "gold_left_out": {"no crisis": 7}}, FACTS)
    assert "without labels" not in card and "“no crisis”" in card


@pytest.mark.parametrize(("kept", "said"), [
    ((204, 0, 0), "Learned from 204 of 293 documents"), ((204, 293, 0), "Learned from 293 documents and"),
    ((204, 0, 60), "Learned from 204 to 264 of 293 documents"),
    ((204, 0, 120), "Learned from 204 to 293 of 293 documents"),
    ((0, 0, 0), "no phase of training was kept")])
def test_what_was_rolled_back_is_not_counted_as_learned(kept: tuple[int, ...], said: str) -> None:
    phases = [{"title": title, "documents": n or 293, "agreement": 0.6, "kept": bool(n)}
              for title, n in zip(("Foundations", "Breadth", "Hard cases"), kept, strict=True)]
    assert said in model_card(PLAN, REPORT | {"phases": phases, "learned_from": 293}, FACTS)


def test_what_was_read_without_answers_is_told_and_not_counted_as_learned() -> None:
    read = {"title": "Reading", "reads": True, "documents": 300, "agreement": None, "kept": True}
    card = model_card(PLAN, REPORT | {"phases": [read, *REPORT["phases"]]}, FACTS)
    assert "| Reading | 300 | read, without answers | kept |" in card and "Learned from 210 of 300" in card
    assert "read 300 documents word by word" in card and "may hold pieces of their wording" in card
    lost = model_card(PLAN, REPORT | {"phases": [read | {"kept": False}, *REPORT["phases"]]}, FACTS)
    assert "wording" not in lost and "wording" not in model_card(PLAN, REPORT, FACTS)
    untaught = [read, *({**phase, "kept": False} for phase in REPORT["phases"])]
    assert "no phase of training was kept" in model_card(PLAN, REPORT | {"phases": untaught}, FACTS)


@pytest.mark.parametrize(("reached", "stopped", "said"), [
    (4, False, ""), (4, True, "stopped early** in “Hard cases”."),
    (3, True, "stopped early** in “Breadth”; not reached: “Hard cases”."),
    (2, False, "stopped early**; not reached: “Breadth”, “Hard cases”.")])  # while asking again
def test_a_training_that_was_stopped_is_said_to_be(reached: int, stopped: bool, said: str) -> None:
    plan = PLAN.model_copy(update={"phases": phases_for("thorough")})
    begun = [{"title": phase.title, "documents": 9, "agreement": 0.6, "kept": True, "stopped": False}
             for phase in plan.phases[:reached]]
    begun[-1]["stopped"] = stopped
    card = model_card(plan, REPORT | {"phases": begun}, FACTS)
    assert said in card if said else "stopped" not in card
