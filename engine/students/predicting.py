"""What a student says about documents, in batches of like length: label probabilities, or text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from engine.errors import RunError
from engine.models.writing import write
from engine.progress import Counted
from engine.records import FloatArray, Written
from engine.students.base import Student
from engine.students.merging import merged

WRITTEN_AT_ONCE = 4096  # tokens of documents and answers written together


@torch.no_grad()  # not inference mode: weights in pieces are gathered into buffers that training uses, too
def predict(student: Student, texts: Sequence[str],
            on_progress: Counted | None = None) -> FloatArray:
    """Label probabilities of each text: (texts, labels) float64, in the order given.

    Rows sum to 1; where several labels may apply each is the probability of yes by itself.
    `on_progress(done, total)` counts texts.

    Raises:
        RunError: the scores are not finite.
    """
    ids = [student.encode(text) for text in texts]
    probs, done = np.empty((len(ids), len(student.labels))), 0
    for rows in length_batches([len(row) for row in ids], tokens_at_once(student.device)):
        logits = student.forward([ids[i] for i in rows])[0].cpu().double()  # Apple graphics know no doubles
        said = torch.sigmoid(logits) if student.several else torch.softmax(logits, dim=-1)
        probs[rows] = sound(said.numpy())
        done += len(rows)
        if on_progress:
            on_progress(done, len(ids))
    return probs


def write_answers(student: Student, texts: Sequence[str],
                  on_progress: Counted | None = None) -> list[Written]:
    """What the student writes about each text, greedily, in the order given."""
    ids = [student.encode(text) for text in texts]
    made: list[Written] = [Written("", False)] * len(ids)
    room, done = student.settings.most_tokens, 0
    with merged(student.decoder):
        for rows in length_batches([len(row) + room for row in ids], WRITTEN_AT_ONCE):
            fresh = write(student.model, student.tokenizer, [ids[i] for i in rows], [""] * len(rows),
                          student.kind == "extract", room, student.settings.end_token)
            for i, written in zip(rows, fresh, strict=True):
                made[i] = written
            done += len(rows)
            if on_progress:
                on_progress(done, len(ids))
    return made


def sound(numbers: FloatArray) -> FloatArray:
    """These numbers of a small model, as they are.

    Raises:
        RunError: some are not finite, as where a model meets a number format that is too narrow for it. The
            first category would be read from them.
    """
    if not np.isfinite(numbers).all():
        raise RunError("The small model gave numbers that make no sense (not finite).",
                       "Set ANON_DTYPE=float32 and start again, or choose another small model.")
    return numbers


def tokens_at_once(device: torch.device) -> int:
    """How many padded tokens to read in one batch without gradient.

    On a CPU 1,024: more no longer fit its caches (2 cores read 1.5 times as fast as with 4,096).
    """
    return 1024 if device.type == "cpu" else 4096


def length_batches(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Positions in batches of like length, each at most `tokens` padded tokens (at least one position)."""
    cut: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if cut and (len(cut[-1]) + 1) * lengths[i] <= tokens and len(cut[-1]) < 64:
            cut[-1].append(i)
        else:
            cut.append([i])
    return cut
