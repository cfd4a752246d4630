"""A teacher's likeliest tokens at each place of given answers: exact, whatever else is in the batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.losses.tokens import Listed, token_loss
from engine.models.folders import ModelFolder
from engine.records import Prompt
from engine.teachers.listing import list_answers
from engine.teachers.local import LocalTeacher
from engine.teachers.written import sureness_of
from engine.training.preparing import as_listed
from tests.losses.whole import list_tokens
from tests.students.tiny import CPU

TEXTS = ("flood water", "fire", "other music film game", "rain")
PROMPTS = [Prompt(f"{text} about", (), (), "", "text") for text in
           ("ban river dam", "smoke", "party coffee holiday ban der", "boat")]
TEMPERATURES, DEPTHS = (1.0, 2.0), (0.5, 1.0)


@pytest.fixture
def teacher(tiny_model: ModelFolder) -> LocalTeacher:
    return LocalTeacher(tiny_model, CPU)


def dense(teacher: LocalTeacher, prompt: Prompt, text: str) -> tuple[torch.Tensor, list[int], tuple]:
    """Scores at the places that predict the answer, by itself; the answer; all hidden states there."""
    ids = teacher.encode(prompt)
    answer = [*teacher._tokenizer.encode(text), teacher._tokenizer.eos_token_id]
    with torch.no_grad():
        out = teacher._model(input_ids=torch.tensor([ids + answer]), output_hidden_states=True)
    here = slice(len(ids) - 1, len(ids) + len(answer) - 1)
    return out.logits[0, here], answer, tuple(state[0, here] for state in out.hidden_states)


def test_lists_are_those_of_each_answer_by_itself(teacher: LocalTeacher) -> None:
    made = teacher.list_tokens(PROMPTS, TEXTS, TEMPERATURES, DEPTHS)
    for (listed, hidden), prompt, text in zip(made, PROMPTS, TEXTS, strict=True):
        scores, answer, states = dense(teacher, prompt, text)
        assert listed.written.tolist() == answer
        for t, row in zip(TEMPERATURES, listed.normalisers, strict=True):
            exact = torch.log_softmax(scores / t, dim=-1)
            mine = torch.tensor(listed.log_probs.astype(np.float32)) / t - torch.tensor(row)[:, None]
            wanted = exact.gather(1, torch.tensor(listed.ids.astype(np.int64)))
            torch.testing.assert_close(mine, wanted, atol=4e-3, rtol=0)  # kept in 16 bits
        for depth, state in enumerate((states[1], states[-1])):
            np.testing.assert_allclose(hidden[depth], state.mean(0).numpy(), atol=3e-3)
        likely = torch.softmax(scores, -1).gather(1, torch.tensor(answer)[:, None]).mean()
        listed_there = np.isin(listed.written[:, None], listed.ids).all()
        assert 0 <= sureness_of(listed) <= 1
        if listed_there and all(w in row for w, row in zip(answer, listed.ids.tolist(), strict=True)):
            assert sureness_of(listed) == pytest.approx(float(likely), abs=2e-3)


def test_what_was_kept_teaches_as_what_is_live(teacher: LocalTeacher) -> None:
    """The loss from a kept list is the loss from the teacher's own scores, but for 16 bits."""
    torch.manual_seed(0)
    for (kept, _), prompt, text in zip(teacher.list_tokens(PROMPTS, TEXTS, TEMPERATURES, ()), PROMPTS, TEXTS,
                                       strict=True):
        scores, _, _ = dense(teacher, prompt, text)
        student = torch.randn(scores.shape)
        for t in TEMPERATURES:
            live = list_tokens(scores, kept.ids.shape[1], TEMPERATURES)
            torch.testing.assert_close(token_loss("forward_kl", student, as_listed(kept), t),
                                       token_loss("forward_kl", student, live, t), atol=2e-2, rtol=2e-3)


def test_rows_of_the_vocabulary_matrix_beyond_the_tokens_are_never_listed(teacher: LocalTeacher) -> None:
    """Matrices are padded to round sizes: 151,936 or 152,064 rows for the same 151,665 tokens."""
    ids = [teacher.encode(p) for p in PROMPTS]
    answers = [[2, 1]] * len(ids)
    whole = teacher._model.get_output_embeddings().weight
    with torch.no_grad():
        whole[40:] += 50 * whole[40:].sign()  # the padding would win
    for listed, _ in list_answers(teacher._model, 40, ids, answers, (1.0,), ()):
        assert listed.ids.max() < 40
        mass = np.exp(listed.log_probs.astype(np.float64)).sum(axis=1)
        assert (mass <= 1.01).all() and np.allclose(listed.normalisers, 0, atol=1e-5)


def test_joined_lists_are_cut_to_the_shortest_and_keep_their_order() -> None:
    wide, narrow = (list_tokens(torch.randn(n, 9), k, (1.0,)) for n, k in ((2, 5), (3, 4)))
    both = Listed.joined([wide, narrow])
    assert both.ids.shape == (5, 4) and torch.equal(both.ids[2:], narrow.ids)
    assert torch.equal(both.normalisers[1.0][:2], wide.normalisers[1.0])
    with pytest.raises(ValueError, match="temperatures"):
        Listed.joined([wide, list_tokens(torch.randn(1, 9), 5, (2.0,))])
