"""Parquet, Feather and Arrow files: every kind of cell, blocks instead of whole files, damage in words."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from engine.corpus.formats.parquet import is_parquet, table_from_parquet
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Table
from engine.errors import EngineError, InputError

MOMENT = dt.datetime(2024, 1, 2, 3, 4, 5)
EVERY_KIND = pa.table({
    "id": pa.array([1, 2, None]),
    "text": ["a\0b", "é", None],
    "whole": [5.0, float("nan"), -1.25],
    "small": pa.array([0.1, None, 3], pa.float32()),
    "when": pa.array([MOMENT, dt.datetime(2024, 1, 2), None], pa.timestamp("ns")),
    "zoned": pa.array([MOMENT.replace(microsecond=500_000)] * 3, pa.timestamp("us", "Europe/Paris")),
    "day": [dt.date(2024, 1, 2)] * 3,
    "clock": [dt.time(3, 4, 5)] * 3,
    "paid": [decimal.Decimal("1.50")] * 3,
    "flag": [True, False, None],
    "user": [{"name": "x", "geo": {"lat": 1.5, "at": MOMENT}}, None, {"name": None, "geo": None}],
    "tags": [["a", "b\0"], None, []],
    "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    "raw": [b"ok", b"\xff\xfe", None],
    "kind": pa.array(["u", "v", None]).dictionary_encode(),
    "lasts": [dt.timedelta(hours=1)] * 3,
    "nothing": pa.nulls(3),
})  # fmt: skip


def as_parquet(table: pa.Table, **how: Any) -> bytes:
    target = io.BytesIO()
    pq.write_table(table, target, **how)
    return target.getvalue()


def as_feather(table: pa.Table, **how: Any) -> bytes:
    target = io.BytesIO()
    feather.write_feather(table, target, **how)
    return target.getvalue()


def as_stream(table: pa.Table) -> bytes:
    target = io.BytesIO()
    with pa.ipc.new_stream(target, table.schema) as stream:
        stream.write_table(table)
    return target.getvalue()


KINDS = (as_parquet, as_feather, as_stream)


def read(data: bytes, **said: Any) -> Table:
    source = Source("file.csv", data=data)
    assert is_parquet(source.head(), source)
    return table_from_parquet(source, ReadOptions(**said))


@pytest.mark.parametrize("make", KINDS)
def test_every_kind_of_cell(make: Any) -> None:
    table = read(make(EVERY_KIND))
    assert table.format == ("parquet" if make is as_parquet else "arrow")
    assert len(table.rows) == 3
    first, second, third = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    assert first == {
        "id": "1", "text": "ab", "whole": "5", "small": "0.1", "when": "2024-01-02T03:04:05",
        "zoned": "2024-01-02T03:04:05.5Z", "day": "2024-01-02", "clock": "03:04:05", "paid": "1.50",
        "flag": "true", "user.name": "x", "user.geo": '{"lat": 1.5, "at": "2024-01-02T03:04:05"}',
        "tags": '["a", "b"]', "map": '{"k": 1}', "raw": "ok", "kind": "u", "lasts": "1:00:00", "nothing": "",
    }  # fmt: skip
    assert second["when"] == "2024-01-02"
    assert second["whole"] == second["raw"] == second["user.name"] == third["text"] == third["kind"] == ""
    assert third["whole"] == "-1.25"
    assert "“raw” holds bytes" in " ".join(table.warnings)


def test_rows_can_be_gone_through_again_and_at_once(tmp_path: Path) -> None:
    data = pa.table({"text": [f"message {i}" for i in range(5_000)], "n": range(5_000)})
    for name, make in (("a.parquet", as_parquet), ("a.feather", as_feather), ("a.arrow", as_stream)):
        path = tmp_path / name
        path.write_bytes(make(data))
        rows = table_from_parquet(Source(name, path), ReadOptions()).rows
        one, other = iter(rows), iter(rows)
        assert next(one) == next(other) == ("message 0", "0")
        assert sum(1 for _ in rows) == len(rows) == 5_000
        assert list(rows)[-1] == [*one][-1] == ("message 4999", "4999")


def test_a_large_file_is_never_held_as_text() -> None:
    data = as_parquet(pa.table({"text": [f"message {i} of several words" for i in range(60_000)]}))
    rows = read(data).rows
    next(iter(rows))
    tracemalloc.start()
    for _ in rows:
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("make", [as_parquet, as_feather])
def test_a_long_text_that_is_repeated_stays_one(make: Any) -> None:
    once = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000, pa.int32()), pa.array(["z" * 1_000_000]))
    rows = read(make(pa.table({"text": once}))).rows
    assert sum(len(row[0]) for row in rows) == 5_000_000_000


def test_names_that_come_twice() -> None:
    table = pa.Table.from_arrays([pa.array(["a"])] * 3, names=["text", "text", ""])
    assert read(as_parquet(table)).columns == ("text", "text (2)", "column 3")


@pytest.mark.parametrize("make", KINDS)
def test_limits_are_named(make: Any) -> None:
    data = make(pa.table({"text": ["water" * 200] * 3_000, "n": [json.dumps(i) for i in range(3_000)]}))
    with pytest.raises(InputError, match="max_rows"):
        read(data, max_rows=2_999)
    assert len(read(data, max_rows=3_000).rows) == 3_000
    plain = make(pa.table({"text": [f"{i:0500}" for i in range(3_000)]}))
    with pytest.raises(InputError, match="max_unpacked_mb"):
        read(plain, max_unpacked_mb=1)


@pytest.mark.parametrize("make", KINDS)
def test_nothing_to_read(make: Any) -> None:
    with pytest.raises(InputError, match="no rows"):
        read(make(pa.table({"text": pa.array([], pa.string())})))


@pytest.mark.parametrize("data", [b"PAR1", b"PAR1" + b"x" * 100, b"ARROW1\0\0" + b"y" * 50,
                                  b"\xff\xff\xff\xff\x10\0\0\0" + b"z" * 50])  # fmt: skip
def test_rubbish_behind_a_mark_is_damage(data: bytes) -> None:
    with pytest.raises(InputError, match="damaged"):
        read(data)


@pytest.mark.parametrize("data", [b"PARE" + b"x" * 50, b"FEA1" + b"x" * 50])
def test_kinds_that_are_not_read_are_named(data: bytes) -> None:
    with pytest.raises(InputError, match="cannot be read here"):
        read(data)


def test_other_files_are_not_taken() -> None:
    for head in (b"id,text\n", b"PK\x03\x04", b"", b"\xff\xfei\0d\0", b"\xff\xff\xff\xff\xff\xff\xff\xff"):
        assert not is_parquet(head, Source("file.parquet", data=head))


@pytest.mark.parametrize("make", KINDS)
def test_damage_is_told_in_words(make: Any) -> None:
    whole = make(EVERY_KIND)
    chance = random.Random(3)
    refused = 0
    for _ in range(150):
        broken = bytearray(whole[: chance.choice((len(whole), len(whole) - chance.randrange(1, 200)))])
        for _ in range(chance.randint(1, 6)):
            broken[chance.randrange(8, len(broken))] = chance.randrange(256)
        try:
            table = read(bytes(broken))
            assert all(len(row) == len(table.columns) for row in table.rows)
        except EngineError as error:
            refused += 1
            assert error.fix
    assert refused > 50
