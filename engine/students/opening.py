"""Which kind of student a base makes: one that reads and writes, or an encoder that only reads."""

from __future__ import annotations

from pathlib import Path

from engine.devices import DeviceChoice
from engine.models.weights import ModelFolder
from engine.plan import StudentPlan
from engine.students.base import Student
from engine.students.encoder import EncoderStudent
from engine.students.settings import read_settings
from engine.tasks.definition import Task


def fresh_student(folder: ModelFolder, plan: StudentPlan, task: Task, choice: DeviceChoice,
                  seed: int) -> Student:
    """A new student on these base weights. Raises as the kinds' own `fresh` do."""
    kind = EncoderStudent if folder.is_encoder else Student
    return kind.fresh(folder, plan, task, choice, seed)


def open_student(path: Path, base: ModelFolder, choice: DeviceChoice) -> Student:
    """A saved student on its base weights. Raises as `Student.from_folder` does."""
    kind = EncoderStudent if read_settings(path).encoder else Student
    return kind.from_folder(path, base, choice)
