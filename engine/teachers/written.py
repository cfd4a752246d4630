"""From written answers to what a student learns from: one form, how sure, and the likeliest words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.cache.keys import prompt_key
from engine.cache.token_shards import Listing, TokenShards
from engine.progress import Counted, counting
from engine.prompts.questions import compose_open
from engine.prompts.template import Template
from engine.records import Document, ListedTokens, WrittenSignal, text_digest
from engine.tasks.answer_form import as_written
from engine.tasks.definition import Task
from engine.tasks.figures import Unparsed
from engine.tasks.parsing import Extraction
from engine.teachers.asking import Asker, refuse_nonsense
from engine.teachers.asking_open import ask_open
from engine.teachers.each_once import LeftToAsk
from engine.teachers.protocol import LISTED

LIST_BATCH = 8
SHARD = 256  # answers


@dataclass(frozen=True, slots=True)
class Kept:
    """What is to be kept of the words: at which temperatures exact, and mean states at which depths."""

    temperatures: tuple[float, ...] = (1.0,)
    depths: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """Answers of which nothing could be read, and by fact how many could not in the others."""

    answers: int
    facts: dict[str, int]


def written_signal(asker: Asker, documents: Sequence[Document], task: Task, template: Template, *,
                   keep: Kept | None, shards: Callable[[dict[str, object]], TokenShards] | None = None,
                   on_written: Counted | None = None, on_listed: Counted | None = None,
                   ) -> tuple[WrittenSignal, Unread, int]:
    """Answers to all documents, what could not be read, and how many answers were known before.

    With `keep` the teacher reads each answer once more, in its one form, to say how likely it finds every
    word; without, every answer counts as sure. `shards(about)` opens the store for lists of that making.

    Raises:
        TeacherError: the teacher cannot write.
    """
    teacher = asker.teacher
    said = ask_open(asker, documents, task, template, on_progress=on_written)
    texts = tuple(as_written(task, answer) for answer in said.answers)
    there = [i for i, text in enumerate(texts) if text]
    asked = np.ones(len(documents), dtype=np.int64)
    facts = [said.answers[i].values for i in there if isinstance(said.answers[i], Extraction)]
    unread = Unread(len(texts) - len(there), dict(Counter(
        name for values in facts for name, value in values.items() if isinstance(value, Unparsed))))
    if keep is None or not there:
        sureness = np.array([float(bool(text)) for text in texts])
        return WrittenSignal(texts, sureness, asked), unread, said.from_cache
    # The opening is part of the answer's one form: it is predicted like the rest.
    prompts = [replace(p, opening="") for p in compose_open(template, task, documents, asker.max_chars)]
    store = shards({"teacher": teacher.digest, "listed": LISTED, "decoding": "greedy",
                    "temperatures": list(keep.temperatures), "depths": list(keep.depths)}) if shards else None
    keys = [text_digest(f"{prompt_key(p)}\x1f{text}") for p, text in zip(prompts, texts, strict=True)]
    listings = store.get([keys[i] for i in there]) if store else {}
    left = LeftToAsk.of(keys, prompts, listings, there)
    waiting: dict[str, Listing] = {}
    try:
        for rows in left.batches(LIST_BATCH, counting(on_listed, len(there)), asker.checkpoint):
            made = teacher.list_tokens([prompts[i] for i in rows], [texts[i] for i in rows],
                                       keep.temperatures, keep.depths)
            for one, _ in made:
                refuse_nonsense(one.log_probs)
            waiting |= {keys[i]: listing for i, listing in zip(rows, made, strict=True)}
            listings |= waiting
            if store and len(waiting) >= SHARD:
                store.put(waiting)
                waiting = {}
    finally:  # also when the user stops: what was read so far is kept
        if store:
            store.put(waiting)
    tokens = tuple(listings[key][0] if text else None for key, text in zip(keys, texts, strict=True))
    sureness = np.array([0.0 if listed is None else sureness_of(listed) for listed in tokens])
    return WrittenSignal(texts, sureness, asked, tokens, _states(texts, keys, listings),
                         keep.depths), unread, said.from_cache


def _states(texts: Sequence[str], keys: Sequence[str], listings: dict[str, Listing]) -> np.ndarray | None:
    """(documents, depths, width) fp16, zeros where there is no answer; None where none were kept."""
    known = {key: hidden for key, (_, hidden) in listings.items() if hidden is not None}
    if not known:
        return None
    nothing = np.zeros_like(next(iter(known.values())))
    return np.stack([known[key] if text else nothing for key, text in zip(keys, texts, strict=True)])


def sureness_of(listed: ListedTokens) -> float:
    """Mean probability of an answer's own tokens, 0..1; one that is not listed counts as 0."""
    there = listed.ids == listed.written[:, None]
    return float((np.exp(listed.log_probs.astype(np.float64)) * there).sum(axis=1).mean())
