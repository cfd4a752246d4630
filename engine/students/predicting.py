"""What a student says about documents: label distributions, in batches of like length."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from engine.records import FloatArray
from engine.students.base import Student

TOKENS_A_BATCH = 4096


@torch.inference_mode()
def predict(student: Student, texts: Sequence[str],
            on_progress: Callable[[int, int], None] | None = None) -> FloatArray:
    """Label distribution of each text: (texts, labels) float64, rows sum to 1, in the order given."""
    ids = [student.encode(text) for text in texts]
    was_training = student.model.training
    student.model.eval()
    probs = np.empty((len(ids), len(student.labels)))
    for rows in length_batches([len(row) for row in ids], TOKENS_A_BATCH):
        logits, _ = student.forward([ids[i] for i in rows])
        probs[rows] = torch.softmax(logits.double(), dim=-1).cpu().numpy()
        if on_progress:
            on_progress(len(rows), len(ids))
    student.model.train(was_training)
    return probs


def length_batches(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Positions in batches of like length, each at most `tokens` padded tokens (at least one position)."""
    cut: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if cut and (len(cut[-1]) + 1) * lengths[i] <= tokens and len(cut[-1]) < 64:
            cut[-1].append(i)
        else:
            cut.append([i])
    return cut
