"""Yes or no for each category: read as a forward pass has it, each document in its row, cache first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.cache.answers import AnswerCache
from engine.errors import TeacherError
from engine.models.folders import ModelFolder
from engine.prompts.calibration import CAP, EMPTY_MESSAGES
from engine.prompts.questions import compose_labels
from engine.prompts.template import Template
from engine.records import Answer, Document, FloatArray, Prompt
from engine.teachers.asking import BATCH, Asker
from engine.teachers.asking_labels import LabelAnswers, ask_labels
from engine.teachers.local import LocalTeacher
from engine.teachers.prefixes import STEP
from engine.teachers.recorded import RecordedTeacher
from tests.prompts.injections import INJECTIONS
from tests.students.tiny import CPU, TASK, corpus_of, documents

SEVERAL = TASK.model_copy(update={"kind": "multi_label"})
DOCUMENTS = corpus_of(documents(12)[0]).documents
YES_OR_NO = Template(id="yes-or-no", kind="multi_label", answer="yes_no", opening="This :",
                     text="{{ document }} . about {{ label.name }} : {{ label.definition }}")


@pytest.fixture
def teacher(tiny_model: ModelFolder) -> LocalTeacher:
    """The tiny model, with words for yes and no."""
    path = tiny_model.path / "tokenizer.json"
    tokens = json.loads(path.read_text())
    vocabulary = tokens["model"]["vocab"]
    vocabulary["Yes"], vocabulary["No"] = vocabulary.pop("X"), vocabulary.pop("Z")
    path.write_text(json.dumps(tokens))
    return LocalTeacher(tiny_model, CPU)


class Told:
    """Stands where a model would: says yes with a probability that is told of its prompt, and counts."""

    name, digest = "told", "told-1"

    def __init__(self, yes: object) -> None:
        self.yes, self.asked = yes, []

    def answer(self, prompts: Sequence[Prompt], depths: tuple[float, ...]) -> list[Answer]:
        assert len(prompts) <= BATCH and depths == ()
        self.asked += [p.text for p in prompts]
        likely = [self.yes(p.text) for p in prompts]
        return [Answer(np.log(np.array([yes, 1 - yes], np.float32))) for yes in likely]


def asked(teacher: object, cache: AnswerCache | None = None, given: Sequence[Document] = DOCUMENTS,
          **more: object) -> LabelAnswers:
    asker = Asker(teacher, 1200, cache, more.pop("checkpoint", None))
    return ask_labels(asker, given, SEVERAL, YES_OR_NO, **more)


def is_empty(text: str) -> bool:
    return text.startswith(tuple(f"{message} ." for message in EMPTY_MESSAGES))


def test_yes_against_no_is_what_a_forward_pass_says(teacher: LocalTeacher, tiny_model: ModelFolder) -> None:
    prompts = compose_labels(YES_OR_NO, SEVERAL, DOCUMENTS[:4], 1200)
    said = teacher.answer(prompts[:3], ()) + teacher.answer(prompts[3:], ())
    tokenizer = teacher._tokenizer
    read = [tokenizer.convert_tokens_to_ids(word) for word in ("Yes", "No")]
    assert teacher.answer_tokens(prompts[0]) == read
    for prompt, answer in zip(prompts, said, strict=True):
        ids = tokenizer(f"{prompt.text} . This :", return_tensors="pt", add_special_tokens=False).input_ids
        with torch.no_grad():
            logits = teacher._model(input_ids=ids).logits[0, -1, read]
        np.testing.assert_allclose(answer.log_probs, torch.log_softmax(logits, -1).numpy(), atol=2e-5)
    assert np.ptp([a.log_probs[0] for a in said]) > 0.1  # or nothing was compared


def test_each_answer_stands_with_its_document_and_category() -> None:
    likely = {"flood": "flood", "fire": "smoke", "other": "music"}
    told: list[tuple[int, int]] = []

    def yes(text: str) -> float:
        name = next(n for n in likely if f"about {n} :" in text)
        return 0.5 if is_empty(text) else 0.9 if likely[name] in text.split(" . ")[0] else 0.1

    answers = asked(Told(yes), on_progress=lambda done, total: told.append((done, total)))
    wanted = np.array([[0.9 if word in d.text else 0.1 for word in likely.values()] for d in DOCUMENTS])
    assert 0 < (wanted > 0.5).sum() < wanted.size
    np.testing.assert_allclose(answers.probs, wanted, atol=1e-5)  # empty messages lean nowhere: as said
    assert told[-1] == (36, 36) and [d for d, _ in told] == sorted(d for d, _ in told)


def test_a_liking_for_yes_is_taken_off_where_empty_messages_show_it() -> None:
    def liking(empty: float) -> LabelAnswers:
        return asked(Told(lambda text: empty if is_empty(text) else 0.85 if "ban" in text else 0.95))
    plain, mended = liking(0.5).probs, liking(0.8).probs
    assert (mended < plain).all() and ((mended > 0) & (mended < 1)).all()
    shift = np.log(plain / (1 - plain)) - np.log(mended / (1 - mended))
    np.testing.assert_allclose(shift, np.log(4), atol=1e-4)  # as empty messages lean; the pool does more
    most = liking(0.999).probs
    assert (np.log(plain / (1 - plain)) - np.log(most / (1 - most)) <= 2 * CAP + 1e-4).all()


def test_a_lean_to_no_is_not_taken_for_a_liking() -> None:
    """Categories are rare: empty messages and most documents are rightly answered by no."""
    answers = asked(Told(lambda text: 0.02 if is_empty(text) else 0.1))
    np.testing.assert_allclose(answers.probs, 0.1, atol=1e-5)


def odds(probs: FloatArray) -> FloatArray:
    return np.log(probs) - np.log1p(-probs)


def test_a_lean_to_yes_over_all_categories_is_taken_off_all_alike() -> None:
    """Asked about what a message comes near it says yes too soon; to empty messages it rightly says no."""
    likely = {"flood": 0.9, "fire": 0.7, "other": 0.4}

    def yes(text: str) -> float:
        name = next(n for n in likely if f"about {n} :" in text)
        return 0.2 if is_empty(text) else likely[name] - 0.05 * ("ban" in text)
    plain, mended = asked(Told(yes), calibrate=False), asked(Told(yes))
    assert plain.lean == 0 and mended.lean > 0.5
    assert mended.lean == pytest.approx(odds(plain.probs).mean(), abs=1e-5)
    np.testing.assert_allclose(odds(plain.probs) - odds(mended.probs), mended.lean, atol=1e-5)
    assert odds(mended.probs).mean() == pytest.approx(0, abs=1e-5)
    assert (mended.probs[:, 0] > 0.5).all() and (mended.probs[:, 2] < 0.4).all()


@pytest.mark.parametrize(("likely", "lean"), [(0.5, 0.0), (0.3, 0.0), (0.6, np.log(1.5)), (0.9999, CAP)])
def test_the_lean_is_never_to_no_and_never_more_than_the_cap(likely: float, lean: float) -> None:
    """What it is sure of it still says."""
    answers = asked(Told(lambda text: 0.1 if is_empty(text) else likely))
    assert answers.lean == pytest.approx(lean, abs=1e-5) and np.isfinite(answers.probs).all()
    assert (answers.probs > 0.9).all() or lean < CAP


def test_a_liking_is_told_by_the_documents_to_learn_from_alone() -> None:
    """What documents kept aside say must not move the answers that are learned."""
    def told(aside: float) -> FloatArray:
        def yes(text: str) -> float:
            return 0.8 if is_empty(text) or any(text.startswith(d.text) for d in DOCUMENTS[:8]) else aside
        return asked(Told(yes), learn=range(8)).probs
    low, high = told(0.05), told(0.95)
    np.testing.assert_allclose(low[:8], high[:8], atol=1e-6)
    assert (low[:8] < 0.8).all() and (low[8:] < high[8:]).all()


def test_a_second_asking_needs_no_model(teacher: LocalTeacher, tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "a.sqlite")
    first = asked(teacher, cache)
    assert first.from_cache == 0 and first.probs.shape == (12, 3) and np.ptp(first.probs) > 0
    teacher.close()
    again = asked(teacher, cache)
    assert again.from_cache == 3 * (12 + len(EMPTY_MESSAGES)) and (again.probs == first.probs).all()


def test_an_interruption_keeps_what_it_had(tmp_path: Path) -> None:
    cache, teller, looks = AnswerCache(tmp_path / "a.sqlite"), Told(lambda text: 0.3), iter(range(99))

    def stop() -> None:
        if next(looks) == 5:
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        asked(teller, cache, checkpoint=stop)
    before = len(teller.asked)
    assert 0 < before < 36
    assert asked(teller, cache).from_cache == before
    assert len(teller.asked) == len(set(teller.asked)) == 3 * (12 + len(EMPTY_MESSAGES))  # nothing twice


def test_the_message_in_front_is_read_once(teacher: LocalTeacher, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    real = teacher.shared._read
    monkeypatch.setattr(teacher.shared, "_read", lambda ids: (read.append(len(ids)), real(ids))[1])
    asked(teacher)
    lengths = {len(teacher._tokenizer.encode(d.text, add_special_tokens=False)) for d in DOCUMENTS}
    assert len(read) >= len(DOCUMENTS)  # each to its end, but for what is cut to a round length
    assert all(any(n > length - STEP for n in read) for length in lengths)


def test_orders_in_a_message_change_no_other_answer_and_add_no_category(teacher: LocalTeacher) -> None:
    short = [text for text in INJECTIONS if len(text) < 200]
    hostile = [Document(f"i{i}", text, text, "") for i, text in enumerate(short)]
    prompts = compose_labels(YES_OR_NO, SEVERAL, [*hostile, *DOCUMENTS], 1200)
    alone = compose_labels(YES_OR_NO, SEVERAL, DOCUMENTS, 1200)
    assert prompts[-len(alone):] == alone and {p.labels for p in prompts} == {("Yes", "No")}
    answers = asked(teacher, None, [*hostile, *DOCUMENTS])
    assert answers.probs.shape == (len(hostile) + 12, 3)
    assert ((answers.probs >= 0) & (answers.probs <= 1)).all()


def test_a_recording_that_was_not_asked_this_says_so(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match="do not cover"):
        asked(RecordedTeacher("teacher"), AnswerCache(tmp_path / "a.sqlite"))


def test_instructions_in_front_are_read_once_for_each_category(
    teacher: LocalTeacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    real = teacher.shared._read
    monkeypatch.setattr(teacher.shared, "_read", lambda ids: (read.append(len(ids)), real(ids))[1])
    front = YES_OR_NO.model_copy(update={"text": "about {{ label.name }} : {{ label.definition }} " * 2
                                         + "{{ document }}"})
    turned = ask_labels(Asker(teacher, 1200), DOCUMENTS, SEVERAL, front)
    assert len(read) == len(SEVERAL.labels)
    plain = LocalTeacher.answer(teacher, compose_labels(front, SEVERAL, DOCUMENTS, 1200), ())
    order = np.array([a.log_probs[0] - a.log_probs[1] for a in plain]).reshape(12, 3)
    logit = np.log(turned.probs / (1 - turned.probs))
    shift = (logit - order)  # one liking for each category, nothing else
    np.testing.assert_allclose(shift, np.tile(shift[:1], (12, 1)), atol=1e-4)


def test_no_documents_no_answers(teacher: LocalTeacher) -> None:
    assert asked(teacher, None, []).probs.shape == (0, 3)
