"""Workbooks made by other libraries: the right sheet, header and cells; what was mended or lost is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl.worksheet.worksheet import Worksheet

from engine.corpus.formats import spreadsheets
from engine.corpus.formats.spreadsheets import is_spreadsheet, table_from_spreadsheet, text_of_cell
from engine.corpus.roles import guess_roles
from engine.corpus.sources import Source
from engine.corpus.table import NO_HEADER, ReadOptions
from engine.errors import InputError
from tests.corpus.workbooks_made import (
    HEADER,
    MESSAGES,
    column,
    ods,
    part_changed,
    read,
    told,
    xls,
    xlsx,
)

# Kinds of file


@pytest.mark.parametrize(("make", "format"), [(xls, "xls"), (ods, "ods"), (lambda r: xlsx({"S": r}), "xlsx")])
def test_every_kind_gives_the_same_rows(make: Callable[..., bytes], format: str) -> None:
    table = read(make([HEADER, *MESSAGES]), "reports.csv")
    assert table.format == format
    assert table.columns == tuple(HEADER)
    assert table.header_row == 0
    assert list(table.rows) == [
        (str(i), f"2024-05-01T09:0{i}:00", text, place) for i, _, text, place in MESSAGES
    ]


# Sheets


def test_the_sheet_with_the_data_is_chosen_and_the_others_are_told() -> None:
    data = xlsx({
        "README": [["This workbook holds what people wrote to the hotline."], ["Ask before sharing it."]],
        "lists": [["Ward 4", "w4"], ["Ward 5", "w5"], ["Ward 6", "w6"]],
        "May": [HEADER, *MESSAGES],
        "June": [HEADER, *MESSAGES[:3]],
        "old": [HEADER, *MESSAGES * 5],
    }, old="hidden")  # fmt: skip
    table = read(data)
    assert (table.sheet, table.sheets) == ("May", ("README", "lists", "May", "June", "old"))
    assert "“June” (4 rows)" in told(table)
    assert "“old” (41 rows, hidden)" in told(table)
    assert len(read(data, sheet="old").rows) == 40
    assert read(data, sheet=" june").sheet == "June"
    with pytest.raises(InputError) as refusal:
        read(data, sheet="July")
    assert "“May”, “June”" in refusal.value.fix


def test_a_hidden_sheet_is_read_only_where_no_visible_one_holds_data() -> None:
    table = read(xlsx({"data": [HEADER, *MESSAGES], "cover": [["Hotline"]]}, data="hidden"))
    assert (table.sheet, table.sheets) == ("data", ("cover", "data"))
    assert "hidden" in told(table)


def test_tagged_rows_name_the_columns() -> None:
    tags = ["#meta+id", "#date", "#description", "#adm3"]
    table = read(xlsx({"S": [["No", "When", "What", "Where"], tags, *MESSAGES]}))
    assert (table.columns, table.header_row, len(table.rows)) == (tuple(tags), 1, 8)


# Headers


def test_banners_blank_rows_and_columns_and_names_that_come_twice() -> None:
    rows = [["Hotline report"], [], ["Country: X"], [], ["id", "message", None, "message ", "n"]]
    rows += [[i, text, None, "note" if i % 2 else None, 0] for i, _, text, _ in MESSAGES]
    table = read(xlsx({"S": rows}))
    assert table.header_row == 2
    assert table.columns == ("id", "message", "message (2)", "n")
    assert len(table.rows) == 8
    assert "2 rows above the header" in told(table)
    forced = read(xlsx({"S": rows}), header_row=NO_HEADER)
    assert len(forced.rows) == 11
    assert read(xlsx({"S": rows}), header_row=3).columns[0] == "1"


def test_a_header_of_two_rows_with_merged_cells() -> None:
    def merge(sheet: Worksheet) -> None:
        for cells in ("A1:A2", "B1:C1", "D1:D2", "A3:A5"):
            sheet.merge_cells(cells)

    rows = [["place", "people", None, "message"], [None, "women", "men", None]]
    rows += [["Ward 4", 3, 4, MESSAGES[0][2]], [None, 5, 6, MESSAGES[1][2]], [None, 7, 8, MESSAGES[2][2]]]
    table = read(xlsx({"S": rows}, merge))
    assert table.columns == ("place", "women", "men", "message")
    assert column(table, "place") == ["Ward 4"] * 3
    assert "takes 2 rows" in told(table)


def test_a_merged_name_holds_for_all_its_columns() -> None:
    rows = [["id", "message", None], *[[i, text, "yes"] for i, _, text, _ in MESSAGES]]
    table = read(xlsx({"S": rows}, lambda sheet: sheet.merge_cells("B1:C1")))
    assert table.columns == ("id", "message", "message (2)")


def test_a_message_merged_over_blank_rows_is_one_row() -> None:
    rows = [["id", "message", "place"], [1, MESSAGES[0][2], "a"], [], [], [2, MESSAGES[1][2], "b"]]

    def merge(sheet: Worksheet) -> None:
        for cells in ("A2:A4", "B2:B4", "C2:C4"):
            sheet.merge_cells(cells)

    assert len(read(xlsx({"S": rows}, merge)).rows) == 2


# Cells


def test_cells_become_text_as_people_see_them() -> None:
    names = ["text", "whole", "part", "flag", "day", "moment", "clock", "lasts", "fault"]
    row = ["a _x000D_ b", 5.0, 0.1 + 0.2, True, dt.date(2024, 1, 2), dt.datetime(2024, 1, 2, 3, 4, 5),
           dt.time(3, 4), dt.timedelta(hours=30), "#N/A"]  # fmt: skip
    table = read(xlsx({"S": [names, row]}))
    assert dict(zip(table.columns, table.rows[0], strict=True)) == {
        "text": "a \r b", "whole": "5", "part": "0.3", "flag": "true", "day": "2024-01-02",
        "moment": "2024-01-02T03:04:05", "clock": "03:04:00", "lasts": "30:00:00", "fault": "",
    }  # fmt: skip


def test_dates_kept_as_numbers_are_dates_again_only_where_the_name_says_so() -> None:
    rows = [["message", "date", "Start date", "paid", "year date"]]
    rows += [[text, 45287, 45287.5, 45287, 2024] for _, _, text, _ in MESSAGES]
    rows[1][1] = dt.datetime(2023, 12, 26)
    table = read(xlsx({"S": rows}))
    assert column(table, "date") == ["2023-12-26"] + ["2023-12-27"] * 7
    assert column(table, "Start date")[0] == "2023-12-27T12:00:00"
    assert column(table, "paid")[0] == "45287"
    assert column(table, "year date")[0] == "2024"
    assert "“date” is named as a date: 7 numbers" in told(table)


def test_identifiers_that_lost_their_last_digits_are_told() -> None:
    rows = [["id", "short id", "message"], [1294030472427835123, 123456789012345, MESSAGES[0][2]]] * 1
    table = read(xlsx({"S": rows}))
    assert table.rows[0][:2] == ("1294030472427835000", "123456789012345")
    assert "“id” holds numbers of 16 and more digits (1 cell)" in told(table)
    assert "short id" not in told(table)


def test_numbers_of_any_size() -> None:
    cells = (-0.0, 1e300, float("nan"), -2.5, 1e-7, 999_999_999_999_999.0)
    assert [text_of_cell(cell) for cell in cells] == ["0", "1e+300", "", "-2.5", "1e-07", "999999999999999"]


def test_formulas_give_their_stored_values_and_those_without_are_told() -> None:
    rows = [HEADER, [1, "=TODAY()", "=A2&B2", "a"], [2, None, MESSAGES[0][2], "=cmd|' /C calc'!A0"]]
    data = xlsx({"S": rows})
    table = read(data)
    assert table.rows == [("1", "", "", "a"), ("2", "", MESSAGES[0][2], "")]
    assert "(3 in this workbook)" in told(table)
    stored = part_changed(data, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"<v />", b"<v>7</v>")
                          .replace(b"<v></v>", b"<v>7</v>").replace(b"<v/>", b"<v>7</v>"))  # fmt: skip
    assert read(stored).rows[0] == ("1", "7", "7", "a")
    assert "stored value" not in told(read(stored))


def test_totals_are_set_aside() -> None:
    words = ["Total", "TOTAL:", "Sum", "Gesamt", "Total général", "Gran total", "المجموع", "Итого"]
    rows = [[i, text, 4] for i, _, text, _ in MESSAGES]
    totals = [[word, None, "9"] if i % 2 else [None, word, 9] for i, word in enumerate(words)]
    end = [["Total", None, None], [None, "a note below it", None]]
    table = read(xlsx({"S": [["id", "message", "n"], *rows, *totals, *end]}))
    assert column(table, "message") == [*(row[1] for row in rows), "a note below it"]
    assert table.set_aside == {"totals row": len(words) + 1}


def test_a_row_that_starts_like_totals_but_holds_text_stays() -> None:
    rows = [["org", "message", "n"], ["Total", "Fuel was given out at the station", 4]]
    assert len(read(xlsx({"S": [*rows, *[["X", text, 1] for _, _, text, _ in MESSAGES]]})).rows) == 9


# Large ones, and real ones


def test_a_large_sheet_is_read_anew_for_every_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [HEADER, *MESSAGES * 50]
    held = read(xlsx({"S": rows})).rows
    monkeypatch.setattr(spreadsheets, "HELD", 1_000)
    anew = read(xlsx({"S": rows})).rows
    assert not isinstance(anew, list)
    one, other = iter(anew), iter(anew)
    assert next(one) == next(other) == held[0]
    assert list(anew) == held == [held[0], *one]
    assert len(anew) == 400


def test_messy_workbook(shared_data: Path) -> None:
    for name in ("24_messy.xlsx", "25_xlsx_named_csv.csv"):
        path = shared_data / "nasty" / name
        source = Source(name, path)
        assert is_spreadsheet(source.head(), source)
        table = table_from_spreadsheet(source, ReadOptions())
        assert table.sheet == "Data"
        assert table.columns == ("ID", "Date", "Message", "Message (2)", "Killed")
        text = next(i for i, role in enumerate(guess_roles(table)) if role.role == "text")
        assert sum(bool(cell.strip()) for cell in table.column(text)) == 17
        assert table.set_aside == {"totals row": 1}
        assert "2023-12-27" in column(table, "Date")


@pytest.mark.parametrize(("name", "rows"), [
    ("input-broken.xlsx", 6_431), ("input-merged.xlsx", 4), ("input-quality.xls", 4),
    ("input-quality.xlsx", 4), ("input-valid.xls", 4), ("input-valid.xlsx", 4), ("input-valid-xlsx.NOEXT", 4),
])  # fmt: skip
def test_real_tagged_workbooks(shared_data: Path, name: str, rows: int) -> None:
    source = Source(name, shared_data / "hxl_samples" / name)
    assert is_spreadsheet(source.head(), source)
    table = table_from_spreadsheet(source, ReadOptions())
    assert len(table.rows) == rows
    assert sum(title.startswith("#") for title in table.columns) >= 8
    if name == "input-merged.xlsx":
        assert column(table, "#date+reported") == ["1 March 2015"] * 4
