"""From documents and teacher signal to what the training loop eats: token ids, targets, anchors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from engine.embedding.clusters import medoids
from engine.records import Corpus, FloatArray, TeacherSignal
from engine.students.base import Student
from engine.training.loop import Anchors, TrainingData


def one_of_each_group(corpus: Corpus, learn: Sequence[int]) -> tuple[int, ...]:
    """*learn* with near-duplicates counted once: the longest text of each group stands for it.

    Of a long document cut into pieces each piece counts; of its near-duplicates, the same pieces do not.
    """
    best: dict[tuple[str, str], int] = {}
    lengths: dict[int, int] = {}
    for i in learn:
        document = corpus.documents[i]
        lengths[i] = len(document.text)
        key = (document.group, document.id.removeprefix(document.parent) if document.parent else "")
        if key not in best or lengths[i] > lengths[best[key]]:
            best[key] = i
    return tuple(sorted(best.values()))


def prepare(student: Student, corpus: Corpus, learn: Sequence[int], signal: TeacherSignal,
            vectors: FloatArray | None, n_anchors: int, seed: int, *, hard: bool = False) -> TrainingData:
    """Training data for the documents `learn` (indices into the corpus).

    `vectors` (documents, width): sentence vectors to choose anchors by; None when no phase learns from
    representations. Anchors are medoids of *learn* only. `hard`: first choices instead of distributions.
    """
    ids = [student.encode(corpus.documents[i].text) for i in learn]
    probs = torch.tensor(signal.probs[list(learn)], dtype=torch.float32)
    if hard:
        probs = torch.nn.functional.one_hot(probs.argmax(1), probs.shape[1]).float()
    if vectors is None or signal.hidden is None:
        return TrainingData(ids, probs, None, None)
    hidden = torch.tensor(signal.hidden[list(learn)].astype(np.float32))
    chosen = medoids(vectors[list(learn)], min(n_anchors, max(2, len(learn) // 3)), seed)
    own = torch.full((len(learn),), -1, dtype=torch.long)
    own[torch.as_tensor(np.asarray(chosen))] = torch.arange(len(chosen))
    anchors = Anchors([ids[i] for i in chosen], hidden[torch.as_tensor(np.asarray(chosen))], own,
                      signal.depths)
    return TrainingData(ids, probs, hidden, anchors)
