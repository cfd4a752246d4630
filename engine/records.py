"""The nouns: pure frozen values passed between rooms. Does not: read files, know storage, import torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Part = Literal["learn", "steer", "kept_aside"]
AnswerForm = Literal["letter", "word", "yes_no", "json", "text"]
PARTS: tuple[Part, ...] = ("learn", "steer", "kept_aside")

FloatArray = NDArray[np.floating]


def text_digest(text: str) -> str:
    """32 hex digits that name a text by its content."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Document:
    """One message, article or report.

    `text` is what models read (cleaned); `original` is what the file held, always kept.
    `group` names its near-duplicates: documents of one group are never split over the parts.
    A long document is cut into pieces that models can read: each is a `Document` of the same group
    that names the whole by `parent` (empty for a whole document).
    """

    id: str
    text: str
    original: str
    group: str
    meta: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""

    @property
    def whole(self) -> str:
        """The id of the document it is, or is a piece of."""
        return self.parent or self.id

    @property
    def digest(self) -> str:
        """Name by content: the key of caches and recordings."""
        return text_digest(self.text)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents in file order. Labels found in the upload are *not* here: see `Gold`."""

    id: str
    documents: Sequence[Document]

    def __len__(self) -> int:
        return len(self.documents)

    @property
    def texts(self) -> list[str]:
        """The cleaned texts, in order."""
        return [document.text for document in self.documents]

    @property
    def digest(self) -> str:
        """Name by content: ids, texts and groups."""
        named = hashlib.sha256()
        for i, d in enumerate(self.documents):
            row = f"{d.id}\x1f{d.text}\x1f{d.group}"
            named.update((f"\x1e{row}" if i else row).encode("utf-8", "surrogatepass"))
        return named.hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Gold:
    """Labels that came with the upload, by document id. For scoring only: training never sees one."""

    column: str
    by_id: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Parts:
    """Indices of the documents to learn from, to steer by, and kept aside for the one final score."""

    learn: tuple[int, ...]
    steer: tuple[int, ...]
    kept_aside: tuple[int, ...]

    def named(self, part: Part) -> tuple[int, ...]:
        """The indices of one part."""
        return {"learn": self.learn, "steer": self.steer, "kept_aside": self.kept_aside}[part]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a large model reads for one document and one order of the options.

    `order[p]` is the index of the label shown at position `p`; `labels[i]` is the name of label i.
    `opening` is how its answer is made to begin; what follows is read as letters or as words.
    """

    text: str
    order: tuple[int, ...]
    labels: tuple[str, ...] = ()
    opening: str = ""
    answer: AnswerForm = "letter"


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the large model said to one prompt: log-probabilities over the options' *places*, shape (labels,).

    `hidden`: pooled states of the last prompt token, shape (depths, width), fp16, or None.
    """

    log_probs: FloatArray
    hidden: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote, its opening in front; `finished` is False where the limit cut it off."""

    text: str
    finished: bool


@dataclass(frozen=True, slots=True, eq=False)
class TeacherSignal:
    """What the student learns from, row by row beside the corpus.

    probs      (documents, labels)  label distribution, letter bias removed, orders averaged; rows sum to 1.
               Where `several` labels may apply: the probability of yes for each by itself
    stability  (documents,)         share of orders whose first choice is the averaged first choice, 0..1
    hidden     (documents, depths, width) fp16 pooled states of the canonical-order prompt, or None
    asked      (documents,)         prompts answered for each document
    depths     relative depths of `hidden`, e.g. (0.25, 0.5, 1.0)
    """

    probs: FloatArray
    stability: FloatArray
    asked: NDArray[np.integer]
    hidden: FloatArray | None = None
    depths: tuple[float, ...] = ()
    several: bool = False

    @property
    def choice(self) -> NDArray[np.integer]:
        """Index of the most likely label per document, shape (documents,)."""
        return self.probs.argmax(axis=1)

    @property
    def confidence(self) -> FloatArray:
        """Probability of the most likely label per document, shape (documents,)."""
        return self.probs.max(axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class ListedTokens:
    """A teacher's likeliest tokens at each place of one written answer, the end of the answer included.

    ids (tokens, k) int32; log_probs (tokens, k) fp16 at temperature 1; normalisers (temperatures, tokens)
    fp32, the log-sum-exp of the log-probabilities of *all* tokens divided by each of `temperatures`;
    written (tokens,) int32 the tokens of the answer itself.
    """

    ids: NDArray[np.integer]
    log_probs: FloatArray
    temperatures: tuple[float, ...]
    normalisers: FloatArray
    written: NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class WrittenSignal:
    """Answers in writing to learn from, row by row beside the corpus.

    texts      what the student is to write, in one form; empty where nothing could be read
    sureness   (documents,) mean probability that the teacher gives each of these words, 0..1
    asked      (documents,) prompts answered for each document
    tokens     the likeliest tokens at each place, None for an empty text; () where they were not kept
    hidden     (documents, depths, width) fp16, the mean over the places that predict the answer; or None
    """

    texts: tuple[str, ...]
    sureness: FloatArray
    asked: NDArray[np.integer]
    tokens: tuple[ListedTokens | None, ...] = ()
    hidden: FloatArray | None = None
    depths: tuple[float, ...] = ()


Signal = TeacherSignal | WrittenSignal  # what is learned from, by whether answers are chosen or written


def take(values: Sequence[Document], indices: Sequence[int]) -> list[Document]:
    """The documents at these indices, in that order."""
    return [values[i] for i in indices]
