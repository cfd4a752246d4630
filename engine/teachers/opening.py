"""Opening the teacher a plan names: a recording (the example's, or one in models/), or a model here."""

from __future__ import annotations

from pathlib import Path

from engine.devices import DeviceChoice, choose_device
from engine.models.weights import require
from engine.teachers.protocol import RECORDED, Teacher, teacher_kind
from engine.teachers.recorded import RecordedTeacher
from engine.workspace import Workspace

RECORDINGS = "recordings"


def open_teacher(name: str, workspace: Workspace,
                 choice: DeviceChoice | None = None) -> tuple[Teacher, str]:
    """The teacher and one sentence on what it is and where it runs; without a `choice`, as suits the machine.

    Raises:
        TeacherError: no such recording.
        WeightsError: the model is not installed.
    """
    if teacher_kind(name) == "recorded":
        plain, own = name.removeprefix(RECORDED), workspace.models / RECORDINGS
        mine = plain == Path(plain).name and (own / f"{plain}.json").exists()
        recorded = RecordedTeacher(plain, own) if mine else RecordedTeacher(plain)
        return recorded, (f"answers of {recorded.about['model']} given on {recorded.about['date']}"
                          f"{'' if mine else ', shipped with the example'}: nothing is computed")
    from engine.teachers.local import LocalTeacher  # torch: only where a model really runs
    folder = require(workspace.models, name)
    choice = choice or choose_device()
    local = LocalTeacher(folder, choice)
    return local, "; ".join(filter(None, (f"on this machine: {choice.because}", local.packed)))
