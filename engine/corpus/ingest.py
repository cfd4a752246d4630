"""From files to a corpus: read, find the columns, clean, group duplicates; labels go aside."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.corpus.archives import Refusal, unpack
from engine.corpus.cleaning import DEFAULT_STEPS, StepReport, steps_named
from engine.corpus.columns import SCHEMA, DocumentColumns
from engine.corpus.duplicates import DuplicateFinder
from engine.corpus.gathering import MOST_PIECES, Gathered, Handling, gather
from engine.corpus.privacy import survey
from engine.corpus.reading import read_source
from engine.corpus.receipt import DuplicateGroup, FileReceipt, Receipt
from engine.corpus.repair import looks_doubled
from engine.corpus.roles import guess_roles
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Table, n_of
from engine.errors import InputError
from engine.progress import Staged
from engine.records import Corpus, Gold, text_digest
from engine.workspace import slug

MOSTLY_COPIES = 0.5  # share of duplicates from which the user is warned
SHOWN = 300  # characters of a cell
SURVEYED = 5_000  # documents searched for private details and doubled encoding, spread over all


@dataclass(frozen=True, slots=True)
class Ingested:
    """What came out: the corpus, the labels found (for scoring only), and the receipt.

    `labels`: one row for each document (not piece), `id` and a column for each column of labels.
    """

    corpus: Corpus
    labels: pa.Table
    receipt: Receipt

    @property
    def golds(self) -> tuple[Gold, ...]:
        """The labels by column, each by document id; empty cells left out."""
        ids = self.labels.column("id").to_pylist()
        return tuple(
            Gold(name, {i: label for i, label in zip(ids, self.labels.column(name).to_pylist(), strict=True)
                        if label is not None})
            for name in self.labels.column_names if name != "id"
        )

    def with_gold(self, gold: Gold) -> Ingested:
        """The same with labels from elsewhere as the first column of labels."""
        cells = [gold.by_id.get(i) for i in self.labels.column("id").to_pylist()]
        return replace(self, labels=self.labels.add_column(1, gold.column, pa.array(cells, pa.string())))


def ingest(
    paths: Sequence[Path],
    options: ReadOptions | None = None,
    cleaning: Iterable[str] = DEFAULT_STEPS,
    on_progress: Staged | None = None,
) -> Ingested:
    """Read one upload: files, folders, archives.

    `on_progress(stage, done, total)`: stage is "reading" (bytes) or "duplicates" (steps). Documents
    keep the order of the files; near-duplicates are grouped, not removed. What cannot be used is told
    in the receipt; `InputError` is raised if nothing can.
    """
    report = on_progress or (lambda _stage, _done, _total: None)
    options = options or ReadOptions()
    handling = Handling(steps_named(cleaning), options.repair)
    if not paths:
        raise InputError("No file was chosen.", "Choose at least one file.")
    with tempfile.TemporaryDirectory(prefix="anon-unpacked-") as folder:
        sources, refused = unpack(paths, options, Path(folder))
        files, finder = _gather_all(sources, refused, options, handling, report)
    report("duplicates", 0, 1)
    numbers = finder.groups(lambda done, total: report("duplicates", done, total))
    report("duplicates", 1, 1)
    whole_ids = _ids_of_all(files)
    corpus = Corpus("", DocumentColumns(_table(files, whole_ids, _group_names(finder, numbers), numbers)))
    corpus = replace(corpus, id=f"{slug(Path(paths[0]).stem)[:48]}-{corpus.digest[:8]}")
    return Ingested(corpus, _labels(files, whole_ids), _receipt(files, refused, corpus, numbers, handling))


def _gather_all(
    sources: Sequence[Source], refused: list[Refusal], options: ReadOptions, handling: Handling,
    report: Staged,
) -> tuple[list[Gathered], DuplicateFinder]:
    """Every file that can be used; the others join `refused`. Raises `InputError` if none can."""
    sizes = [source.size for source in sources]
    total, files, finder = max(1, sum(sizes)), [], DuplicateFinder()
    errors: list[InputError] = []
    report("reading", 0, total)
    for place, source in enumerate(sources):
        held, documents = len(finder), sum(file.documents for file in files)
        try:
            table = read_source(source, options)
            file = Gathered(source.name, table, guess_roles(table, options, alone=len(sources) == 1))
            gather(file, handling, finder, _teller(report, sum(sizes[:place]), sizes[place], total, table))
            if not file.documents:
                raise _nothing_in(file)
            if documents + file.documents > options.max_rows:
                raise _too_many(options)
            files.append(file)
        except (InputError, OSError) as error:
            finder.keep(held)
            said = error if isinstance(error, InputError) else _unopened(source, error)
            errors.append(said)
            refused.append(Refusal(source.name, said.what, said.fix))
    report("reading", total, total)
    if not files:
        if len(refused) == 1:
            raise errors[0] if errors else InputError(refused[0].what, refused[0].fix)
        listed = " ".join(f"{r.what}" for r in refused[:5])
        raise InputError(f"None of the {n_of(len(refused), 'file')} can be used. {listed}",
                         refused[0].fix if refused else "Choose files that hold documents.")
    return files, finder


def _teller(report: Staged, before: int, size: int, total: int, table: Table) -> Callable[[int], None]:
    rows = max(1, len(table.rows))
    return lambda done: report("reading", before + size * done // rows, total)


def _unopened(source: Source, error: OSError) -> InputError:
    return InputError(f"“{source.name}” cannot be opened ({error.strerror or error}).",
                      "Check that the file is not locked and that you may read it.")


def _too_many(options: ReadOptions) -> InputError:
    return InputError(
        f"The files hold more than {options.max_rows:,} documents together (setting `max_rows`).",
        "Use fewer files, or raise the limit in settings.yaml (README, “Settings”).")


def _nothing_in(file: Gathered) -> InputError:
    why = ", ".join(f"{count:,} × {reason}" for reason, count in file.dropped.items())
    text = file.table.columns[file.with_role("text")[0]]
    return InputError(
        f"None of the {n_of(_rows_read(file), 'row')} of “{file.name}” has text that can be used ({why}).",
        f"“{text}” was taken for the text; choose another column if that is wrong.",
    )


def _rows_read(file: Gathered) -> int:
    return len(file.table.rows) + file.table.unreadable + sum(file.table.set_aside.values())


def _ids_of_all(files: Sequence[Gathered]) -> pa.Array:
    """One id for each document of all files, none twice."""
    given = []
    for file in files:
        named = not file.with_role("id")
        alone = file.documents == 1 and named and len(files) > 1
        given.append(pa.array([Source(file.name).stem or file.name], pa.string()) if alone else file.ids)
    ids = pa.concat_arrays(given)
    if pc.count_distinct(ids).as_py() == len(ids):
        return ids
    # Ids of several files collide: the file's name goes before them.
    taken: set[str] = set()
    for place, file in enumerate(files):
        plain = stem = Source(file.name).stem or file.name
        numbers = count(2)
        while stem in taken:
            stem = f"{plain}-{next(numbers)}"
        taken.add(stem)
        given[place] = pc.binary_join_element_wise(stem, file.ids, ":")
    return pa.concat_arrays(given)


def _group_names(finder: DuplicateFinder, numbers: NDArray[np.int64]) -> list[str]:
    """A name by the content of each group's first text: the same upload gives the same groups."""
    names: list[str] = []
    taken: Counter[str] = Counter()
    firsts = np.unique(numbers, return_index=True)[1]
    for text in map(finder.normalised_text, firsts.tolist()):
        name = f"g-{text_digest(text)[:12]}"
        taken[name] += 1
        names.append(name if taken[name] == 1 else f"{name}-{taken[name]}")
    return names


def _table(files: Sequence[Gathered], ids: pa.Array, names: Sequence[str], numbers: NDArray[np.int64],
           ) -> pa.Table:
    """The columns of all documents and pieces, in order."""
    group_names, batches, first = pa.array(names, pa.string()), [], 0
    for file in files:
        for batch in file.pieces:
            document = batch.column("document").to_numpy() + first
            whole = ids.take(pa.array(document))
            piece = batch.column("piece")
            a_piece = pc.greater_equal(piece, 0)
            own = pc.if_else(
                a_piece,
                pc.binary_join_element_wise(whole, pc.add(piece, 1).cast(pa.string()), "#"),
                whole,
            )
            parent = pc.if_else(a_piece, whole, pa.scalar(None, pa.string()))
            group = group_names.take(pa.array(numbers[document]))
            batches.append(pa.record_batch(
                [own, batch.column("text"), batch.column("original"), group, batch.column("meta"), parent],
                schema=SCHEMA))
        first += file.documents
    return pa.Table.from_batches(batches, SCHEMA)


def _labels(files: Sequence[Gathered], ids: pa.Array) -> pa.Table:
    names = dict.fromkeys(name for file in files for name in file.labels)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {"id": ids}
    for name in names:
        parts = [file.labels[name].cast(pa.string()) if name in file.labels
                 else pa.chunked_array([pa.nulls(file.documents, pa.string())]) for file in files]
        column = pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.string())
        if column.null_count < len(column):
            columns["id (label)" if name == "id" else name] = column.dictionary_encode()
    return pa.table(columns)


def _receipt(files: Sequence[Gathered], refused: Sequence[Refusal], corpus: Corpus,
             numbers: NDArray[np.int64], handling: Handling) -> Receipt:
    documents: DocumentColumns = corpus.documents  # type: ignore[assignment]
    sizes = np.bincount(numbers)
    later = np.ones(len(numbers), bool)
    later[np.unique(numbers, return_index=True)[1]] = False
    receipts, first, pieces = [], 0, 0
    for file in files:
        own = sum(batch.num_rows for batch in file.pieces)
        preview = documents[pieces : pieces + min(3, own)]
        receipts.append(_file_receipt(file, preview, int(later[first : first + file.documents].sum())))
        first += file.documents
        pieces += own
    step = max(1, len(documents) // SURVEYED)
    sample = [documents[i] for i in range(0, len(documents), step)]
    private = survey([d.text for d in sample])
    doubled = looks_doubled([d.original for d in sample])
    receipt = Receipt(
        tuple(receipts),
        _steps(files),
        _largest_groups(documents, numbers, sizes),
        shortened=sum(file.shortened for file in files),
        in_pieces=sum(file.in_pieces for file in files),
        pieces=len(documents),
        refused=tuple(refused),
        private=private,
        doubled=doubled,
        repaired=handling.repair,
    )
    return replace(receipt, warnings=_notes(receipt, len(sizes)))


def _notes(receipt: Receipt, different: int) -> tuple[str, ...]:
    notes = []
    if receipt.refused:
        notes.append(f"{n_of(len(receipt.refused), 'file')} could not be used; the others are kept. First: "
                     f"{receipt.refused[0].what}")
    if receipt.duplicates > MOSTLY_COPIES * receipt.documents:
        notes.append(
            f"Most documents are copies: {receipt.documents:,} documents say "
            f"{n_of(different, 'different thing')}. Copies stay together, so that nothing is "
            "checked on what it was learned from."
        )
    if receipt.in_pieces:
        notes.append(
            f"{n_of(receipt.in_pieces, 'long document')} cut at ends of sentences into pieces that models "
            f"can read ({receipt.pieces:,} pieces and documents in all); the pieces of one stay together."
        )
    if receipt.shortened:
        notes.append(f"{n_of(receipt.shortened, 'document')} longer than {MOST_PIECES} pieces: what is "
                     "beyond was not read.")
    return tuple(notes)


def _steps(files: Sequence[Gathered]) -> tuple[StepReport, ...]:
    merged: dict[str, StepReport] = {}
    for file in files:
        for name, report in file.steps.items():
            merged[name] = report.after_another(merged.get(name))
    return tuple(merged.values())


def _largest_groups(documents: DocumentColumns, numbers: NDArray[np.int64], sizes: NDArray[np.int64],
                    ) -> tuple[DuplicateGroup, ...]:
    """The five largest groups, each with up to three differing texts, cut for showing."""
    if not (sizes > 1).any():
        return ()
    heads = pc.if_else(pc.is_null(documents.table["parent"]), True,
                       pc.match_substring_regex(documents.table["id"], "#1$"))
    first_piece = np.flatnonzero(heads.to_numpy())
    groups = []
    for number in np.argsort(-sizes, kind="stable")[:5].tolist():
        if sizes[number] < 2:
            break
        members = [documents[i] for i in first_piece[np.flatnonzero(numbers == number)[:50]].tolist()]
        different = list(dict.fromkeys(member.original[:300] for member in members))[:3]
        groups.append(DuplicateGroup(members[0].group, int(sizes[number]), tuple(different)))
    return tuple(groups)


def _file_receipt(file: Gathered, documents: Sequence, duplicates: int) -> FileReceipt:
    table = file.table
    return FileReceipt(
        name=file.name,
        format=table.format,
        encoding=table.encoding,
        delimiter=table.delimiter,
        sheet=table.sheet,
        header_row=table.header_row,
        text_column=table.columns[file.with_role("text")[0]],
        rows_read=_rows_read(file),
        documents=file.documents,
        duplicates=duplicates,
        dropped=dict(file.dropped),
        warnings=tuple(file.warnings),
        labels_found=tuple(name for name, cells in file.labels.items() if cells.null_count < len(cells)),
        columns=table.columns,
        sheets=table.sheets,
        roles=file.roles,
        preview=tuple({**d.meta, "id": d.id, "text": d.text[:1_000]} for d in documents),
        rows=tuple(tuple(cell[:SHOWN] for cell in row) for row in file.first_rows),
    )
