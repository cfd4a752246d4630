"""A real (tiny) model asked: each prompt by itself alone, at its own last token."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from engine.errors import TeacherError
from engine.models.folders import ModelFolder
from engine.models.loading import load_causal_lm
from engine.prompts.composing import compose
from engine.teachers.local import LocalTeacher
from tests.students.tiny import CPU, FIRST, TASK, corpus_of, documents

DEPTHS = (0.25, 0.5, 1.0)
CORPUS = corpus_of(documents(8)[0])


@pytest.fixture
def teacher(tiny_model: ModelFolder) -> LocalTeacher:
    return LocalTeacher(tiny_model, CPU)


@pytest.mark.parametrize(("answer", "order"), [("letter", (0, 1, 2)), ("word", (2, 0, 1))])
def test_it_reads_the_right_tokens_after_the_right_one(
    teacher: LocalTeacher, tiny_model: ModelFolder, answer: str, order: tuple[int, ...]
) -> None:
    template = FIRST.model_copy(update={"answer": answer, "opening": "about :"})
    prompts = compose(template, TASK, CORPUS.documents, order, 1200)
    together = teacher.answer(prompts, DEPTHS)
    model, tokenizer = load_causal_lm(tiny_model, CPU)
    for prompt, said in zip(prompts, together, strict=True):
        text = prompt.text + " . about :"
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
        assert ids[0].tolist() == teacher.encode(prompt)
        with torch.no_grad():
            out = model(input_ids=ids, output_hidden_states=True)
        names = [TASK.names[i] for i in order] if answer == "word" else ["A", "B", "C"]
        read = [tokenizer.convert_tokens_to_ids(name) for name in names]
        expected = torch.log_softmax(out.logits[0, -1, read], -1).numpy()
        np.testing.assert_allclose(said.log_probs, expected, atol=2e-5)
        states = np.stack([out.hidden_states[k][0, -1].numpy() for k in (0, 1, 2)])
        np.testing.assert_allclose(said.hidden, states, atol=2e-3, rtol=2e-3)
        assert said.hidden.dtype == np.float16
    alone = teacher.answer(prompts[3:4], ())[0]
    np.testing.assert_allclose(alone.log_probs, together[3].log_probs, atol=2e-5)
    assert alone.hidden is None


def test_a_prompt_beyond_the_window_is_refused(teacher: LocalTeacher) -> None:
    long = corpus_of(["flood " * 400])
    with pytest.raises(TeacherError, match="reads at most 256"):
        teacher.answer(compose(FIRST, TASK, long.documents, (0, 1, 2), 9999), ())


def test_a_model_that_follows_no_instructions_is_refused(tiny_model: ModelFolder) -> None:
    path = tiny_model.path / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    del settings["chat_template"]
    path.write_text(json.dumps(settings))
    with pytest.raises(TeacherError, match="no chat form"):
        LocalTeacher(tiny_model, CPU)


def test_closing_gives_the_weights_back(teacher: LocalTeacher) -> None:
    teacher.close()
    assert not hasattr(teacher, "_model")
