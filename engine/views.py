"""What the page and the command line are shown: plain values, made by the front desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model as the page lists it. `from_packages`: the package index is an alternative to the Hub."""

    name: str
    title: str
    roles: tuple[str, ...]
    parameters: int
    licence: str
    installed: bool
    ram_gb: float
    disk_gb: float
    note: str
    caution: str
    from_packages: bool


@dataclass(frozen=True, slots=True)
class Rendered:
    """The exact text the large model reads, and how its answer is made to begin.

    `tokens` is None without the model's tokenizer; `shortened` marks a cut document; `notes` are the linter's
    (severity, text). `shared` of the tokens are read once for all documents. Asking about each once takes
    `calls` questions, `tokens_all` tokens, and `time`, which is `guessed` until a run here was measured.
    """

    text: str
    opening: str
    tokens: int | None
    shortened: bool
    notes: tuple[tuple[str, str], ...]
    shared: int = 0
    calls: int = 0
    tokens_all: int | None = None
    time: str = ""
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """One answer of *Try on 10*. `probs` by label name; `sureness` in words.

    Of several categories, each probability stands by itself and `label` names those that apply. Of an answer
    in writing, `label` is the answer, `sureness` what could not be read, `fields` are (name, value, note).
    """

    index: int
    text: str
    label: str
    probs: dict[str, float]
    sureness: str
    fields: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What a small model says about one text: its label, labels or what it wrote; and label → probability.

    `probs` is empty where it wrote.
    """

    answer: str
    probs: dict[str, float]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one document, whose they are untold. `name`: the document's id."""

    name: str
    text: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Judging:
    """How blind judging stands: the next pair, None when all are judged, and what came out so far.

    `of`: documents on which the models differ; `student`, `teacher`, `both` and `neither` count whose answer
    was right. `chance`: how often such a lead comes of chance alone, 0..1, None before there is one.
    """

    pair: Pair | None
    student: int
    teacher: int
    both: int
    neither: int
    of: int
    chance: float | None

    @property
    def n(self) -> int:
        """How many were judged."""
        return self.student + self.teacher + self.both + self.neither


@dataclass(frozen=True, slots=True)
class Download:
    """Something to take home."""

    title: str
    path: Path
    bytes: int
    note: str


@dataclass(frozen=True, slots=True)
class Labelling:
    """How the labelling of files with a run's small model stands: `state` is running, done, failed or lost.

    While it runs, `stage` is loading, reading (`done` and `total` in bytes), duplicates or answering (in
    documents and pieces of long ones), empty before; `left_s` is None until its pace is known, `age_s` the
    time since the last sign of life. `error`: what happened, what became of the work, what to do.

    Of a finished one, `dropped` counts rows set aside by reason, `refused` holds (what, what to do) of files
    that could not be used. `found` counts documents by category, the commonest first, and by fact where facts
    are read out; it is empty of texts. `unsure`: documents whose category has less than half the probability,
    where one is chosen. `columns`: (file, the column that was read as text) of each table. `first`: the first
    rows, each `id`, `text` (cut), `answer`, `confidence` (0..1, None of what was written). `earlier`: the
    last tables that were made before, newest first.
    """

    state: str
    files: tuple[str, ...]
    stage: str = ""
    done: int = 0
    total: int = 0
    left_s: float | None = None
    age_s: float = 0.0
    error: tuple[str, str, str] | None = None
    table: Path | None = None
    documents: int = 0
    rows_read: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    kind: str = ""
    found: tuple[tuple[str, int], ...] = ()
    unsure: int = 0
    columns: tuple[tuple[str, str], ...] = ()
    first: tuple[Mapping[str, Any], ...] = ()
    earlier: tuple[Path, ...] = ()
