"""Parquet, Feather and Arrow files as tables: rows are read block by block, and never all held as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, time
from typing import TYPE_CHECKING, Any

from engine.corpus.headers import distinct_names
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Row, Table, n_of
from engine.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 2_000  # rows turned into text at once
STREAM = b"\xff\xff\xff\xff"  # how Arrow's form without a list of contents starts
Batches = Callable[[], "Iterator[pa.RecordBatch]"]


class ParquetRows:
    """Rows of a file of columns, read anew each time. Going through them may raise `InputError`."""

    def __init__(self, batches: Batches, length: int, source: Source) -> None:
        self._batches, self._length, self._source = batches, length, source

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Row]:
        for batch in _guarded(self._batches(), self._source):
            for first in range(0, batch.num_rows, BLOCK):
                yield from _text_rows(batch.slice(first, BLOCK), self._source)


def is_parquet(head: bytes, source: Source) -> bool:
    """Whether a file that starts so is Parquet, Feather or Arrow."""
    if head.startswith(STREAM):
        return 0 < int.from_bytes(head[4:8], "little") < 1 << 28
    return head.startswith((b"PAR1", b"PARE", b"ARROW1", b"FEA1"))


def table_from_parquet(source: Source, options: ReadOptions) -> Table:
    """The columns as they are named; one level of nested records becomes columns of its own.

    Raises `InputError` if the file is damaged, encrypted, empty or too large.
    """
    head = source.head(8)
    if head.startswith((b"PARE", b"FEA1")):
        what = "an encrypted Parquet file" if head.startswith(b"PARE") else "a Feather file of the first kind"
        raise InputError(f"“{source.name}” is {what}; that cannot be read here.",
                         "Save it as Parquet, unencrypted, or export it as CSV.")  # fmt: skip
    kind = "parquet" if head.startswith(b"PAR1") else "arrow"
    schema, batches, length = (_parquet if kind == "parquet" else _arrow)(source, options)
    if not length or not len(schema):
        raise InputError(f"“{source.name}” holds no rows.", "Choose a file with one document a row.")
    if length > options.max_rows:
        raise InputError(
            f"“{source.name}” has {n_of(length, 'row')}; up to {options.max_rows:,} can be read at once "
            "(setting `max_rows`).",
            "Split it into smaller files, or raise the limit in settings.yaml (README, “Settings”).",
        )
    try:
        parts = [part for field in schema for part in _parts(field)]
    except UnicodeDecodeError as error:
        raise _damaged(source) from error
    names = distinct_names([name for name, _ in parts], len(parts))
    notes = tuple(
        f"Column “{name}” holds bytes: those that are not text (UTF-8) read as empty."
        for name, (_, kind_of_cell) in zip(names, parts, strict=True)
        if _is_bytes(kind_of_cell)
    )
    return Table(kind, "", None, None, None, names, ParquetRows(batches, length, source), notes)


def _parquet(source: Source, options: ReadOptions) -> tuple[pa.Schema, Batches, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def opened(repeated: list[str] | None = None) -> pq.ParquetFile:
        file = source.path or pa.BufferReader(source.read())
        return pq.ParquetFile(file, read_dictionary=repeated, memory_map=source.path is not None)

    try:
        with opened() as file:
            schema, metadata = file.schema_arrow, file.metadata
            groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
            unpacked, length = sum(group.total_byte_size for group in groups), metadata.num_rows
            agreed = length == sum(group.num_rows for group in groups) and length >= 0
    except (pa.ArrowException, OSError, ValueError, KeyError, UnicodeDecodeError) as error:
        raise _damaged(source) from error
    if not agreed:
        raise _damaged(source)
    if unpacked > options.max_unpacked_mb * 1_000_000:
        raise InputError(
            f"“{source.name}” unpacks to {unpacked / 1e6:,.0f} MB; up to {options.max_unpacked_mb:,} MB can "
            "be read (setting `max_unpacked_mb`).",
            "Split it into smaller files, or raise the limit in settings.yaml (README, “Settings”).",
        )
    # A long text that is repeated is stored once: so it stays, however often it comes.
    repeated = [field.name for field in schema if pa.types.is_string(field.type)]

    def batches() -> Iterator[pa.RecordBatch]:
        with opened(repeated) as file:
            yield from file.iter_batches(batch_size=BLOCK, use_threads=False)

    return schema, batches, length


def _arrow(source: Source, options: ReadOptions) -> tuple[pa.Schema, Batches, int]:
    import pyarrow as pa

    def opened() -> Any:  # noqa: ANN401 (one of two kinds of reader)
        file = pa.memory_map(str(source.path)) if source.path else pa.BufferReader(source.read())
        return pa.ipc.open_stream(file) if source.head(4) == STREAM else pa.ipc.open_file(file)

    def batches() -> Iterator[pa.RecordBatch]:
        with opened() as reader:
            listed = getattr(reader, "num_record_batches", None)
            for batch in reader if listed is None else map(reader.get_batch, range(listed)):
                batch.validate(full=True)  # places and lengths are taken as the file has them
                yield batch

    length = unpacked = 0
    try:
        with opened() as reader:
            schema = reader.schema
    except (pa.ArrowException, OSError, ValueError, KeyError, UnicodeDecodeError) as error:
        raise _damaged(source) from error
    for batch in _guarded(batches(), source):
        length, unpacked = length + batch.num_rows, unpacked + batch.get_total_buffer_size()
        if unpacked > options.max_unpacked_mb * 1_000_000:
            raise InputError(
                f"“{source.name}” unpacks to more than {options.max_unpacked_mb:,} MB (setting "
                "`max_unpacked_mb`).",
                "Split it into smaller files, or raise the limit in settings.yaml (README, “Settings”).",
            )
    return schema, batches, length


def _guarded(batches: Iterator[pa.RecordBatch], source: Source) -> Iterator[pa.RecordBatch]:
    """The batches; damage in words."""
    import pyarrow as pa

    try:
        yield from batches
    except (pa.ArrowException, OSError, ValueError, KeyError, EOFError) as error:
        raise _damaged(source) from error


def _damaged(source: Source) -> InputError:
    return InputError(
        f"“{source.name}” is damaged: its table cannot be read to the end.",
        "Copy or download it again, or export it as CSV.",
    )


def _parts(field: pa.Field) -> list[tuple[str, pa.DataType]]:
    """The columns that a field becomes: itself, or the fields of a nested record."""
    import pyarrow as pa

    if pa.types.is_struct(field.type) and field.type.num_fields:
        return [(f"{field.name}.{inner.name}", inner.type) for inner in field.type]
    return [(field.name, field.type)]


def _is_bytes(kind: pa.DataType) -> bool:
    import pyarrow as pa

    types = pa.types
    return types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)


def _text_rows(batch: pa.RecordBatch, source: Source) -> Iterator[Row]:
    import pyarrow as pa

    columns: list[list[str]] = []
    try:
        for column in batch.columns:
            if pa.types.is_struct(column.type) and column.type.num_fields:
                columns += [_texts(inner) for inner in column.flatten()]
            else:
                columns.append(_texts(column))
    except (pa.ArrowException, ValueError, OverflowError, KeyError) as error:
        raise _damaged(source) from error
    return zip(*columns, strict=True)


def _texts(column: pa.Array) -> list[str]:
    """The cells of a column as text; what is missing is empty."""
    import pyarrow as pa

    types = pa.types
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = column.type
    if types.is_dictionary(kind):
        used = column.indices.unique().drop_null()
        known = dict(zip(used.to_pylist(), _texts(column.dictionary.take(used)), strict=True))
        return ["" if at is None else known[at] for at in column.indices.to_pylist()]
    if types.is_timestamp(kind):
        # Nanoseconds and far years are more than a date of Python holds: written out by Arrow.
        moments = column.cast(pa.timestamp("us"), safe=False).cast(pa.string()).to_pylist()
        return [_moment(cell, bool(kind.tz)) for cell in moments]
    if types.is_date(kind) or types.is_time(kind) or types.is_decimal(kind):
        return ["" if cell is None else _moment(cell, False) for cell in column.cast(pa.string()).to_pylist()]
    if types.is_duration(kind):
        column = column.cast(pa.duration("us"), safe=False)
    if types.is_floating(kind):
        digits = 15 if kind.bit_width == 64 else 7
        return [_number(cell, digits) for cell in column.to_pylist()]
    return [_text(cell) for cell in column.to_pylist()]


def _moment(cell: str | None, zoned: bool) -> str:
    if cell is None:
        return ""
    cell = cell.rstrip("0").removesuffix(".") if ":" in cell and "." in cell else cell
    day, _, clock = cell.partition(" ")
    return day if clock in ("", "00:00:00") else f"{day}T{clock}{'Z' if zoned else ''}"


def _number(cell: float | None, digits: int) -> str:
    if cell is None or cell != cell or cell in (float("inf"), float("-inf")):
        return ""
    return str(int(cell)) if cell == int(cell) and abs(cell) < 1e15 else f"{cell:.{digits}g}"


def _text(cell: Any) -> str:  # noqa: ANN401 (any value a column may hold)
    if cell is None:
        return ""
    if isinstance(cell, bytes):
        try:
            cell = cell.decode("utf-8")
        except UnicodeDecodeError:
            return ""
    if isinstance(cell, str):
        return cell.replace("\0", "") if "\0" in cell else cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, (list, tuple, dict)):
        return json.dumps(_plain(cell), ensure_ascii=False, default=_in_words).replace("\\u0000", "")
    return str(cell)


def _in_words(value: Any) -> str:  # noqa: ANN401 (any value a column may hold)
    return value.isoformat() if isinstance(value, (date, time)) else str(value)


def _plain(value: Any) -> Any:  # noqa: ANN401 (any value a column may hold)
    """A nested value as JSON knows it: keys are text, bytes too."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and all(isinstance(one, tuple) and len(one) == 2 for one in value):
        return {_text(key): _plain(inner) for key, inner in value}  # a map
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value != value:
        return None
    return _text(value) if isinstance(value, bytes) else value
