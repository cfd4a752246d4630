"""Web pages: exported tables, pages of text, pieces of HTML, and markup made to do harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.corpus.formats.webtables import is_web_page, table_from_web_page, text_of_html
from engine.corpus.sources import Source
from engine.corpus.table import NO_HEADER, ReadOptions, Table
from engine.errors import EngineError, InputError

MESSAGES = [f"The water at house number {i} is rising fast" for i in range(1, 6)]
BODY = "".join(f"<tr><td>{i}</td><td>{text}</td></tr>" for i, text in enumerate(MESSAGES))
DATA = f"<table><tr><th>id</th><th>message</th></tr>{BODY}</table>"
ARTICLE = "Two villages were cut off when the bridge fell. " * 20


def read(page: str, name: str = "page.html", **said: Any) -> Table:
    source = Source(name, data=page.encode("utf-8", "replace"))
    return table_from_web_page(page, "utf-8", source, ReadOptions(**said))


def told(table: Table) -> str:
    return " ".join(table.warnings)


# What is a web page


@pytest.mark.parametrize("start", [
    "<!DOCTYPE html><p>", "\n<html xmlns:x='urn:schemas-microsoft-com:office:excel'>", "\ufeff<HTML>",
    "<?xml version='1.0' encoding='utf-8'?>\n<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0'>",
    "<!-- saved from url=(0014)about:internet -->\n<html>", "<table border='1'>\n<thead><tr><th>", "<body>",
])  # fmt: skip
def test_pages_are_known_by_how_they_start(start: str) -> None:
    assert is_web_page(start.encode(), Source("data.csv", data=b""))


@pytest.mark.parametrize("start", [
    "id,text\n1,<p>hello</p>", "<p>first message</p>\n<p>second", "<table> of contents",
    "<rss version='2.0'>", "<?xml version='1.0'?><alert>", "", "< html", "<htmlish>",
])  # fmt: skip
def test_other_texts_are_not(start: str) -> None:
    assert not is_web_page(start.encode(), Source("data.txt", data=b""))


def test_a_piece_of_a_page_is_one_under_the_name_of_one() -> None:
    assert is_web_page(b"<style>td {}</style><table>", Source("export.xls", data=b""))
    assert is_web_page(b"<p>A report", Source("report.htm", data=b""))


# Tables


def test_the_largest_table_is_read_and_the_others_are_told() -> None:
    small = "<table id='legend'><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>"
    page = f"<html><body>{small}{DATA}<table><caption>By <b>ward</b></caption>{BODY}</table></body></html>"
    table = read(page)
    assert (table.format, table.encoding, table.sheet) == ("html", "utf-8", "table 2")
    assert table.sheets == ("legend", "table 2", "By ward")
    assert (table.columns, table.header_row) == (("id", "message"), 0)
    assert table.rows == [(str(i), text) for i, text in enumerate(MESSAGES)]
    assert "“legend” (2 rows), “By ward” (5 rows)" in told(table)
    assert len(read(page, sheet="legend", header_row=NO_HEADER).rows) == 2
    with pytest.raises(InputError) as refusal:
        read(page, sheet="nothing")
    assert "“legend”, “table 2”" in refusal.value.fix


def test_an_export_under_an_excel_name() -> None:
    page = f"""<html xmlns:x="urn:schemas-microsoft-com:office:excel"><head><meta charset="windows-1252">
    <!--[if gte mso 9]><xml><x:ExcelWorkbook></x:ExcelWorkbook></xml><![endif]--><style>td {{ x: y }}</style>
    </head><body><table border=1><tr><td colspan=2>Hotline, May</td></tr><tr><th>id</th><th>message</th></tr>
    {BODY}</table></body></html>"""
    table = read(page, "export.xls")
    assert table.columns == ("id", "message")
    assert [row[1] for row in table.rows][-1] == MESSAGES[-1]


def test_spans_are_honoured() -> None:
    table = read("""<table>
        <tr><th rowspan=2>place<th colspan=2>people<th rowspan=2>message</tr><tr><th>women<th>men</tr>
        <tr><td rowspan=2>Ward 4<td>3<td>4<td>The water is rising fast</tr>
        <tr><td>5<td>6<td>We need two boats before dark</tr>
        <tr><td>Ward 5<td colspan=2>nobody counted<td>The road to the school is cut</tr></table>""")
    assert table.columns == ("place", "women", "men", "message")
    assert table.rows == [
        ("Ward 4", "3", "4", "The water is rising fast"),
        ("Ward 4", "5", "6", "We need two boats before dark"),
        ("Ward 5", "nobody counted", "", "The road to the school is cut"),
    ]


def test_cells_hold_what_is_seen() -> None:
    cell = "<p>Bridge&nbsp;<b>down</b></p>\n5 &lt; 6 &amp; é<br>help<script>alert(1)</script><!-- x -->"
    table = read(f"<table><tr><th>id<th>text<tr><td>1<td>{cell}<tr><td>2<td>Send boats</table>")
    assert table.rows[0] == ("1", "Bridge down\n5 < 6 & é\nhelp")


def test_tables_within_cells_are_tables_of_their_own() -> None:
    page = f"<table><tr><td>Home</td><td>About</td></tr><tr><td>menu</td><td>{DATA}</td></tr></table>"
    table = read(page)
    assert len(table.rows) == 5
    assert table.columns == ("id", "message")


def test_hashtags_name_the_columns() -> None:
    page = f"<table><tr><th>No<th>What<tr><td>#meta+id<td>#description</tr>{BODY}</table>"
    table = read(page)
    assert (table.columns, table.header_row, len(table.rows)) == (("#meta+id", "#description"), 1, 5)


def test_a_list_under_a_heading_is_a_table() -> None:
    items = "".join(f"<tr><td>{text}</td></tr>" for text in MESSAGES)
    assert len(read(f"<table><tr><th>message</th></tr>{items}</table>").rows) == 5


# Pages of text


def test_a_page_of_text_is_one_document_without_what_is_around_it() -> None:
    page = f"""<!doctype html><html><head><title>Bridge
    down</title><style>p {{}}</style></head><body><nav>Home About</nav><header>Site</header>
    <h1>The bridge</h1><p>{ARTICLE}</p><ul><li>one</li><li>two</li></ul>
    <table><tr><td>km</td><td>5</td></tr><tr><td>days</td><td>2</td></tr></table>
    <noscript>no</noscript><script>var x</script><footer>Copyright</footer></body></html>"""
    table = read(page)
    assert table.columns == ("title", "text")
    title, text = table.rows[0]
    assert title == "Bridge down"
    assert text == f"The bridge\n{ARTICLE.strip()}\none\ntwo\nkm 5\ndays 2"
    assert table.known["text"][0] == "text"
    assert table.sheets == ("table 1",)
    assert len(read(page, sheet="table 1", header_row=NO_HEADER).rows) == 2


def test_the_main_part_of_a_page_is_its_text() -> None:
    page = f"<body><div>Menu</div><main><h1>Bridge <i>down</i></h1><p>{ARTICLE}</p></main>More</body>"
    assert read(page).rows == [("Bridge down", f"Bridge down\n{ARTICLE.strip()}")]
    assert read("<html><p>short</p></html>", "folder/ward 4.html").rows == [("ward 4", "short")]


def test_an_encoding_named_inside_is_the_one_it_had_before() -> None:
    page = "<?xml version='1.0' encoding='latin-1'?><html><meta charset='cp1256'><p>فيضان é</p></html>"
    assert read(page).rows[0][1] == "فيضان é"


# Pieces


def test_pieces_of_html() -> None:
    piece = "<p>Hello&nbsp;<b>big</b>\n world</p><ul><li>a</li><li>b</li></ul>x<br/>y<script>z</script> 3 < 5"
    assert text_of_html(piece) == "Hello big world\na\nb\nx\ny 3 < 5"
    assert text_of_html("<h2>Title</h2><div>one</div><table><tr><td>e<td>f</table>") == "Title\none\ne f"
    assert text_of_html("<pre>a\n b</pre>") == "a\nb"
    assert text_of_html("3 < 5 &amp; up\n\n second line ") == "3 < 5 & up\nsecond line"
    assert text_of_html("<nav>kept</nav>") == "kept"
    assert text_of_html("") == text_of_html("<!-- x -->") == text_of_html("<style>p{}</style>") == ""


# Refusals and harm


@pytest.mark.parametrize("page", ["<!doctype html>\n<html>\n</html>", "<html><script>draw()</script></html>"])
def test_nothing_to_read(page: str) -> None:
    with pytest.raises(InputError, match="without a table and without text"):
        read(page)


def test_a_header_with_nothing_under_it() -> None:
    with pytest.raises(InputError, match="no rows under it"):
        read(f"<table><tr><td>id<td>message</tr>{BODY}</table>", header_row=5)


def test_limits_are_named() -> None:
    with pytest.raises(InputError, match="max_rows"):
        read(DATA, max_rows=4)
    assert len(read(DATA, max_rows=5).rows) == 5
    spans = "<table>" + "<tr><td rowspan=65534 colspan=1000>x</td><td>y</td></tr>" * 300 + "</table>"
    with pytest.raises(InputError, match="max_unpacked_mb"):
        read(spans, max_unpacked_mb=1)
    steps = "".join(f"<tr>{'<td></td>' * i}<td>x<td>y" for i in range(600))
    with pytest.raises(InputError, match="max_unpacked_mb"):
        read(f"<table>{steps}</table>", max_unpacked_mb=2)


def test_what_is_nested_too_deeply_is_told() -> None:
    table = read("<div>" * 50_000 + "deep down")
    assert table.rows[0][1] == "deep down"
    assert "nested too deeply" in told(table)
    assert text_of_html("<b>" * 50_000 + "deep") == "deep"
    assert text_of_html("seen" + "<head>" * 50_000) == "seen"
    assert text_of_html("<a" * 50_000) == ""


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([
    "<table>", "</table>", "<tr>", "</tr>", "<td rowspan=3>", "<th colspan='2'>", "</td>", "<caption>",
    "<!--", "-->", "<script>", "</script>", "<p>", "text", "&#0;", "&#xD800;", "\0", "\ud800", "<main>",
    "</article>", "<svg><title>", "<?php", "<![CDATA[", "<td rowspan=99999999999>", "</html>", "<html>",
    "<frameset>", "é",
]), max_size=40))  # fmt: skip
def test_no_markup_raises_anything_else(parts: list[str]) -> None:
    page = "".join(parts)
    assert isinstance(text_of_html(page), str)
    try:
        table = read(page)
    except EngineError:
        return
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_a_real_page_without_anything(shared_data: Path) -> None:
    page = (shared_data / "hxl_samples" / "input-notag1.html").read_text(encoding="utf-8")
    assert is_web_page(page.encode(), Source("input-notag1.html", data=b""))
    with pytest.raises(InputError, match="without text"):
        read(page)
