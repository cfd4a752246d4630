"""A recorded large model: answers given earlier, kept beside the example, found by the exact prompt.

A recording is two files: `<name>.json` (who answered, when, with what weights; the key of every prompt,
in row order) and `<name>.safetensors` (`log_probs` (prompts, labels) by position; `hidden`
(prompts with states, depths, width) fp16; `hidden_rows` (prompts,) row in `hidden` or -1).
Because rows are found by the prompt itself, a recording cannot drift out of line with its documents:
changed instructions or documents are simply not in it, and that is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from engine.cache.keys import prompt_key
from engine.errors import TeacherError
from engine.records import Answer, FloatArray, ListedTokens, Prompt, Written
from engine.workspace import ASSETS, read_json, write_atomic, write_json


class RecordedTeacher:
    """Plays back a recording. Refuses, in words, what it was never asked."""

    def __init__(self, name: str, folder: Path = ASSETS / "example") -> None:
        about, tensors = folder / f"{name}.json", folder / f"{name}.safetensors"
        if not about.exists() or not tensors.exists():
            raise TeacherError(f"There is no recorded large model “{name}”.",
                               "Choose a large model on this machine instead.")
        self.about = read_json(about)
        self.name = f"{self.about['model']} (recorded {self.about['date']})"
        self.weights = self.digest = self.about["teacher_digest"]
        self._row = {key: i for i, key in enumerate(self.about["prompts"])}
        data = load_file(tensors)
        self._log_probs, self._hidden = data["log_probs"], data["hidden"]
        self._hidden_row = data["hidden_rows"]

    def answer(self, prompts: Sequence[Prompt], depths: tuple[float, ...]) -> list[Answer]:
        """The recorded answers; see `Teacher.answer`.

        Raises:
            TeacherError: a prompt, or the hidden states asked for, are not in the recording.
        """
        keys = [prompt_key(p) for p in prompts]
        missing = sum(key not in self._row for key in keys)
        if missing:
            raise TeacherError(
                f"The recorded answers do not cover {missing} of these {len(keys)} prompts: the "
                "instructions, categories or documents are not the ones that were recorded.",
                "Ask the large model live (Large model: on this machine), or go back to the "
                "example's own instructions.")
        answers = []
        for key in keys:
            row = self._row[key]
            hidden = None
            if depths:
                if list(depths) != self.about["depths"] or self._hidden_row[row] < 0:
                    raise TeacherError("The recording holds no inner states for these prompts.",
                                       "Ask the large model live, or set the weight of "
                                       "representations to 0.")
                hidden = self._hidden[self._hidden_row[row]]
            answers.append(Answer(self._log_probs[row].astype(np.float32), hidden))
        return answers

    def tokens(self, prompts: Sequence[Prompt]) -> list[int]:
        """None: answers are played back."""
        return [0] * len(prompts)

    def write(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Written]:  # noqa: ARG002
        """A recording writes nothing."""
        raise self._cannot_write()

    def list_tokens(self, prompts: Sequence[Prompt], texts: Sequence[str],  # noqa: ARG002
                    temperatures: tuple[float, ...], depths: tuple[float, ...],  # noqa: ARG002
                    ) -> list[tuple[ListedTokens, FloatArray | None]]:
        """A recording knows no words."""
        raise self._cannot_write()

    def _cannot_write(self) -> TeacherError:
        return TeacherError(f"“{self.name}” is a recording of answers to one choice: it cannot write.",
                            "Choose a large model that is on this machine.")

    def covers(self, prompts: Sequence[Prompt]) -> list[bool]:
        """The prompts that were recorded."""
        return [prompt_key(p) in self._row for p in prompts]

    def close(self) -> None:
        """Nothing to give back."""


def save_recording(folder: Path, name: str, answers: Mapping[str, Answer], about: Mapping) -> None:
    """Write a recording: answers by `prompt_key`, and what is known about how they came to be."""
    keys = list(answers)
    hidden = [a.hidden for a in answers.values() if a.hidden is not None] or [np.zeros((0, 0))]
    rows, n = np.full(len(keys), -1, dtype=np.int32), 0
    for i, key in enumerate(keys):
        if answers[key].hidden is not None:
            rows[i], n = n, n + 1
    tensors = {"log_probs": np.stack([answers[k].log_probs for k in keys]).astype(np.float32),
               "hidden": np.stack(hidden).astype(np.float16), "hidden_rows": rows}
    write_atomic(folder / f"{name}.safetensors", lambda path: save_file(tensors, path))
    write_json(folder / f"{name}.json", {**about, "prompts": keys})
