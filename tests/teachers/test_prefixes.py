"""What prompts share is computed once and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.folders import ModelFolder
from engine.prompts.composing import compose
from engine.teachers.local import LocalTeacher
from engine.teachers.prefixes import SharedPrefix, common_beginning
from engine.teachers.protocol import DEPTHS
from tests.students.tiny import CPU, FIRST, TASK, corpus_of, documents

CORPUS = corpus_of(documents(12)[0])
INSTRUCTIONS_FIRST = FIRST.model_copy(update={"text": "{{ question }} {% for o in options %}{{ o.letter }} "
                                              "{{ o.name }}: {{ o.definition }} {% endfor %} {{ document }}"})


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=5))
def test_the_common_beginning_is_common_and_leaves_each_row_a_token(rows: list[list[int]]) -> None:
    n = common_beginning(rows)
    assert all(row[:n] == rows[0][:n] and len(row) > n for row in rows)
    longer = [row[:n + 1] for row in rows]
    assert any(len(row) < n + 2 for row in rows) or len({tuple(row) for row in longer}) > 1


@pytest.mark.parametrize("template", [FIRST, INSTRUCTIONS_FIRST])
def test_answers_and_states_are_the_same_as_without(tiny_model: ModelFolder, template: object) -> None:
    with_, without = LocalTeacher(tiny_model, CPU), LocalTeacher(tiny_model, CPU, reuse=False)
    prompts = compose(template, TASK, CORPUS.documents, (1, 0, 2), 1200)
    for one, other in zip(with_.answer(prompts, DEPTHS), without.answer(prompts, DEPTHS), strict=True):
        np.testing.assert_allclose(one.log_probs, other.log_probs, atol=1e-5)
        np.testing.assert_allclose(one.hidden, other.hidden, atol=2e-3, rtol=2e-3)


def test_it_is_read_once_for_all_batches_and_anew_for_other_instructions(
    tiny_model: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, read = LocalTeacher(tiny_model, CPU), []
    real = SharedPrefix._read

    def counted(self: SharedPrefix, ids: list[int]) -> None:
        read.append(len(ids))
        real(self, ids)

    monkeypatch.setattr(SharedPrefix, "_read", counted)
    prompts = compose(INSTRUCTIONS_FIRST, TASK, CORPUS.documents, (0, 1, 2), 1200)
    for start in range(0, 12, 4):
        teacher.answer(prompts[start:start + 4], ())
    assert len(read) == 1
    teacher.answer(compose(INSTRUCTIONS_FIRST, TASK, CORPUS.documents, (2, 0, 1), 1200), ())
    assert len(read) == 2
    teacher.answer(prompts[:1], ())  # alone, nothing is shared: read as it is
    assert len(read) == 2


def test_what_is_read_once_for_all_is_not_counted_as_the_cost_of_each(tiny_model: ModelFolder) -> None:
    """Long definitions in front of the message cost little; nobody goes without them for their length."""
    teacher, apart = LocalTeacher(tiny_model, CPU), LocalTeacher(tiny_model, CPU, reuse=False)
    prompts = compose(INSTRUCTIONS_FIRST, TASK, CORPUS.documents, (0, 1, 2), 1200)
    done, _ = teacher.shared.of([teacher.encode(prompt) for prompt in prompts])
    whole = apart.tokens(prompts)
    assert done > 8 and whole == [len(teacher.encode(prompt)) for prompt in prompts]
    assert teacher.tokens(prompts) == [n - done for n in whole]
    assert teacher.tokens(prompts[:1]) == whole[:1]  # alone it is read whole


def test_what_is_asked_after_a_pause_is_answered_to_the_bit_as_without_one(tiny_model: ModelFolder) -> None:
    """What was read before leaves no trace: neither a beginning that is longer, nor one that is shorter."""
    prompts = compose(INSTRUCTIONS_FIRST, TASK, CORPUS.documents, (0, 1, 2), 1200)
    twice, parts = [prompts[0]] * 4, [prompts[:4], prompts[4:8], prompts[8:12]]
    straight = LocalTeacher(tiny_model, CPU)
    straight.answer(twice, ())  # they share all but their last token
    for part in parts:
        resumed = LocalTeacher(tiny_model, CPU)
        for one, other in zip(straight.answer(part, DEPTHS), resumed.answer(part, DEPTHS), strict=True):
            assert (one.log_probs == other.log_probs).all() and (one.hidden == other.hidden).all()
