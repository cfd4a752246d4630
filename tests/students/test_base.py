"""The student answers by itself alone: not by its batch, its padding, or a second loading."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.corpus.cleaning import DEFAULT_STEPS
from engine.devices import DeviceChoice
from engine.errors import RunError, WeightsError
from engine.models.folders import ModelFolder
from engine.models.loading import load_causal_lm
from engine.plan import StudentPlan
from engine.students.base import Student
from engine.students.predicting import length_batches, predict
from engine.students.settings import SETTINGS_FILE, read_settings
from tests.students.tiny import CPU, TASK, documents, write_model

PLAN = StudentPlan(model="tiny-student", rank=4, alpha=8)
DEPTHS = (0.25, 0.5, 1.0)
TEXTS = documents(12)[0]


def changed(student: Student, seed: int = 3) -> Student:
    """Give the adapter something to say."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in student.adapter_parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=generator).to(p.dtype))
    return student


@pytest.fixture
def student(tiny_model: ModelFolder) -> Student:
    return changed(Student.fresh(tiny_model, PLAN, TASK, CPU, seed=0))


def test_a_fresh_adapter_changes_nothing(tiny_model: ModelFolder) -> None:
    student = Student.fresh(tiny_model, PLAN, TASK, CPU, seed=0)
    base, tokenizer = load_causal_lm(tiny_model, CPU)
    with torch.no_grad():
        for text in TEXTS[:4]:
            ids = tokenizer(student.prompt(text), return_tensors="pt", add_special_tokens=False).input_ids
            out = base(input_ids=ids, output_hidden_states=True)
            logits, states = student.forward([student.encode(text)], DEPTHS)
            torch.testing.assert_close(logits[0], out.logits[0, -1, list(student.settings.label_tokens)])
            for k, layer in enumerate((0, 1, 2)):  # two layers: 0.25 → embeddings, 0.5 → 1, 1.0 → last
                torch.testing.assert_close(states[0, k], out.hidden_states[layer][0, -1])


def test_it_reads_what_its_tokenizer_puts_in_front_of_every_text(tiny_model: ModelFolder,
                                                                tmp_path: Path) -> None:
    """As Llama's kin do; what it ends a text with is left out. Students saved before stay as they are."""
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing

    told = Student.fresh(tiny_model, PLAN, TASK, CPU, seed=0)
    plain = told.encode(TEXTS[0])
    assert told.settings.begins_with == ()
    file = tiny_model.path / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.post_processor = TemplateProcessing(single="[END] $A [END]", special_tokens=[
        ("[END]", tokenizer.token_to_id("[END]"))])
    tokenizer.save(str(file))
    student = Student.fresh(tiny_model, PLAN, TASK, CPU, seed=0)
    assert student.encode(TEXTS[0]) == [tokenizer.token_to_id("[END]"), *plain]
    for made, reads in ((student, student.encode(TEXTS[0])), (told, plain)):
        made.save(tmp_path / str(len(reads)))
        assert Student.from_folder(tmp_path / str(len(reads)), tiny_model, CPU).encode(TEXTS[0]) == reads


def test_with_the_adapter_off_it_is_the_base_again(student: Student, tiny_model: ModelFolder) -> None:
    ids = [student.encode(text) for text in TEXTS]
    fresh, _ = Student.fresh(tiny_model, PLAN, TASK, CPU, seed=0).forward(ids)
    with torch.no_grad():
        on, _ = student.forward(ids)
        with student.model.disable_adapter():
            off, _ = student.forward(ids)
    torch.testing.assert_close(off, fresh)
    assert (on - off).abs().max() > 0.05


@torch.no_grad()
def test_neighbours_and_padding_do_not_change_an_answer(student: Student) -> None:
    ids = [student.encode(text) for text in TEXTS]
    assert len({len(row) for row in ids}) > 3
    logits, states = student.forward(ids, DEPTHS)
    for order in (range(11, -1, -1), (3, 7), (5,)):
        some, inner = student.forward([ids[i] for i in order], DEPTHS)
        torch.testing.assert_close(some, logits[list(order)], atol=2e-5, rtol=1e-5)
        torch.testing.assert_close(inner, states[list(order)], atol=2e-5, rtol=1e-5)


def test_padding_gets_no_gradient_and_the_vocabulary_none_either(student: Student) -> None:
    ids = [student.encode(TEXTS[0])[:4], student.encode(TEXTS[1])]
    student.forward(ids)[0].sum().backward()
    trained = student.adapter_parameters()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in trained)
    assert all(p.grad is None for p in student.model.parameters() if not p.requires_grad)
    names = [n for n, p in student.model.named_parameters() if p.requires_grad]
    assert names and all("lora_" in n for n in names)
    assert not any("lm_head" in n or "embed_tokens" in n for n in names)
    layers = {n.split(".")[-4] for n in names}
    assert layers == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    together = [p.grad.clone() for p in trained]
    for p in trained:
        p.grad = None
    for row in ids:
        student.forward([row])[0].sum().backward()
    for p, grad in zip(trained, together, strict=True):
        torch.testing.assert_close(p.grad, grad, atol=1e-4, rtol=1e-3)


def test_predictions_come_in_the_order_given(student: Student) -> None:
    probs = predict(student, TEXTS)
    assert probs.shape == (12, 3) and np.allclose(probs.sum(1), 1)
    np.testing.assert_allclose(predict(student, TEXTS[::-1])[::-1], probs, atol=1e-5)
    assert predict(student, []).shape == (0, 3)
    seen: list[tuple[int, int]] = []
    predict(student, TEXTS * 8, lambda done, total: seen.append((done, total)))
    assert len(seen) > 1 and seen == sorted(set(seen)) and seen[-1] == (96, 96)


def test_no_part_of_it_is_ever_in_training_mode(
    student: Student, tiny_model: ModelFolder, tmp_path: Path
) -> None:
    """Dropout would make what it says, and what it learns, a matter of chance."""
    student.save(tmp_path / "kept")
    for one in (student, Student.from_folder(tmp_path / "kept", tiny_model, CPU)):
        assert not any(module.training for module in one.model.modules())


def test_saved_and_loaded_it_answers_the_same_to_the_bit(
    student: Student, tiny_model: ModelFolder, tmp_path: Path
) -> None:
    student.save(tmp_path / "kept")
    again = Student.from_folder(tmp_path / "kept", tiny_model, CPU)
    assert [again.prompt(t).encode() for t in TEXTS] == [student.prompt(t).encode() for t in TEXTS]
    assert (predict(again, TEXTS) == predict(student, TEXTS)).all()
    files = {p.name for p in (tmp_path / "kept").iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", SETTINGS_FILE} <= files
    assert not any(name.endswith((".bin", ".pt")) for name in files)


def test_in_bf16_too(tiny_model: ModelFolder, tmp_path: Path) -> None:
    choice = DeviceChoice("cpu", "bfloat16", 1, "test")
    student = changed(Student.fresh(tiny_model, PLAN, TASK, choice, seed=0))
    assert {p.dtype for p in student.model.parameters()} == {torch.bfloat16}
    student.save(tmp_path / "kept")
    again = Student.from_folder(tmp_path / "kept", tiny_model, choice)
    assert {p.dtype for p in again.model.parameters()} == {torch.bfloat16}
    ids = [student.encode(text) for text in TEXTS]
    with torch.no_grad():
        scores, states = student.forward(ids, (1.0,))
    words = student.head[list(student.settings.label_tokens)]
    torch.testing.assert_close(scores, states[:, 0].float() @ words.float().T)  # not rounded to 16 bits again
    assert (predict(again, TEXTS) == predict(student, TEXTS)).all()


def test_what_goes_home_names_no_folder_of_this_machine(student: Student, tmp_path: Path) -> None:
    student.save(tmp_path / "kept")
    settings = json.loads((tmp_path / "kept" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == "tiny-student"
    for path in (tmp_path / "kept").glob("*.json"):
        assert str(tmp_path.parent) not in path.read_text()


def test_the_same_seed_makes_the_same_student(tiny_model: ModelFolder) -> None:
    one, same, other = (Student.fresh(tiny_model, PLAN, TASK, CPU, seed=s) for s in (5, 5, 6))
    weights = [torch.cat([p.flatten() for p in s.adapter_parameters()]) for s in (one, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    trained, everything = one.sizes()
    assert trained == weights[0].numel() and 0 < trained < everything


def test_other_base_weights_are_refused(student: Student, tmp_path: Path) -> None:
    student.save(tmp_path / "kept")
    other = write_model(tmp_path / "models", "tiny-student", seed=9)
    with pytest.raises(RunError, match="other weights"):
        Student.from_folder(tmp_path / "kept", other, CPU)


def test_a_folder_without_a_student_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no small model"):
        read_settings(tmp_path)


def test_a_merged_model_is_not_taken_for_an_adapter(
    student: Student, tiny_model: ModelFolder, tmp_path: Path
) -> None:
    student.save(tmp_path / "kept")
    read_settings(tmp_path / "kept").model_copy(update={"merged": True}).save(tmp_path / "kept")
    with pytest.raises(RunError, match="merged"):
        Student.from_folder(tmp_path / "kept", tiny_model, CPU)


def test_documents_cannot_speak_for_the_prompt(student: Student) -> None:
    assert "{{ document }}" in student.prompt("{{ document }}{% raw %}")
    assert "<|im_end|>" not in student.prompt("a <|im_end|> b") and "\x00" not in student.prompt("a\x00b")


def test_weights_that_are_cut_short_are_refused(tiny_model: ModelFolder) -> None:
    path = tiny_model.path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(WeightsError, match="cut short"):
        Student.fresh(tiny_model, PLAN, TASK, CPU, seed=0)


def test_batches_of_like_length_hold_every_row_once() -> None:
    lengths = [int(n) for n in np.random.default_rng(0).integers(1, 300, 200)]
    cut = length_batches(lengths, 1024)
    assert sorted(i for batch in cut for i in batch) == list(range(200))
    assert all(max(lengths[i] for i in b) * len(b) <= 1024 or len(b) == 1 for b in cut)
    assert all(len(b) <= 64 for b in length_batches([1] * 300, 4096))
    assert length_batches([5000], 1024) == [[0]] and length_batches([], 10) == []


def test_settings_come_back_as_they_were_with_what_others_read(student: Student, tmp_path: Path) -> None:
    settings = student.settings.model_copy(update={"layers": (0, 2), "end_token": 3, "repair": True})
    settings.save(tmp_path)
    assert read_settings(tmp_path) == settings
    held = json.loads((tmp_path / SETTINGS_FILE).read_text())
    assert held["format"] == 1 and held["kind"] == "single_label" and held["labels"] == list(TASK.names)
    assert held["question"] == TASK.question


def test_what_the_first_versions_saved_is_read_as_they_meant_it(student: Student, tmp_path: Path) -> None:
    held = student.settings.model_dump(mode="json")
    old = {key: held[key] for key in ("format", "base_model", "base_digest", "dtype", "prompt", "max_chars",
                                      "question", "labels", "label_tokens", "label_words")}
    (tmp_path / SETTINGS_FILE).write_text(json.dumps(old))
    read = read_settings(tmp_path)
    assert (read.labels, read.kind, read.question) == (TASK.names, "single_label", TASK.question)
    assert read.cleaning == tuple(DEFAULT_STEPS) and not read.begins_with and not read.repair


@pytest.mark.parametrize(("change", "words"), [
    ({"prompt": None}, "prompt"), ({"format": 2}, "format"), ({"task": {"question": "?"}}, "task"),
    ([], "no such form")])
def test_settings_that_are_none_are_refused_by_name(
    student: Student, tmp_path: Path, change: object, words: str
) -> None:
    held = student.settings.model_dump(mode="json")
    (tmp_path / SETTINGS_FILE).write_text(json.dumps(held | change if isinstance(change, dict) else change))
    with pytest.raises(RunError, match=words) as told:
        read_settings(tmp_path)
    assert str(tmp_path) in told.value.what and told.value.fix
