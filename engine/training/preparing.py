"""From documents and teacher signal to what the training loop eats: token ids, targets, anchors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from engine.embedding.clusters import medoids
from engine.losses.needs import RepresentationLossName
from engine.losses.tokens import Listed
from engine.metrics.deciding import decisions
from engine.records import Corpus, FloatArray, ListedTokens, Signal, TeacherSignal, WrittenSignal
from engine.students.base import Student
from engine.training.anchors import Anchors
from engine.training.hints import Hints
from engine.training.lessons import LabelLesson, TextLesson


def label_lesson(student: Student, corpus: Corpus, learn: Sequence[int], signal: TeacherSignal,
                 vectors: FloatArray | None, n_anchors: int, seed: int, *, hard: bool = False,
                 hints: RepresentationLossName | None = None) -> LabelLesson:
    """What to learn about the documents `learn` (indices into the corpus) where labels are chosen.

    `vectors` (documents, width): sentence vectors to choose anchors by; None when no phase learns from
    representations by anchors, which are medoids of *learn* only. `hints`: the loss by which it learns from
    them without. `hard`: decisions instead of probabilities.
    """
    said = signal.probs[list(learn)]
    probs = torch.tensor(decisions(said, signal.several) if hard else said, dtype=torch.float32)
    return LabelLesson([student.encode(corpus.documents[i].text) for i in learn], probs,
                       _anchors(learn, signal, vectors, n_anchors, seed), signal.several,
                       _hints(learn, signal, hints))


def text_lesson(student: Student, corpus: Corpus, learn: Sequence[int], signal: WrittenSignal,
                vectors: FloatArray | None, n_anchors: int, seed: int, *, tokens: bool,
                shared: bool = True, hints: RepresentationLossName | None = None) -> TextLesson:
    """What to learn to write about the documents `learn`, all of which have a text.

    `tokens`: from the teacher's likeliest tokens too; `shared`: the student writes with the same ones. See
    `label_lesson` for the rest.
    """
    answers = [student.encode_answer(signal.texts[i]) for i in learn]
    listed = None
    if tokens:
        kept = [signal.tokens[i] for i in learn]
        answers = [one.written.tolist() for one in kept] if shared else answers
        listed = [as_listed(one) for one in kept]
    return TextLesson([student.encode(corpus.documents[i].text) for i in learn], answers, listed,
                      _anchors(learn, signal, vectors, n_anchors, seed), _hints(learn, signal, hints))


def reading_lesson(student: Student, corpus: Corpus, rows: Sequence[int]) -> TextLesson:
    """The words of the documents `rows`, each to be foretold from those before it: all but the first token.

    Task-adaptive pretraining (Gururangan et al., “Don't Stop Pretraining”, ACL 2020), through the adapter.
    """
    ids = [student.encode_document(corpus.documents[i].text) for i in rows]
    return TextLesson([row[:1] for row in ids], [row[1:] for row in ids])


def as_listed(kept: ListedTokens) -> Listed:
    """Kept tokens as tensors."""
    return Listed(torch.tensor(kept.ids.astype(np.int64)), torch.tensor(kept.log_probs.astype(np.float32)),
                  {t: torch.tensor(row) for t, row in zip(kept.temperatures, kept.normalisers, strict=True)})


def _anchors(learn: Sequence[int], signal: Signal, vectors: FloatArray | None,
             n_anchors: int, seed: int) -> Anchors | None:
    if vectors is None or signal.hidden is None:
        return None
    hidden = _states(learn, signal)
    chosen = medoids(vectors[list(learn)], min(n_anchors, max(2, len(learn) // 3)), seed)
    return Anchors.among(np.asarray(chosen).tolist(), hidden, signal.depths)


def _hints(learn: Sequence[int], signal: Signal,
           name: RepresentationLossName | None) -> Hints | None:
    if name is None or signal.hidden is None:
        return None
    return Hints.of(name, _states(learn, signal), signal.depths)


def _states(learn: Sequence[int], signal: Signal) -> torch.Tensor:
    """The teacher's states of these documents, (learn, depths, width) fp32."""
    return torch.tensor(signal.hidden[list(learn)].astype(np.float32))
