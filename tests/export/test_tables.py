"""Prediction files: what comes back is what went in, and nothing runs in a spreadsheet."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.export.tables import safe_cell, table_format, write_predictions

ROWS = [
    {"id": "7", "text": "Inundación en Mérida 🌊, ayuda\nya; \"urgente\"", "label": "flood",
     "confidence": np.float32(0.5), "n": np.int64(3), "different": True},
    {"id": "8", "text": "جسر مكسور", "label": "other", "confidence": -0.25, "n": 1,
     "different": False, "note": "late"},
]
HOSTILE = ["=cmd|' /C calc'!A0", "+1-555-0100", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1",
           " =1+1", "\u00a0=1+1", "\ufeff=1", "＝1+1", "－1", "﹦1", "\u200e=1", "\u2060@x", "\x01=1",
           " \u3000+1", "-1-1", "-1.2.3", "-1\n=2", "=HYPERLINK(\"http://x\",\"y\")"]
HARMLESS = ["a=b", "flood - help", "", " ", "mail a@b.org", "'quoted", "#Mérida", "5-6 people",
            "-72.3364", "-5", "-1,5", "-1e-7", "１＋１", "''"]


def read_csv(path: Path) -> list[list[str]]:
    with open(path, encoding="utf-8-sig", newline="") as table:
        return list(csv.reader(table))


def test_csv_round_trip_and_the_mark_that_excel_needs(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write_predictions(path, ROWS)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf\"id\"")
    header, first, second = read_csv(path)
    assert header == ["id", "text", "label", "confidence", "n", "different", "note"]
    assert first == ["7", ROWS[0]["text"], "flood", "0.5", "3", "True", ""]
    assert second == ["8", "جسر مكسور", "other", "-0.25", "1", "False", "late"]
    frame = pd.read_csv(path)
    assert frame["confidence"].tolist() == [0.5, -0.25]  # a negative number stays a number


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_starts_like_a_formula(tmp_path: Path, text: str) -> None:
    path = tmp_path / "out.csv"
    write_predictions(path, [{text: text, "list": [text], "plain": "x"}])
    for row in read_csv(path):
        for cell in row:
            assert cell.strip("\t\r\n \u00a0\u3000\ufeff\u200e\u2060\x01")[0] not in "=+-@＝＋－＠﹦﹢﹣﹫"
    assert read_csv(path)[1][0] == "'" + text  # only marked, nothing taken away


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_not_touched(text: str) -> None:
    assert safe_cell(text) == text


def test_numbers_stay_numbers_whether_they_come_as_numbers_or_as_text(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write_predictions(path, [{"lat": "-72.3364", "score": -0.25, "n": np.int64(-3)}])
    assert path.read_text(encoding="utf-8-sig").splitlines()[1] == '"-72.3364",-0.25,-3'
    frame = pd.read_csv(path)
    assert frame.iloc[0].tolist() == [-72.3364, -0.25, -3]


@settings(deadline=None)
@given(st.text(st.one_of(st.sampled_from("'=+-@＝ \t\n1.x"), st.characters(codec="utf-8")), max_size=12))
def test_a_csv_is_read_back_exactly_by_the_rule_that_is_written_down(text: str) -> None:
    back = safe_cell(text)
    if back.startswith("'") and safe_cell(back[1:]) == back:  # apostrophes, then like a formula
        back = back[1:]
    assert back == text


def test_text_with_other_separators_stays_in_its_quotes(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write_predictions(path, [{"text": "help;=1+1"}])
    assert path.read_text(encoding="utf-8-sig").splitlines()[1] == '"help;=1+1"'


def test_jsonl_round_trip_keeps_hostile_text_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    write_predictions(path, [*ROWS, {"text": HOSTILE[0], "probs": np.array([0.25, 0.75]),
                                     "confidence": float("nan")}])
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 3
    assert lines[0]["text"] == ROWS[0]["text"] and lines[0]["confidence"] == 0.5
    assert lines[0]["note"] is None  # every object has every key
    assert lines[2]["text"] == HOSTILE[0] and lines[2]["probs"] == [0.25, 0.75]
    assert lines[2]["confidence"] is None
    assert "Mérida" in path.read_text(encoding="utf-8")


def test_parquet_round_trip_keeps_kinds(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    write_predictions(path, [{**row, "probs": [0.5, 0.5]} for row in ROWS])
    table = pq.read_table(path)
    back = table.to_pylist()
    assert back[0]["text"] == ROWS[0]["text"] and back[0]["probs"] == [0.5, 0.5]
    assert [row["different"] for row in back] == [True, False]
    assert str(table.schema.field("confidence").type) == "double"
    assert str(table.schema.field("n").type) == "int64"


def test_a_parquet_column_of_mixed_kinds_becomes_text(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    write_predictions(path, [{"v": 1}, {"v": "one"}, {}])
    assert pq.read_table(path).column("v").to_pylist() == ["1", "one", None]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_half_a_character_does_not_stop_the_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    write_predictions(path, [{"text": "flood \ud83d here", "meta": {"k\udc00": ["\ud800"]}}])
    assert "flood \ufffd here".encode() in path.read_bytes()


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_columns_can_be_chosen_and_no_rows_is_a_table_too(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    write_predictions(path, ROWS, columns=["label", "id"])
    read = {"csv": pd.read_csv, "jsonl": lambda p: pd.read_json(p, lines=True),
            "parquet": pd.read_parquet}[suffix]
    frame = read(path)
    assert list(frame.columns) == ["label", "id"] and frame["label"].tolist() == ["flood", "other"]
    write_predictions(path, [], columns=["label", "id"])
    assert path.exists() and b"flood" not in path.read_bytes()


@pytest.mark.parametrize("name", ["out.xlsx", "out", "out.csv.zip", ".csv"])
def test_another_suffix_is_refused_in_words_naming_the_three(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        write_predictions(tmp_path / name, ROWS)
    for known in (".csv", ".jsonl", ".parquet"):
        assert known in caught.value.fix
    assert name in caught.value.what
    assert list(tmp_path.iterdir()) == []


def test_the_suffix_may_be_in_capitals() -> None:
    assert table_format(Path("OUT.CSV")) == "csv"
    assert table_format(Path("a.b.Parquet")) == "parquet"


def test_nothing_to_write_and_places_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no predictions"):
        write_predictions(tmp_path / "out.csv", [])
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_predictions(tmp_path / "folder.csv", ROWS)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        write_predictions(tmp_path / "file" / "out.csv", ROWS)


class Unwritable:
    """A value that fails on its way to text, half-way through a file."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError("broken value")


def test_a_failure_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.csv"
    write_predictions(path, ROWS)
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="broken value"):
        write_predictions(path, [{"v": "a"}, {"v": Unwritable()}])

    def fail(descriptor: int) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("engine.workspace.os.fsync", fail)
    with pytest.raises(RuntimeError, match="power cut"):  # after the rows, before the rename
        write_predictions(path, [{"v": "new"}])
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
