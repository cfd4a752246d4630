"""A recording plays back what was said, and refuses what it was never asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.cache.keys import prompt_key
from engine.errors import TeacherError
from engine.prompts.composing import compose
from engine.records import Answer
from engine.teachers.opening import open_teacher
from engine.teachers.recorded import RecordedTeacher, save_recording
from tests.students.tiny import FIRST, TASK, TEACHER, Made, corpus_of, documents

DEPTHS = (0.5, 1.0)
ABOUT = {"model": "M", "date": "2026-01-02", "teacher_digest": "digest", "depths": list(DEPTHS)}
PROMPTS = compose(FIRST, TASK, corpus_of(documents(6)[0]).documents, (0, 1, 2), 1200)


def answers(hidden: tuple[bool, ...]) -> dict[str, Answer]:
    rng = np.random.default_rng(0)
    return {prompt_key(p): Answer(rng.normal(size=3).astype(np.float32),
                                  rng.normal(size=(2, 8)).astype(np.float16) if h else None)
            for p, h in zip(PROMPTS, hidden, strict=True)}


def test_what_was_saved_is_played_back_in_any_order(tmp_path: Path) -> None:
    kept = answers((True,) * 6)
    save_recording(tmp_path, "mine", kept, ABOUT)
    teacher = RecordedTeacher("mine", tmp_path)
    assert "M" in teacher.name and "2026-01-02" in teacher.name and teacher.digest == "digest"
    for prompt, said in zip(PROMPTS[::-1], teacher.answer(PROMPTS[::-1], DEPTHS), strict=True):
        assert (said.log_probs == kept[prompt_key(prompt)].log_probs).all()
        assert (said.hidden == kept[prompt_key(prompt)].hidden).all()
    assert all(a.hidden is None for a in teacher.answer(PROMPTS, ()))


def test_states_of_some_prompts_only(tmp_path: Path) -> None:
    kept = answers((True, False, True, False, True, True))
    save_recording(tmp_path, "mine", kept, ABOUT)
    teacher = RecordedTeacher("mine", tmp_path)
    last = teacher.answer(PROMPTS[4:], DEPTHS)
    assert (last[1].hidden == kept[prompt_key(PROMPTS[5])].hidden).all()
    with pytest.raises(TeacherError, match="no inner states"):
        teacher.answer(PROMPTS[:2], DEPTHS)
    with pytest.raises(TeacherError, match="no inner states"):
        teacher.answer(PROMPTS[:1], (0.25,))


def test_a_recording_without_states_can_be_made(tmp_path: Path) -> None:
    save_recording(tmp_path, "mine", answers((False,) * 6), ABOUT)
    assert len(RecordedTeacher("mine", tmp_path).answer(PROMPTS, ())) == 6


@pytest.mark.parametrize("change", [{"text": "something else"}, {"order": (1, 0)}, {"opening": "So:"},
                                    {"answer": "word"}])
def test_what_it_was_never_asked_is_refused_with_a_count(tmp_path: Path, change: dict) -> None:
    save_recording(tmp_path, "mine", answers((True,) * 6), ABOUT)
    with pytest.raises(TeacherError, match="do not cover 1 of these 3") as refused:
        RecordedTeacher("mine", tmp_path).answer([*PROMPTS[:2], replace(PROMPTS[2], **change)], ())
    assert "live" in refused.value.fix


def test_a_recording_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match="no recorded large model “none”"):
        RecordedTeacher("none", tmp_path)


def test_opening_finds_own_recordings_beside_the_models(made: Made) -> None:
    teacher, because = open_teacher(TEACHER, made.workspace)
    assert teacher.digest == "tiny-digest" and "Tiny" in because and "example" not in because
    with pytest.raises(TeacherError):
        open_teacher("recorded:../recordings/tiny", made.workspace)
