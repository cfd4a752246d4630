"""From files to a corpus: read, find the columns, clean, group duplicates; labels go aside."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.corpus.cleaning import DEFAULT_STEPS, INVISIBLE, StepReport, clean_all, has_letters
from engine.corpus.duplicates import duplicate_groups, normalised
from engine.corpus.reading import read_table
from engine.corpus.receipt import DuplicateGroup, FileReceipt, Receipt
from engine.corpus.roles import ColumnRole, guess_roles
from engine.corpus.table import ReadOptions, Table, n_of
from engine.errors import InputError
from engine.records import Corpus, Document, Gold, text_digest
from engine.workspace import slug

Progress = Callable[[str, int, int], None]
EMPTY, NO_LETTERS, UNREADABLE = "empty", "no letters", "unreadable line"
NOTHING = frozenset(
    ("", "n/a", "na", "nan", "null", "none", "nil", "-", "--", ".", "#n/a", "#name?", "nul")
)
LONG_DOCUMENT = 8_000  # characters, about 2,000 tokens
META_LENGTH = 200  # a longer cell is not a small fact about a document
MOSTLY_COPIES = 0.5  # share of duplicates from which the user is warned
FLOATED = re.compile(r"\d(?:\.\d+)?[eE]\+\d{2}")


@dataclass(frozen=True, slots=True)
class Ingested:
    """What came out: the corpus, the labels found (for scoring only), and the receipt."""

    corpus: Corpus
    golds: tuple[Gold, ...]
    receipt: Receipt


@dataclass(slots=True)
class _File:
    """One file on its way: the kept rows, and what became of the others."""

    name: str
    table: Table
    roles: tuple[ColumnRole, ...]
    originals: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    meta: list[dict[str, str]] = field(default_factory=list)
    labels: list[dict[str, str]] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)

    def with_role(self, *wanted: str) -> list[int]:
        """Indices of the columns with one of these roles."""
        return [i for i, role in enumerate(self.roles) if role.role in wanted]


def ingest(
    paths: Sequence[Path],
    options: ReadOptions | None = None,
    cleaning: Iterable[str] = DEFAULT_STEPS,
    on_progress: Progress | None = None,
) -> Ingested:
    """Read one upload of one or several files.

    `on_progress(stage, done, total)`: stage is "reading", "cleaning" or "duplicates". Documents
    keep the order of the files; near-duplicates are grouped, not removed. Raises `InputError` if a
    file cannot be used or no document is left.
    """
    report = on_progress or (lambda _stage, _done, _total: None)
    options = options or ReadOptions()
    if not paths:
        raise InputError("No file was chosen.", "Choose at least one file.")
    files = []
    for done, path in enumerate(paths):
        report("reading", done, len(paths))
        files.append(_read(Path(path), options, several=len(paths) > 1))
    report("reading", len(paths), len(paths))

    originals = [text for file in files for text in file.originals]
    report("cleaning", 0, len(originals))
    texts, steps = clean_all(originals, cleaning)
    report("cleaning", len(originals), len(originals))
    _one_id_each(files)

    report("duplicates", 0, len(originals))
    numbers = duplicate_groups(originals)
    if sum(file.table.pieces_of_one for file in files) >= 3:
        numbers = _joined_by_file(files, numbers)
    names = _group_names(numbers, originals)
    report("duplicates", len(originals), len(originals))

    ids = [identifier for file in files for identifier in file.ids]
    meta = [facts for file in files for facts in file.meta]
    documents = tuple(
        Document(*row) for row in zip(ids, texts, originals, names, meta, strict=True)
    )
    corpus = Corpus("", documents)
    corpus = replace(corpus, id=f"{slug(Path(paths[0]).stem)[:48]}-{corpus.digest[:8]}")
    return Ingested(corpus, _golds(files), _receipt(files, corpus, steps))


def _read(path: Path, options: ReadOptions, *, several: bool) -> _File:
    """Read a file and sort its rows into kept and dropped."""
    try:
        table = read_table(path, options)
        file = _File(path.name, table, guess_roles(table, options), warnings=list(table.warnings))
    except InputError as error:
        if several and path.name not in error.what:
            raise InputError(f"{path.name}: {error.what}", error.fix, error.safe) from error
        raise
    if table.unreadable:
        file.dropped[UNREADABLE] = table.unreadable
    text_at = file.with_role("text")[0]
    facts_at = file.with_role("title", "date", "place", "language", "ignore")
    labels_at = file.with_role("label")
    texts = _texts(file, text_at)
    reasons = [_reason_to_drop(text) for text in texts]
    id_at = _usable_ids(
        file, [row for row, why in zip(table.rows, reasons, strict=True) if not why]
    )
    for number, (row, original, reason) in enumerate(
        zip(table.rows, texts, reasons, strict=True), start=1
    ):
        if reason:
            file.dropped[reason] += 1
            continue
        file.originals.append(original)
        file.ids.append(_bare(row[id_at]) if id_at is not None else f"row-{number}")
        file.meta.append(
            {
                table.columns[i]: row[i].strip()
                for i in facts_at
                if row[i].strip() and len(row[i]) <= META_LENGTH
            }
        )
        file.labels.append({table.columns[i]: row[i].strip() for i in labels_at if row[i].strip()})
    if not file.originals:
        why = ", ".join(f"{count:,} × {reason}" for reason, count in file.dropped.items())
        raise InputError(
            f"None of the {n_of(len(table.rows) + table.unreadable, 'row')} of “{path.name}” "
            f"has text that can be used ({why}).",
            f"“{table.columns[text_at]}” was taken for the text; choose another column if "
            "that is wrong.",
        )
    return file


def _texts(file: _File, text_at: int) -> list[str]:
    """The text of every row; where it is empty and there is a title, the title stands in."""
    titles_at = file.with_role("title")
    texts = file.table.column(text_at)
    if not titles_at:
        return texts
    stood_in = 0
    for i, row in enumerate(file.table.rows):
        if _reason_to_drop(texts[i]) == EMPTY and not _reason_to_drop(row[titles_at[0]]):
            texts[i] = row[titles_at[0]]
            stood_in += 1
    if stood_in:
        file.warnings.append(f"{n_of(stood_in, 'row')} without a text: the title is read instead.")
    return texts


def _reason_to_drop(text: str) -> str | None:
    bare = INVISIBLE.sub("", text).strip()
    if bare.casefold() in NOTHING:
        return EMPTY
    return None if has_letters(bare) else NO_LETTERS


def _usable_ids(file: _File, kept: Sequence[tuple[str, ...]]) -> int | None:
    """The id column if every kept row has an id of its own; else says why not."""
    columns = file.with_role("id")
    if not columns or not kept:
        return None
    cells = [_bare(row[columns[0]]) for row in kept]
    if len(set(cells)) == len(cells) and all(cells):
        return columns[0]
    name = file.table.columns[columns[0]]
    if sum(bool(FLOATED.fullmatch(cell)) for cell in cells) > 0.5 * len(cells):
        why = f"“{name}” was rounded by a spreadsheet (2.6E+17), so its numbers are no longer exact"
    else:
        why = f"“{name}” is empty or repeated in places"
    file.warnings.append(f"{why}; documents are named by their row instead.")
    return None


def _bare(cell: str) -> str:
    """An id without the quotation marks some tools put around it."""
    cell = cell.strip()
    return (
        cell[1:-1].strip() if len(cell) > 2 and cell[0] == cell[-1] and cell[0] in "'\"" else cell
    )


def _one_id_each(files: Sequence[_File]) -> None:
    """Where ids of several files collide, put the file's name before them."""
    counts = Counter(identifier for file in files for identifier in file.ids)
    if all(n == 1 for n in counts.values()):
        return
    taken: Counter[str] = Counter()
    for file in files:
        stem = Path(file.name).stem
        taken[stem] += 1
        stem = stem if taken[stem] == 1 else f"{stem}-{taken[stem]}"
        file.ids = [f"{stem}:{identifier}" for identifier in file.ids]


def _joined_by_file(files: Sequence[_File], numbers: Sequence[int]) -> list[int]:
    """Paragraphs of one text stay together, and so do texts that share a near-duplicate."""
    parent: dict[int, int] = {}

    def root(number: int) -> int:
        while parent.get(number, number) != number:
            number = parent[number]
        return number

    start = 0
    for file in files:
        own = numbers[start : start + len(file.originals)]
        start += len(own)
        if file.table.pieces_of_one:
            for number in own[1:]:
                a, b = root(own[0]), root(number)
                parent[max(a, b)] = min(a, b)
    return [root(number) for number in numbers]


def _group_names(numbers: Sequence[int], originals: Sequence[str]) -> list[str]:
    """A name by the content of each group's first text: the same upload gives the same groups."""
    names: dict[int, str] = {}
    taken: dict[str, int] = {}
    for number, text in zip(numbers, originals, strict=True):
        if number not in names:
            name = f"g-{text_digest(normalised(text) or text)[:12]}"
            taken[name] = taken.get(name, 0) + 1
            names[number] = name if taken[name] == 1 else f"{name}-{taken[name]}"
    return [names[number] for number in numbers]


def _golds(files: Sequence[_File]) -> tuple[Gold, ...]:
    by_column: dict[str, dict[str, str]] = {}
    for file in files:
        for identifier, labels in zip(file.ids, file.labels, strict=True):
            for column, label in labels.items():
                by_column.setdefault(column, {})[identifier] = label
    return tuple(Gold(column, by_id) for column, by_id in by_column.items())


def _receipt(files: Sequence[_File], corpus: Corpus, steps: Sequence[StepReport]) -> Receipt:
    members: dict[str, list[Document]] = {}
    for document in corpus.documents:
        members.setdefault(document.group, []).append(document)
    firsts = {group[0].id for group in members.values()}
    receipts, start = [], 0
    for file in files:
        documents = corpus.documents[start : start + len(file.originals)]
        start += len(documents)
        receipts.append(_file_receipt(file, documents, sum(d.id not in firsts for d in documents)))
    largest = sorted(
        (group for group in members.values() if len(group) > 1), key=lambda g: -len(g)
    )[:5]
    groups = tuple(
        DuplicateGroup(group[0].group, len(group), _different(group)) for group in largest
    )
    receipt = Receipt(
        tuple(receipts),
        tuple(steps),
        groups,
        sum(len(d.text) > LONG_DOCUMENT for d in corpus.documents),
        LONG_DOCUMENT,
    )
    notes = []
    if receipt.duplicates > MOSTLY_COPIES * receipt.documents:
        notes.append(
            f"Most documents are copies: {receipt.documents:,} documents say "
            f"{n_of(len(members), 'different thing')}. Copies stay together, so that nothing is "
            "checked on what it was learned from."
        )
    if receipt.shortened:
        notes.append(
            f"{n_of(receipt.shortened, 'document')} longer than {LONG_DOCUMENT:,} characters: "
            "kept whole, but models will read the beginning only."
        )
    return replace(receipt, warnings=tuple(notes))


def _different(group: Sequence[Document]) -> tuple[str, ...]:
    """Up to three differing originals of a group, cut for showing."""
    return tuple(list(dict.fromkeys(document.original[:300] for document in group))[:3])


def _file_receipt(file: _File, documents: Sequence[Document], duplicates: int) -> FileReceipt:
    table = file.table
    preview = tuple({"id": d.id, "text": d.text[:1_000], **d.meta} for d in documents[:3])
    labels = {column for row in file.labels for column in row}
    return FileReceipt(
        name=file.name,
        format=table.format,
        encoding=table.encoding,
        delimiter=table.delimiter,
        sheet=table.sheet,
        header_row=table.header_row,
        text_column=table.columns[file.with_role("text")[0]],
        rows_read=len(table.rows) + table.unreadable,
        documents=len(documents),
        duplicates=duplicates,
        dropped=dict(file.dropped),
        warnings=tuple(file.warnings),
        labels_found=tuple(column for column in table.columns if column in labels),
        columns=table.columns,
        roles=file.roles,
        preview=preview,
    )
