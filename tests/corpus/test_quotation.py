"""Quotation marks that are never closed swallow no rows, and texts of many lines stay whole."""

from __future__ import annotations

import pytest

from engine.corpus.reading import table_from_bytes
from engine.corpus.table import Table


def table(text: str) -> Table:
    return table_from_bytes(text.encode(), "upload.csv")


@pytest.mark.parametrize(("rows", "marks"), [(90, [5]), (150, [100]), (90, [10, 65]), (30, [3])])
def test_nor_does_it_swallow_a_few_rows(rows: int, marks: list[int]) -> None:
    lines = [f"{i},Shelter {i} is full" for i in range(rows)]
    for at in marks:
        lines[at] = lines[at].replace(",", ',"')
    read = table("\n".join(["id,text", *lines]))
    assert len(read.rows) == rows and any("never closed" in note for note in read.warnings)


def test_where_other_cells_are_quoted_rows_that_may_be_swallowed_are_told() -> None:
    lines = [f'{i},"Shelter, the one at {i}, is full"' if i < 40 else f"{i},Ok" for i in range(60)]
    lines[45] = '45,"Ok'
    lines[55] = '55,Ok"'
    read = table("\n".join(["id,text", *lines]))
    assert any("row 47" in note and "rows of their own" in note for note in read.warnings)


def test_texts_of_many_lines_with_commas_are_texts() -> None:
    text = '"In, street\nand, market\nor, bridge\n%d"'
    read = table("text,label\n" + "\n".join(f"{text % i},flood" for i in range(50)))
    assert len(read.rows) == 50 and read.rows[7][1] == "flood"
