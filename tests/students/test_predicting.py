"""What a student says, where a number format or its window is too narrow for it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaForCausalLM

from engine.errors import RunError, SettingsError
from engine.jobs.status import status
from engine.jobs.worker import work
from engine.models.folders import ModelFolder, open_folder, weights_digest
from engine.plan import STUDENT_PROMPTS, StudentPlan
from engine.students.base import Student
from engine.students.predicting import predict, write_answers
from engine.tasks.definition import Field, Task
from engine.training.lessons import TextLesson
from engine.training.subjects import word_by_word
from engine.workspace import read_json, write_json
from tests.students.tiny import CPU, MODEL, TASK, Made, write_model

HALF = replace(CPU, dtype="float16")
FACTS = Task(id="facts", kind="extract", question="What?", fields=(Field(name="place"),))
WINDOW = 48
LONG = "flood a . " * 80


def kept(model: torch.nn.Module, folder: Path) -> ModelFolder:
    """These weights in place of those of an installed model."""
    model.save_pretrained(folder)
    write_json(folder / "manifest.json", {
        **read_json(folder / "manifest.json"), "name": folder.name, "digest": weights_digest(folder)})
    return open_folder(folder)


def too_large(folder: ModelFolder) -> ModelFolder:
    """The model with numbers that 32 bits hold and 16 bits of the older kind do not."""
    model = LlamaForCausalLM.from_pretrained(folder.path)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.mlp.up_proj.weight.mul_(3e3)
            layer.mlp.down_proj.weight.mul_(3e2)
    return kept(model, folder.path)


def with_a_window(models: Path, tokens: int = WINDOW) -> ModelFolder:
    """A model that learned a number for each place, and has none for places beyond."""
    source = write_model(models)
    folder = models / f"window-{tokens}"
    shutil.copytree(source.path, folder)
    (folder / "model.safetensors").unlink()
    torch.manual_seed(0)
    return kept(GPT2LMHeadModel(GPT2Config(
        vocab_size=read_json(source.path / "config.json")["vocab_size"], n_positions=tokens, n_embd=32,
        n_layer=2, n_head=4, bos_token_id=None, eos_token_id=1)), folder)


def student_of(folder: ModelFolder, task: Task = TASK, choice: object = CPU) -> Student:
    plan = StudentPlan(model=folder.name, rank=4, alpha=8, prompt=STUDENT_PROMPTS[task.kind])
    student = Student.fresh(folder, plan, task, choice, seed=0)
    if task.writes:
        student.settings = student.settings.model_copy(update={"most_tokens": 7})
    return student


@pytest.mark.parametrize("kind", ["single_label", "multi_label", "extract"])
def test_numbers_that_are_none_are_refused_not_read_as_an_answer(tiny_model: ModelFolder, kind: str) -> None:
    task = FACTS if kind == "extract" else TASK.model_copy(update={"kind": kind})
    folder = too_large(tiny_model)
    says = write_answers if task.writes else predict
    assert len(says(student_of(folder, task), ["flood"])) == 1  # in 32 bits there is nothing wrong with it
    with pytest.raises(RunError) as told:
        says(student_of(folder, task, HALF), ["flood", "river and rain"])
    assert "not finite" in told.value.what and "ANON_DTYPE=float32" in told.value.fix


def test_how_well_words_are_foretold_is_refused_too(tiny_model: ModelFolder) -> None:
    lesson = TextLesson([[5, 6]], [[7, 8]])
    folder = too_large(tiny_model)
    assert word_by_word(student_of(folder), lesson)[0].shape == (1,)
    with pytest.raises(RunError, match="not finite"):
        word_by_word(student_of(folder, choice=HALF), lesson)


def test_a_number_format_too_narrow_for_the_small_model_ends_a_run_before_it_asks(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_large(open_folder(made.workspace.models / MODEL))
    monkeypatch.setenv("ANON_DTYPE", "float16")
    run = made.run()
    assert work(run, made.workspace) == "failed"
    assert "not finite" in status(run).error["what"] and "ANON_DTYPE" in status(run).error["fix"]
    assert not run.stage("asking").exists()


@pytest.mark.parametrize("task", [TASK, FACTS], ids=lambda task: task.kind)
def test_of_a_text_that_the_window_does_not_hold_the_beginning_is_read(tmp_path: Path, task: Task) -> None:
    student = student_of(with_a_window(tmp_path), task)
    room = student.settings.most_tokens
    ids, short = student.encode(LONG), student.encode("flood a")
    assert WINDOW - room - 12 <= len(ids) <= WINDOW - room < len(LONG.split()) and len(short) < len(ids)
    assert ids[:2] == short[:2] == student.encode_document("flood a")
    end = student.encode("")[-2:]  # what the prompt asks at its end is still there
    assert ids[-2:] == end == short[-2:]
    assert len(student.encode_document(LONG)) <= WINDOW
    said = write_answers(student, [LONG, "fire"]) if task.writes else predict(student, [LONG, "fire"])
    assert len(said) == 2


def test_what_fits_into_the_window_is_read_whole(tmp_path: Path) -> None:
    roomy, narrow = student_of(with_a_window(tmp_path, 512)), student_of(with_a_window(tmp_path))
    text = "flood " * 20
    assert narrow.encode(text) == roomy.encode(text)
    assert len(roomy.encode(LONG)) > WINDOW


def test_no_room_for_any_document_is_told_before_anything_is_asked(made: Made) -> None:
    folder = with_a_window(made.workspace.models, 4)
    with pytest.raises(SettingsError, match="4 tokens"):
        student_of(folder).encode("flood")
    run = made.run(student=StudentPlan(model=folder.name, rank=4, alpha=8))
    assert work(run, made.workspace) == "failed"
    assert "4 tokens" in status(run).error["what"] and not run.stage("asking").exists()


def test_a_small_model_with_a_window_is_trained_to_the_end(made: Made, tmp_path: Path) -> None:
    folder = with_a_window(made.workspace.models, 16)
    run = made.run(student=StudentPlan(model=folder.name, rank=4, alpha=8))
    assert work(run, made.workspace) == "done", status(run).error
    assert np.isfinite(read_json(run.report)["agreement"])
    whole, cut = (student_of(with_a_window(tmp_path, n)) for n in (64, 16))
    assert any(whole.encode(text) != cut.encode(text) for text in made.corpus.texts)  # some were cut
