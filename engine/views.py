"""What the page and the command line are shown: plain values, made by the front desk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
    (severity, text). Asking about every document takes `calls` questions, `tokens_all` tokens, and `time`,
    which is `guessed` until a run on this machine was measured.
    """

    text: str
    opening: str
    tokens: int | None
    shortened: bool
    notes: tuple[tuple[str, str], ...]
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
class Download:
    """Something to take home."""

    title: str
    path: Path
    bytes: int
    note: str
