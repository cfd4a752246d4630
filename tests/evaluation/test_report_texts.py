"""Answers in writing, scored: one that cannot be read is never taken for one that says nothing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from engine.evaluation import report_texts
from engine.evaluation.report_texts import score_texts
from engine.plan import AskPlan, DistillPlan
from engine.presets import phases_for
from engine.prompts.library import built_in
from engine.records import Corpus, Document, Parts, WrittenSignal
from engine.tasks.definition import Field, Task

FACTS = Task(id="facts", kind="extract", question="What happened?",
             fields=(Field(name="place"), Field(name="dead", type="number")))
SILENT, MANTA = '{"place": null, "dead": null}', '{"place": "Manta", "dead": null}'
TEXTS = [f"Message {i} about Manta." for i in range(8)]


def report(said: list[str], monkeypatch: pytest.MonkeyPatch) -> dict:
    """What is reported where the large model says `MANTA` of two documents, and nothing of two."""
    monkeypatch.setattr(report_texts, "answered", lambda *_: (said, np.zeros((len(said), 0))))
    template = next(t for t in built_in() if t.kind == "extract")
    plan = DistillPlan(project="p", corpus="c", task=FACTS, ask=AskPlan(teacher="t", template=template),
                       phases=phases_for("quick", "extract"))
    corpus = Corpus("c", tuple(Document(str(i), text, text, str(i)) for i, text in enumerate(TEXTS)))
    signal = WrittenSignal(texts=(MANTA,) * 6 + (SILENT,) * 2, sureness=np.ones(8), asked=np.ones(8, int))
    student = SimpleNamespace(prompt=lambda text: text)
    made, table = score_texts(plan, corpus, Parts((0, 1), (2, 3), (4, 5, 6, 7)), signal, student,
                              lambda texts: np.zeros((len(texts), 2)), lambda *_: None)
    assert table["student"].tolist()[4:] == said
    return made


@pytest.mark.parametrize(("said", "agreement", "unread"), [
    ([MANTA, MANTA, SILENT, SILENT], 1.0, 0), ([SILENT] * 4, 0.75, 0),
    ([""] * 4, 0.0, 4), ([MANTA, MANTA, "", ""], 0.5, 2)])
def test_what_cannot_be_read_agrees_with_nothing(
    said: list[str], agreement: float, unread: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = report(said, monkeypatch)
    assert made["agreement"] == agreement and made["unread"] == {"teacher": 0, "student": unread}
    assert np.mean([field["same"] for field in made["fields"]]) == agreement
    assert made["agreement_baseline"] == 0.75  # without any model: nothing said, which can be read
