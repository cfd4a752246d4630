"""PDF: paragraphs, repeated lines, hyphens, titles, dates; what is refused."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer

from engine.corpus.formats.paragraphs import Line, joined, normal, without_repeated
from engine.corpus.formats.pdf import is_pdf, table_from_pdf
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Table
from engine.errors import EngineError, InputError

STYLES = getSampleStyleSheet()
RIVER = "The river rose in the night and took the lower bridge, so that the village was cut off. " * 4
BOATS = "Boats are needed to bring food and blankets across; the road is under water for a mile. " * 4


def source_of(data: bytes, name: str = "report.pdf") -> Source:
    return Source(name, data=data)


def read(data: bytes, **options: object) -> Table:
    return table_from_pdf(source_of(data), ReadOptions(**options))


def drawn(*pages: list[tuple[float, float, str]], **settings: object) -> bytes:
    """Pages of lines at places (x, y), Helvetica 12."""
    out = BytesIO()
    canvas = Canvas(out, pagesize=A4, **settings)
    for lines in pages:
        for x, y, text in lines:
            canvas.drawString(x, y, text)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def about(text: str, number: int) -> str:
    """The text, in words of one page alone."""
    place = ("Norte", "Salinas", "Peñaflor de la Sierra", "Lago")[number]
    return " ".join(f"{place}: {sentence}." for sentence in text.rstrip(". ").split(". "))


def report(pages: int = 4, **settings: object) -> bytes:
    """A report with a header and a page number on each page."""
    out = BytesIO()

    def furniture(canvas: Canvas, document: SimpleDocTemplate) -> None:
        canvas.drawString(60, 815, "Coordination office: situation report no. 7")
        canvas.drawString(280, 25, f"Page {document.page} of {pages}")

    story = []
    for number in range(pages):
        story += [
            Paragraph(f"Section {'ABCDEFGH'[number]} of it", STYLES["Heading2"]),
            Paragraph(about(RIVER, number), STYLES["Normal"]),
            Spacer(1, 10),
            Paragraph(about(BOATS, number), STYLES["Normal"]),
            PageBreak(),
        ]
    document = SimpleDocTemplate(out, pagesize=A4, **settings)
    document.build(story[:-1], onFirstPage=furniture, onLaterPages=furniture)
    return out.getvalue()


def test_paragraphs_are_put_back_together_without_headers_and_page_numbers() -> None:
    table = read(report(title="Floods in the valley"))
    assert table.columns == ("title", "text", "date", "pages")
    ((title, text, date, pages),) = table.rows
    assert (title, pages) == ("Floods in the valley", "4")
    assert date[4] == "-" and date[10] == "T"
    expected = []
    for number, letter in enumerate("ABCD"):
        expected += [f"Section {letter} of it", about(RIVER, number), about(BOATS, number)]
    assert text == "\n\n".join(expected)
    (note,) = table.warnings
    assert note.startswith("8 repeated header and footer lines left out")
    assert table.known["text"][0] == "text"


def test_a_file_on_disk_reads_the_same(tmp_path: Path) -> None:
    (tmp_path / "ä b.pdf").write_bytes(report(2))
    table = table_from_pdf(Source("ä b.pdf", tmp_path / "ä b.pdf"), ReadOptions())
    assert table.rows[0][1] == read(report(2)).rows[0][1]


def test_on_few_pages_nothing_counts_as_repeated() -> None:
    table = read(report(2))
    assert "situation report no. 7" in table.rows[0][1]
    assert not table.warnings


def test_broken_words_are_joined_and_real_hyphens_kept() -> None:
    table = read(
        drawn(
            [
                (50, 800, "The national emer-"),
                (50, 786, "gency office gave cash-based help and the cash-"),
                (50, 772, "based help went to Port-au-"),
                (50, 758, "Prince, to the of\u00ad"),
                (50, 744, "fice of the mayor."),
            ]
        )
    )
    assert table.rows[0][1] == (
        "The national emergency office gave cash-based help and the cash-based help went to Port-au-Prince, "
        "to the office of the mayor."
    )


def test_lists_and_short_lines_keep_their_lines() -> None:
    lines = ["These things are needed now in all of the villages:", "- boats", "- blankets and tents"]
    lines += ["Contact"]
    lines += ["The office of the mayor, who answers at any hour of", "the day and of the night."]
    table = read(drawn([(50, 800 - 14 * i, line) for i, line in enumerate(lines)]))
    assert table.rows[0][1] == (
        "These things are needed now in all of the villages:\n- boats\n- blankets and tents\nContact\n"
        "The office of the mayor, who answers at any hour of the day and of the night."
    )


def test_a_sentence_goes_on_over_the_page() -> None:
    first = "People who lost their houses are in the school and they", "wait for the boats from the"
    second = "other side of the river. It will come", "soon."
    pages = ((90, first), (800, second))
    table = read(drawn(*([(50, top - 14 * i, line) for i, line in enumerate(lines)] for top, lines in pages)))
    assert "boats from the other side of the river." in table.rows[0][1]


def test_a_page_lying_on_its_side_keeps_its_paragraphs() -> None:
    out = BytesIO()
    canvas = Canvas(out, pagesize=A4)
    canvas.setPageRotation(90)
    canvas.translate(A4[0], 0)
    canvas.rotate(90)
    lines = "The water came and rose", "until morning.", "", "Nobody was hurt in it, and", "help came."
    for i, line in enumerate(lines):
        canvas.drawString(50, 500 - 14 * i, line)
    canvas.showPage()
    canvas.save()
    assert read(out.getvalue()).rows[0][1] == (
        "The water came and rose until morning.\n\nNobody was hurt in it, and help came."
    )


def test_letters_that_belong_together_and_signs_beyond_the_first_plane() -> None:
    assert normal("o\ufb03ce of\xadfice \ufefc\x02 e\x00nd\xad") == "office office \u0644\u0627 end\xad"
    assert normal("\U0001f600 ok") == "\U0001f600 ok"


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("Floods: week 3", "Floods: week 3"),
        ("Microsoft Word - sitrep_final2.docx", "The first line that is long enough"),
        ("untitled", "The first line that is long enough"),
        ("2024-01.indd", "The first line that is long enough"),
    ],
)
def test_the_title_is_what_a_person_would_call_it(named: str, expected: str) -> None:
    out = BytesIO()
    canvas = Canvas(out)
    canvas.setTitle(named)
    canvas.setFontSize(20)
    canvas.drawString(50, 800, "12 June")
    canvas.setFontSize(12)
    canvas.drawString(50, 760, "The first line that is long enough")
    canvas.showPage()
    canvas.save()
    assert read(out.getvalue()).rows[0][0] == expected


def test_pages_without_text_are_named_and_without_any_it_is_refused() -> None:
    written = [(50, 800, RIVER[:90]), (50, 780, BOATS[:90])]
    table = read(drawn(written, [], written[::-1]))
    assert any("No text on page 2" in note for note in table.warnings)
    with pytest.raises(InputError, match="needs OCR") as refused:
        read(drawn([(50, 30, "1")], [(50, 30, "2")]))
    assert "upload it again" in refused.value.fix


def test_too_many_pages_are_refused_with_the_setting_named() -> None:
    with pytest.raises(InputError, match=r"4 pages.*max_pdf_pages"):
        read(report(4), max_pdf_pages=3)


def test_a_password_is_asked_for_in_words() -> None:
    with pytest.raises(InputError, match="needs a password"):
        read(drawn([(50, 800, RIVER[:90])], encrypt=StandardEncryption("secret")))
    owner_only = StandardEncryption("", ownerPassword="owner", canPrint=0)
    assert "river rose" in read(drawn([(50, 800, RIVER[:90])], encrypt=owner_only)).rows[0][1]


@pytest.mark.parametrize("data", [b"%PDF-1.7\nnothing", report(1)[:700], b"%PDF-"])
def test_damaged_files_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(InputError, match="damaged PDF"):
        read(data)


REPORT = report(2)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.floats(0, 1), st.binary(max_size=8), st.integers(0, 400))
def test_no_damage_raises_anything_but_an_engine_error(place: float, put: bytes, gone: int) -> None:
    at = int(place * len(REPORT))
    try:
        table = read(REPORT[:at] + put + REPORT[at + gone :])
    except EngineError:
        return
    assert len(table.rows) == 1


def test_the_content_tells_a_pdf() -> None:
    assert is_pdf(b"%PDF-1.4 ...", source_of(b"", "a.txt"))
    assert is_pdf(b"\r\n %PDF-1.4 ...", source_of(b"", "a.bin"))
    assert is_pdf(b"mail header\n%PDF-1.4 ...", source_of(b"", "a.PDF"))
    assert not is_pdf(b"id,text\n1,see %PDF-1.4", source_of(b"", "a.csv"))
    assert not is_pdf(b"<html>", source_of(b"", "a.pdf"))


def page_of(*texts: str) -> list[Line]:
    return [Line(text, 50, 50 + 6.0 * len(text), 800 - 14.0 * i, 12) for i, text in enumerate(texts)]


def test_only_lines_at_the_edge_are_headers_and_rows_of_numbers_never() -> None:
    body = [f"body {word} of the page" for word in ("one", "two", "six", "ten")]
    body += ["Same words", *body]
    pages = [
        page_of("Header 3", f"Affected: {40 * i * i}", *body, f"12 {i} 40", f"- {i} -") for i in range(4)
    ]
    kept, removed = without_repeated(pages)
    assert set(removed) >= {"Header 3", "- 2 -"}
    assert all(lines[0].text.startswith("Affected") for lines in kept)
    assert all(any(line.text == "Same words" for line in lines) for lines in kept)
    assert sum(line.text.startswith("12 ") for lines in kept for line in lines) == 4


def test_headers_that_alternate_between_left_and_right_pages_are_found() -> None:
    texts = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"]
    pages = [
        page_of("Left head" if i % 2 else "Right head", *(f"{word} {other} text" for other in texts))
        for i, word in enumerate(texts)
    ]
    _, removed = without_repeated(pages)
    assert removed == {"Right head": 4, "Left head": 3}


LINES = st.lists(st.text("ab c.-ديA•1", min_size=1, max_size=12).filter(str.strip), max_size=6)


@given(st.lists(LINES, max_size=4))
def test_joining_lines_loses_no_letter(texts: list[list[str]]) -> None:
    text = joined([page_of(*lines) for lines in texts])
    bare = "".join("".join(line) for lines in texts for line in lines)
    assert "".join(filter(str.isalnum, text)) == "".join(filter(str.isalnum, bare))
