"""The rows of one file, sorted into documents and rows set aside, in blocks that keep memory flat."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from engine.corpus.cleaning import CleaningStep, StepReport, clean_block, has_letters
from engine.corpus.decoding import storable
from engine.corpus.duplicates import DuplicateFinder
from engine.corpus.patterns import INVISIBLE
from engine.corpus.repair import mend
from engine.corpus.roles import ColumnRole
from engine.corpus.sentences import chunks
from engine.corpus.table import Row, Table, n_of

EMPTY, NO_LETTERS, UNREADABLE, TOTALS = "empty", "no letters", "unreadable line", "totals row"
NOTHING = frozenset(
    ("", "n/a", "na", "nan", "null", "none", "nil", "-", "--", ".", "#n/a", "#name?", "nul")
)
TOTAL = re.compile(
    r"(?:(?:grand|sub)?[\s-]?totals?(?: general| général| geral)?|gran total|gesamt|sum|suma|somme|المجموع)"
    r"\s*[:=]?\s*[\d.,\s]*",
    re.IGNORECASE,
)
BLOCK = 20_000  # rows at once
META_LENGTH = 200  # a longer cell is not a small fact about a document
FLOATED = re.compile(r"\d(?:\.\d+)?[eE]\+\d{2}")
PIECE_CHARACTERS, PIECE_BYTES = 1_200, 1_800
"""What a piece of a long document may hold: about 300 tokens in any script (UTF-8 needs more bytes for
letters that models cut finer). The large model reads as many characters of a document by default."""
MOST_PIECES = 500  # of one document; what is beyond is not read

Numbered = tuple[int, Row, str]  # row number from 1, row, text
COLUMNS = pa.schema([("text", pa.string()), ("original", pa.string()), ("meta", pa.string()),
                     ("document", pa.int64()), ("piece", pa.int32())])


@dataclass(slots=True)
class Gathered:
    """What one file gave. `pieces`: batches of `COLUMNS`; `document` counts the file's documents from 0.

    `ids`: one for each document. `labels`: cells of each label column, null where empty.
    """

    name: str
    table: Table
    roles: tuple[ColumnRole, ...]
    pieces: list[pa.RecordBatch] = field(default_factory=list)
    ids: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))
    labels: dict[str, pa.ChunkedArray] = field(default_factory=dict)
    documents: int = 0
    in_pieces: int = 0
    shortened: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    steps: dict[str, StepReport] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    first_rows: list[Row] = field(default_factory=list)

    def with_role(self, *wanted: str) -> list[int]:
        """Indices of the columns with one of these roles."""
        return [i for i, role in enumerate(self.roles) if role.role in wanted]


@dataclass(frozen=True, slots=True)
class Handling:
    """How texts are treated on their way: cleaning steps, and whether doubled encoding is mended."""

    steps: tuple[CleaningStep, ...]
    repair: bool = False


def gather(
    file: Gathered,
    handling: Handling,
    finder: DuplicateFinder,
    on_rows: Callable[[int], None],
) -> None:
    """Fill `file` from its table; every kept document is told to `finder`, in order."""
    file.dropped.update(file.table.set_aside)
    if file.table.unreadable:
        file.dropped[UNREADABLE] = file.table.unreadable
    file.warnings.extend(file.table.warnings)
    rows = _Rows(file)
    numbers: list[pa.Array] = []
    ids: list[pa.Array] = []
    labels: dict[str, list[pa.Array]] = {file.table.columns[i]: [] for i in file.with_role("label")}
    done = 0
    iterator = iter(file.table.rows)
    while block := list(islice(iterator, BLOCK)):
        file.first_rows = file.first_rows or block[:3]
        kept = _add_pieces(file, list(rows.kept(block, done)), rows, handling)
        for _, _, text in kept:
            finder.add(text)
        numbers.append(pa.array([number for number, _, _ in kept], pa.int64()))
        if rows.id_at is not None:
            ids.append(pa.array([_bare(row[rows.id_at]) for _, row, _ in kept], pa.string()))
        for i in file.with_role("label"):
            cells = [row[i].strip() or None for _, row, _ in kept]
            labels[file.table.columns[i]].append(pa.array(cells, pa.string()).dictionary_encode())
        done += len(block)
        on_rows(done)
    file.labels = {name: pa.chunked_array(arrays).unify_dictionaries() for name, arrays in labels.items()
                   if arrays}
    if rows.stood_in:
        file.warnings.append(f"{n_of(rows.stood_in, 'row')} without a text: the title is read instead.")
    file.ids = _ids(file, rows, ids, numbers)


class _Rows:
    """Tells rows that are documents from those that are not."""

    def __init__(self, file: Gathered) -> None:
        self.file = file
        self.text_at = file.with_role("text")[0]
        self.title_at = next(iter(file.with_role("title")), None)
        self.id_at = next(iter(file.with_role("id")), None)
        columns = file.table.columns
        self.facts_at = [(i, columns[i])
                         for i in file.with_role("title", "date", "place", "language", "ignore")]
        self.stood_in = 0

    def kept(self, block: Sequence[Row], done: int) -> Iterator[Numbered]:
        """Each row that is a document."""
        for number, row in enumerate(block, start=done + 1):
            text = row[self.text_at]
            reason = _reason_to_drop(text)
            if reason == EMPTY and self.title_at is not None:
                title = row[self.title_at]
                if not _reason_to_drop(title):
                    text, reason = title, None
                    self.stood_in += 1
            if reason:
                self.file.dropped[reason] += 1
            else:
                yield number, row, text

    def meta(self, row: Row) -> str | None:
        facts = {name: cell for i, name in self.facts_at
                 if (cell := row[i].strip()) and len(cell) <= META_LENGTH}
        return json.dumps(facts, ensure_ascii=False) if facts else None


def _reason_to_drop(text: str) -> str | None:
    bare = text.strip()
    if not bare.isascii():
        bare = INVISIBLE.sub("", bare).strip()
    if len(bare) < 40:
        if bare.casefold() in NOTHING:
            return EMPTY
        if TOTAL.fullmatch(bare):
            return TOTALS
    return None if has_letters(bare) else NO_LETTERS


def _add_pieces(file: Gathered, documents: Sequence[Numbered], rows: _Rows,
                handling: Handling) -> list[Numbered]:
    """Add the documents' pieces, cleaned, but for those with nothing left to read (rows of links, say);
    returns the documents of which some are left.
    """
    cut = [in_pieces(text) for _, _, text in documents]
    parts = [part for pieces in cut for part in pieces[:MOST_PIECES]]
    cleaned, reports = clean_block([mend(part) for part in parts] if handling.repair else parts,
                                   handling.steps)
    for report in reports:
        file.steps[report.name] = report.after_another(file.steps.get(report.name))
    kept: list[Numbered] = []
    originals: list[str] = []
    texts: list[str] = []
    meta: list[str | None] = []
    places: list[tuple[int, int]] = []
    end = 0
    for one, pieces in zip(documents, cut, strict=True):
        start, end = end, end + min(len(pieces), MOST_PIECES)
        read = [i for i in range(start, end) if any(map(str.isalpha, cleaned[i]))]
        if not read:
            file.dropped[NO_LETTERS] += 1
            continue
        kept.append(one)
        if len(pieces) > 1:
            file.in_pieces += 1
            file.shortened += len(pieces) > MOST_PIECES
        originals += (storable(parts[i]) for i in read)
        texts += (storable(cleaned[i]) for i in read)
        meta += [rows.meta(one[1])] * len(read)
        places += [(file.documents, i - start if len(pieces) > 1 else -1) for i in read]
        file.documents += 1
    file.pieces.append(pa.record_batch(
        [pa.array(texts, pa.string()),
         pa.array([None if o == t else o for o, t in zip(originals, texts, strict=True)], pa.string()),
         pa.array(meta, pa.string()),
         pa.array([document for document, _ in places], pa.int64()),
         pa.array([piece for _, piece in places], pa.int32())], schema=COLUMNS))
    return kept


def in_pieces(text: str) -> list[str]:
    """A text in pieces that models can read, cut at ends of sentences; by itself where it is short enough."""
    return [text] if _fits(text) else chunks(text, _fits)


def _fits(text: str) -> bool:
    return len(text) <= PIECE_CHARACTERS and (text.isascii() or len(text.encode("utf-8", "replace"))
                                              <= PIECE_BYTES)


def _ids(file: Gathered, rows: _Rows, ids: list[pa.Array], numbers: list[pa.Array]) -> pa.Array:
    """The cells of the id column if every document has one of its own; else row numbers, and why."""
    if rows.id_at is not None and file.documents:
        given = pa.chunked_array(ids).combine_chunks()
        if pc.count_distinct(given).as_py() == len(given) and not pc.any(pc.equal(given, "")).as_py():
            return given
        name = file.table.columns[rows.id_at]
        floated = pc.sum(pc.match_substring_regex(given, f"^(?:{FLOATED.pattern})$")).as_py() or 0
        why = (
            f"“{name}” was rounded by a spreadsheet (2.6E+17), so its numbers are no longer exact"
            if floated > 0.5 * len(given) else f"“{name}” is empty or repeated in places"
        )
        file.warnings.append(f"{why}; documents are named by their row instead.")
    given = pa.chunked_array(numbers, pa.int64()).combine_chunks()
    return pc.binary_join_element_wise("row", given.cast(pa.string()), "-")


def _bare(cell: str) -> str:
    """An id without the quotation marks some tools put around it."""
    cell = cell.strip()
    return (
        cell[1:-1].strip() if len(cell) > 2 and cell[0] == cell[-1] and cell[0] in "'\"" else cell
    )
