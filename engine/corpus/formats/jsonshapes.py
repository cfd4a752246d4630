"""Where the records are in JSON that wraps them: the longest list inside, lists in lists, columns.

Records are told by what reads as a document: a field named like a text, else long running text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from statistics import fmean
from typing import Any

from engine.corpus import naming
from engine.corpus.formats.jsonrecords import LINK, Item, Record, Remark, Stray, cell, inner, text_runs

Path = tuple[str, ...]
DEEPEST = 6  # objects inside one another that are searched
LOOKED_AT = 200  # records that tell whether a list holds documents
LONG = 40  # characters: a longer string reads as a text
SMALL = 200  # characters: longer fields are not repeated beside each record of an inner list
WEAK = naming.TEXT.index("description")  # from here on, a name that a wrapper may have too


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """Records (or rows, or strings) found in one object, and where; `header` names a row's cells."""

    items: list[Any]
    note: str = ""
    header: list[str] | None = None


@dataclass(frozen=True, slots=True)
class _Reads:
    """How much records read as documents: 2 by a field's name, 1 by long text, 0 not at all."""

    level: int
    rank: int = 0
    length: float = 0.0


def unwrapped(value: Record) -> Unwrapped:
    """The records in a single object; the object itself where it is the record."""
    candidates = list(_candidates(value, (), 0))
    if not candidates:
        return Unwrapped([value])
    scored = [(_reads_inside(found), found) for _, found in candidates]
    best, found = max(scored, key=lambda pair: (pair[0].level, len(pair[1].items)))
    is_table = any(not path for path, _ in candidates)  # then what is inside its fields are its cells
    own = _reads(
        [{key: part for key, part in value.items() if not isinstance(part, dict)}] if is_table else [value]
    )
    if own.level > best.level:
        return Unwrapped([value])
    is_document = own.level == 2 and own.rank < WEAK and own.rank <= best.rank
    if is_document and own.length >= 0.5 * best.length:
        return Unwrapped([value])
    return found


def _reads_inside(found: Unwrapped) -> _Reads:
    """How the rows read, or the records, in whatever lists of theirs they stand."""
    if any(isinstance(item, dict) for item in found.items):
        return _steps(found.items, DEEPEST)[1]
    return _reads(found.items, found.header)


def _candidates(value: Record, path: Path, depth: int) -> Iterator[tuple[Path, Unwrapped]]:
    """Every list of objects or of rows and every table by columns in an object."""
    table = _by_columns(value, path)
    if table is not None:
        yield path, table
    if depth >= DEEPEST:
        return
    for key, child in value.items():
        here = (*path, key)
        where = f"The records were taken from the list “{cell('.'.join(here))}” in the file."
        if isinstance(child, list) and any(isinstance(item, dict) for item in child):
            yield here, Unwrapped(child, where)
        elif isinstance(child, list) and child and all(isinstance(row, list) for row in child):
            if any(len(row) > 1 for row in child):
                yield here, Unwrapped(child, where, _header_beside(value, child))
        elif isinstance(child, dict):
            yield from _candidates(child, here, depth + 1)


def _header_beside(value: Record, rows: list[list[Any]]) -> list[str] | None:
    """Names of the columns, in a list beside the rows: as strings or as objects with a name."""
    width = max(map(len, rows))
    for child in value.values():
        if isinstance(child, list) and len(child) == width:
            found = [item.get("name") if isinstance(item, dict) else item for item in child]
            if all(isinstance(name, str) for name in found):
                return found
    return None


def _by_columns(value: Record, path: Path) -> Unwrapped | None:
    """A table by columns (`{"id": [..], "text": [..]}`), or records under their keys."""
    where = f"in “{cell('.'.join(path))}” " if path else ""
    lists = {key: child for key, child in value.items() if isinstance(child, list)}
    if lists and not any(isinstance(child, dict) for child in value.values()):
        return _column_lists(value, lists, where)
    tables = {key: child for key, child in value.items() if isinstance(child, dict) and child}
    if len(tables) != len(value) or len(tables) < 1:
        return None
    fields = [set(child) for child in tables.values()]
    shared = set.intersection(*fields)
    plain = all(
        not isinstance(item, dict | list) for child in islice(tables.values(), 20) for item in child.values()
    )
    numbered = all(key.isdecimal() for key in fields[0])
    titled = any(naming.rank(key, naming.TEXT) is not None for key in tables)
    if plain and fields[0] == shared and (numbered or titled) and (len(tables) > 1 or numbered):
        rows = next(iter(tables.values()))
        records = [{key: child[row] for key, child in tables.items()} for row in rows]
        return Unwrapped(records, f"The table is stored by columns {where}in the file.")
    usual = [key for key in set.union(*fields) if sum(key in names for names in fields) > 0.5 * len(fields)]
    if len(tables) > 1 and len(usual) >= 0.5 * max(map(len, fields)):
        records = [child if "key" in child else {"key": key, **child} for key, child in tables.items()]
        return Unwrapped(records, f"The records were taken one by one from their keys {where}in the file.")
    return None


def _column_lists(value: Record, lists: dict[str, list[Any]], where: str) -> Unwrapped | None:
    length = len(next(iter(lists.values())))
    if not length or any(len(column) != length for column in lists.values()):
        return None
    if any(isinstance(item, dict | list) for column in lists.values() for item in column):
        return None
    beside = {key: child for key, child in value.items() if key not in lists}
    records = [{key: column[i] for key, column in lists.items()} for i in range(length)]
    if (beside or where) and not _reads(records).level:  # a record with its tags
        return None
    return Unwrapped(
        [{**record, **beside} for record in records], f"The table is stored by columns {where}in the file."
    )


def steps_to_records(sample: list[Record]) -> tuple[Path, ...]:
    """The lists to open, one inside the other, in objects that each hold a list of the records."""
    return _steps(sample, DEEPEST)[0]


def _steps(items: list[Any], depth: int) -> tuple[tuple[Path, ...], _Reads]:
    """The lists to open from here on, and how the records at their end read."""
    sample = [item for item in _some(items) if isinstance(item, dict)]
    lists: dict[Path, list[Any]] = defaultdict(list)
    holders: dict[Path, int] = defaultdict(int)
    for record in sample:
        for path, found in _lists(record, (), depth):
            lists[path].extend(found)
            holders[path] += 1
    within = {
        path: _steps(found, depth - len(path))
        for path, found in lists.items()
        if holders[path] >= 0.5 * len(sample)
    }
    outer = _reads(sample)
    if within:
        best = max(within, key=lambda path: (within[path][1].level, len(lists[path])))
        steps, reads = within[best]
        if _holds_the_documents(outer, reads):
            return (best, *steps), reads
    return (), outer


def _some(items: list[Any]) -> list[Any]:
    """Some of the items, spread over the list."""
    return items[:: max(1, len(items) // LOOKED_AT)]


def _holds_the_documents(outer: _Reads, found: _Reads) -> bool:
    if found.level > outer.level:
        return True
    if found.level < outer.level or not found.level:
        return False
    better = found.level == 1 or outer.rank >= WEAK > found.rank
    return better and found.length > 2 * outer.length


def _lists(record: Record, path: Path, depth: int) -> Iterator[tuple[Path, list[Any]]]:
    for key, child in record.items():
        if isinstance(child, list) and any(isinstance(item, dict) for item in child):
            yield (*path, key), child
        elif isinstance(child, dict) and len(path) + 1 < depth:
            yield from _lists(child, (*path, key), depth)


def opened(record: Record, steps: tuple[Path, ...]) -> Iterator[Item]:
    """The inner records of an object, with its small fields beside each of them."""
    if not steps:
        yield record
        return
    found = inner(record, *steps[0])
    if not isinstance(found, list) or not found:
        if found is None:
            yield record
        else:
            yield Remark(f"Without anything in their list “{cell(steps[0][-1])}”", "object")
        return
    beside = dict(_small_fields(record))
    for item in found:
        if not isinstance(item, dict):
            yield Stray()
            continue
        for within in opened(item, steps[1:]):
            if isinstance(within, dict):
                extra = {f"outer.{key}" if key in within else key: field for key, field in beside.items()}
                yield {**within, **extra}
            else:
                yield within


def _small_fields(record: Record) -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        if isinstance(value, dict):
            for name, part in value.items():
                if isinstance(part, str | bool) and len(str(part)) <= SMALL:
                    yield f"{key}.{name}", part
        elif isinstance(value, str | bool) and len(str(value)) <= SMALL:
            yield key, value


def _reads(items: list[Any], header: list[str] | None = None) -> _Reads:
    """How much these records or rows read as documents, by some of them spread over the list."""
    some = _some(items)
    records = [item for item in some if isinstance(item, dict)] or [
        dict(zip(header or map(str, range(len(row))), row, strict=False))
        for row in some
        if isinstance(row, list)
    ]
    if not records:
        return _Reads(0)
    named: list[tuple[int, int]] = []
    longest: list[int] = []
    for record in records:
        texts = list(_texts(record))
        ranked = [(rank, len(text)) for rank, text in texts if rank is not None]
        if ranked:
            named.append(min(ranked))
        longest.append(max((len(text) for _, text in texts), default=0))
    if len(named) >= 0.3 * len(records):
        return _Reads(2, min(rank for rank, _ in named), fmean(length for _, length in named))
    length = fmean(longest)
    return _Reads(int(length >= LONG), 0, length)


def _texts(record: Record) -> Iterator[tuple[int | None, str]]:
    """The strings of a record that may be texts, with the rank of their name among text columns."""
    for key, value in record.items():
        parts = value.items() if isinstance(value, dict) else ((key, value),)
        for name, part in parts:
            text = text_runs(part) if isinstance(part, list) else part
            if isinstance(text, str) and any(map(str.isalpha, text[:200])) and not LINK.fullmatch(text[:200]):
                yield naming.rank(name, naming.TEXT), text
