"""The model card: front matter the Hub can read, numbers from the report and from nowhere else."""

from __future__ import annotations

from typing import Any

import yaml

from engine.export.card import model_card
from engine.plan import AskPlan, DistillPlan
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
        "300 documents",
        "Seed 41",
        "7ef915c9bf9d94d8",
        "90 of 90",
        "| Foundations | 210 | 61.0 % | kept |",
        "| Hard cases | 90 | 60.0 % | rolled back |",
        "- It repeats mistakes.",
        "- Only English.",
        "python -m engine predict",
        "no labels were used",
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
    card = model_card(PLAN, REPORT | {"learned_from": 41}, FACTS)
    assert "Learned from 41 documents" in card
    card = model_card(PLAN, REPORT | {"has_gold": False, "gold_left_out": {"no crisis": 7}}, FACTS)
    assert "without labels" not in card and "“no crisis”" in card
