"""A real (tiny) model asked: each prompt by itself alone, at its own last token."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.errors import TeacherError
from engine.models.folders import ModelFolder
from engine.models.loading import load_causal_lm
from engine.models.tokens import TokenCounter
from engine.plan import StudentPlan
from engine.prompts.composing import compose
from engine.students.base import Student
from engine.teachers.local import LocalTeacher
from tests.students.tiny import CPU, FIRST, MODEL, TASK, corpus_of, documents

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


SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "max_position_embeddings": 256, "eos_token_id": 1, "pad_token_id": 1,
         "bos_token_id": 1, "initializer_range": 0.3, "tie_word_embeddings": True}
KINDS = {  # what each does to its scores, or where its decoder stands
    "granite": {"logits_scaling": 8.0}, "cohere": {"logit_scale": 0.25},
    "gemma2": {"final_logit_softcapping": 3.0, "head_dim": 8, "query_pre_attn_scalar": 8},
    "gpt_neox": {}, "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256, "n_inner": 48}}


@pytest.fixture(params=KINDS)
def other_kind(request: pytest.FixtureRequest, tiny_model: ModelFolder) -> ModelFolder:
    """The tiny model's tokenizer with a decoder of another kind."""
    from transformers import AutoConfig, AutoModelForCausalLM
    words = len(load_causal_lm(tiny_model, CPU)[1])
    torch.manual_seed(0)
    common = {"vocab_size": words, "initializer_range": 0.3, "eos_token_id": 1, "bos_token_id": 1} \
        if request.param == "gpt2" else SMALL | {"vocab_size": words}
    config = AutoConfig.for_model(request.param, **common, **KINDS[request.param])
    for old in tiny_model.path.glob("*.safetensors"):
        old.unlink()
    (tiny_model.path / "config.json").unlink()
    AutoModelForCausalLM.from_config(config).save_pretrained(tiny_model.path)
    return tiny_model


def test_it_scores_as_the_models_own_head_does(other_kind: ModelFolder) -> None:
    teacher, (model, tokenizer) = LocalTeacher(other_kind, CPU), load_causal_lm(other_kind, CPU)
    prompts = compose(FIRST, TASK, CORPUS.documents[:3], (0, 1, 2), 1200)
    texts = ["flood water", "fire", "rain"]
    listings = teacher.list_tokens(prompts, texts, (1.0, 2.0), ())
    read = [tokenizer.convert_tokens_to_ids(letter) for letter in "ABC"]
    for prompt, said, text, (listed, _) in zip(prompts, teacher.answer(prompts, ()), texts, listings,
                                               strict=True):
        ids = teacher.encode(prompt)
        answer = [*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id]
        with torch.no_grad():
            scores = model(input_ids=torch.tensor([ids + answer])).logits[0].float()
        expected = torch.log_softmax(scores[len(ids) - 1, read], -1).numpy()
        np.testing.assert_allclose(said.log_probs, expected, atol=2e-4)
        whole = torch.log_softmax(scores[len(ids) - 1:-1], -1).gather(1, torch.tensor(listed.ids).long())
        np.testing.assert_allclose(listed.log_probs, whole.clamp_min(-40).numpy(), atol=2e-2)


def test_any_kind_of_decoder_can_be_the_small_model(other_kind: ModelFolder) -> None:
    student = Student.fresh(other_kind, StudentPlan(model=MODEL, rank=4, alpha=8), TASK, CPU, seed=0)
    ids = [student.encode(text) for text in CORPUS.texts[:3]]
    logits, states = student.forward(ids, (0.5, 1.0))
    assert logits.shape == (3, 3) and states.shape == (3, 2, 32)
    read, _ = student.read([[*row, 5, 6] for row in ids], [len(row) for row in ids])
    words = student.scored(read @ student.head.T)
    model = student.model.get_base_model()
    with torch.no_grad():  # as its own head would score: scaled, or held within a range
        own = [model(input_ids=torch.tensor([[*row, 5]])).logits[0, -2:].float() for row in ids]
    labels = torch.stack([one[0] for one in own])[:, list(student.settings.label_tokens)]
    torch.testing.assert_close(logits, labels, atol=2e-4, rtol=2e-4)
    torch.testing.assert_close(words, torch.cat(own), atol=2e-4, rtol=2e-4)
    logits.square().mean().backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in student.adapter_parameters())
    assert 0 < len(student.train_above(0.5)) < len(student.adapter_parameters())


def test_another_tokenizer_chat_form_or_number_format_is_another_teacher(tiny_model: ModelFolder) -> None:
    """Kept answers are found by it: those of a model mended in between must not be taken for its own."""
    seen = {LocalTeacher(tiny_model, replace(CPU, dtype=dtype)).digest for dtype in ("float32", "bfloat16")}
    settings = tiny_model.path / "tokenizer_config.json"
    settings.write_text(settings.read_text().replace(" . ", " , "))
    seen.add(LocalTeacher(tiny_model, CPU).digest)
    tokens = tiny_model.path / "tokenizer.json"
    tokens.write_text(tokens.read_text() + " ")
    seen.add(LocalTeacher(tiny_model, CPU).digest)
    assert len(seen) == 4


def test_a_model_computed_otherwise_is_another_teacher(tiny_model: ModelFolder) -> None:
    """The same weights with another base of its rotations, or another end of an answer, say other things."""
    def changed(name: str, **values: object) -> str:
        path = tiny_model.path / name
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(known | values))
        return LocalTeacher(tiny_model, CPU).digest
    first = LocalTeacher(tiny_model, CPU).digest
    assert changed("config.json", transformers_version="4.0", dtype="bfloat16") == first
    seen = {first, changed("config.json", rms_norm_eps=1e-2)}
    seen.add(changed("generation_config.json", eos_token_id=7))
    assert len(seen) == 3


def test_a_model_that_can_think_aloud_does_not(tiny_model: ModelFolder) -> None:
    settings = tiny_model.path / "tokenizer_config.json"
    chat = json.loads(settings.read_text())
    chat["chat_template"] += "{% if enable_thinking is false %}about{% endif %}"
    settings.write_text(json.dumps(chat))
    prompt = compose(FIRST, TASK, CORPUS.documents[:1], (0, 1, 2), 1200)[0]
    teacher = LocalTeacher(tiny_model, CPU)
    assert teacher.encode(prompt)[-1] == teacher._tokenizer.convert_tokens_to_ids("about")
    shown = TokenCounter.from_folder(tiny_model.path).render_chat([{"role": "user", "content": prompt.text}])
    assert shown.endswith("about")


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
