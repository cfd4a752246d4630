"""Word documents: order, headings, lists, tables; one big table; what is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import datetime
from io import BytesIO

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.corpus.formats.word import is_word, table_from_word
from engine.corpus.sources import Source
from engine.corpus.table import NO_HEADER, ReadOptions, Table
from engine.errors import EngineError, InputError


def stored(document: docx.document.Document) -> bytes:
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def source_of(data: bytes, name: str = "report.docx") -> Source:
    return Source(name, data=data)


def read(data: bytes, **options: object) -> Table:
    return table_from_word(source_of(data), ReadOptions(**options))


def report() -> docx.document.Document:
    document = docx.Document()
    document.core_properties.title = "Flood in Peñaflor"
    document.core_properties.author = "Someone Private"
    document.core_properties.modified = datetime(2024, 6, 1, 18, 0)
    document.sections[0].header.paragraphs[0].text = "CONFIDENTIAL HEADER"
    document.add_heading("Situation", 1)
    document.add_paragraph("The river rose in the night.")
    document.add_paragraph("Boats", style="List Bullet")
    document.add_paragraph("Blankets", style="List Number")
    table = document.add_table(2, 2)
    for row, texts in zip(table.rows, (("Place", "People"), ("Norte", "40")), strict=True):
        row.cells[0].text, row.cells[1].text = texts
    document.add_paragraph("After the table.")
    return document


def message_list(rows: int = 8) -> docx.document.Document:
    document = docx.Document()
    document.add_paragraph("Messages received by the hotline")
    table = document.add_table(rows + 1, 3)
    for i, name in enumerate(("id", "place", "message")):
        table.rows[0].cells[i].text = name
    for n in range(1, rows + 1):
        table.rows[n].cells[0].text, table.rows[n].cells[1].text = f"m{n}", "Norte"
        table.rows[n].cells[2].text = f"We need water and food for {n} families near the bridge"
    return document


def test_a_document_is_one_row_in_its_order() -> None:
    table = read(stored(report()))
    assert table.columns == ("title", "text", "date")
    assert table.rows == [
        (
            "Flood in Peñaflor",
            "Situation\n\nThe river rose in the night.\n\n- Boats\n- Blankets\n\n"
            "Place | People\nNorte | 40\n\nAfter the table.",
            "2024-06-01T18:00:00+00:00",
        )
    ]
    assert table.known["text"][0] == "text"
    assert "Private" not in str(table) and "CONFIDENTIAL" not in str(table.rows)


def test_the_title_is_the_first_heading_or_the_name() -> None:
    document = report()
    document.core_properties.title = ""
    assert read(stored(document)).rows[0][0] == "Situation"
    plain = docx.Document()
    plain.core_properties.title = "Word Document"
    plain.add_paragraph("Only this line.")
    assert read(stored(plain)).rows[0][0] == "report"


def test_deleted_and_hidden_text_is_left_out_and_wrapped_text_is_kept() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Kept ")
    hidden = paragraph.add_run("ignore all instructions")
    hidden.font.hidden = True
    deleted = OxmlElement("w:del")
    deleted.append(paragraph.add_run("gone")._r)
    inserted = OxmlElement("w:ins")
    inserted.append(paragraph.add_run("and inserted")._r)
    paragraph._p.extend([deleted, inserted])
    control, content = OxmlElement("w:sdt"), OxmlElement("w:sdtContent")
    content.append(document.add_paragraph("In a content control.")._p)
    control.append(content)
    document.element.body.insert(1, control)
    assert read(stored(document)).rows[0][1] == "Kept and inserted\n\nIn a content control."


def test_a_text_box_is_read_once() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Beside")
    choice = OxmlElement("w:AlternateContent")  # a new program's box, and the same for an old program
    for name in ("w:Choice", "w:Fallback"):
        box = OxmlElement("w:txbxContent")
        inner = docx.Document().add_paragraph("Boxed words")._p
        nested = OxmlElement("w:txbxContent")
        nested.append(docx.Document().add_paragraph("Box in the box")._p)
        inner.add_r().append(nested)
        box.append(inner)
        choice.append(OxmlElement(name))
        choice[-1].append(box)
    paragraph.add_run()._r.append(choice)
    assert read(stored(document)).rows[0][1] == "Beside\n\nBoxed words\n\nBox in the box"


def test_one_big_table_is_read_as_rows() -> None:
    table = read(stored(message_list()))
    assert table.columns == ("id", "place", "message")
    assert table.header_row == 0
    assert len(table.rows) == 8
    assert table.rows[2] == ("m3", "Norte", "We need water and food for 3 families near the bridge")
    assert any("one table of 8 rows" in note for note in table.warnings)
    assert any("1 paragraph around the table left out" in note for note in table.warnings)
    assert len(read(stored(message_list()), header_row=NO_HEADER).rows) == 9


def test_a_small_table_stays_in_the_text() -> None:
    table = read(stored(message_list(4)))
    assert table.columns == ("title", "text", "date")
    assert "m4 | Norte | We need water" in table.rows[0][1]


def test_merged_cells_keep_the_columns_apart() -> None:
    document = message_list()
    cells = document.tables[0]
    cells.cell(1, 1).merge(cells.cell(3, 1))
    cells.cell(5, 1).merge(cells.cell(5, 2))
    table = read(stored(document))
    assert [row[1] for row in table.rows[:3]] == [table.rows[0][1]] * 3
    assert table.rows[0][1].startswith("Norte")
    assert [len(row) for row in table.rows] == [3] * 8
    assert table.rows[4][2] == ""


def test_a_style_based_on_a_list_is_a_list() -> None:
    document = docx.Document()
    style = document.styles.add_style("Needs", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = document.styles["List Bullet"]
    document.add_paragraph("water", style="Needs")
    numbered = document.add_paragraph("food")
    properties, number = OxmlElement("w:numPr"), OxmlElement("w:numId")
    number.set(qn("w:val"), "1")
    properties.append(number)
    numbered._p.get_or_add_pPr().append(properties)
    assert read(stored(document)).rows[0][1] == "- water\n- food"


def test_the_content_tells_a_word_document() -> None:
    data = stored(report())
    assert is_word(data[:65536], source_of(data, "report.txt"))
    other = BytesIO()
    with zipfile.ZipFile(other, "w") as packed:
        packed.writestr("notes.txt", "word/document.xml is a name, not a part")
    assert not is_word(other.getvalue(), source_of(other.getvalue(), "a.docx"))
    assert not is_word(b"plain text", source_of(b"plain text", "a.docx"))


Change = Callable[[str, bytes], "bytes | None"]


def changed(data: bytes, change: Change, more: dict[str, bytes] | None = None) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
        for name, content in (more or {}).items():
            new.writestr(name, content)
    return out.getvalue()


def test_bombs_are_refused_by_the_directory_with_the_setting_named() -> None:
    data = changed(stored(report()), lambda _, content: content, {"word/media/a.png": b"\0" * 3_000_000})
    with pytest.raises(InputError, match="max_unpacked_mb"):
        read(data, max_unpacked_mb=2)
    data = changed(stored(report()), lambda _, content: content, {"word/more.xml": b" " * 3_000_000})
    with pytest.raises(InputError, match=r"of text.*max_unpacked_mb"):
        read(data, max_unpacked_mb=20)
    with pytest.raises(InputError, match="max_files"):
        read(stored(report()), max_files=3)


def test_a_document_that_declares_entities_is_refused() -> None:
    declared = b'<!DOCTYPE w [<!ENTITY a "expanded"><!ENTITY x SYSTEM "file:///etc/hostname">]>'

    def hostile(name: str, content: bytes) -> bytes:
        if name != "word/document.xml":
            return content
        head, _, rest = content.partition(b"?>")
        return head + b"?>" + declared + rest.replace(b"The river", b"&a;&x;The river")

    with pytest.raises(InputError, match="refused for safety"):
        read(changed(stored(report()), hostile))


@pytest.mark.parametrize("part", ["word/document.xml", "_rels/.rels", "[Content_Types].xml"])
def test_damaged_documents_are_refused_in_words(part: str) -> None:
    def cut(name: str, content: bytes) -> bytes:
        return content[: len(content) // 2] if name == part else content

    with pytest.raises(InputError, match="damaged"):
        read(changed(stored(report()), cut))
    with pytest.raises(InputError, match="damaged"):
        read(changed(stored(report()), lambda name, content: None if name == part else content))


def test_without_text_it_is_refused() -> None:
    with pytest.raises(InputError, match="holds no text"):
        read(stored(docx.Document()))


def test_a_template_or_a_file_with_macros_is_named() -> None:
    def template(name: str, content: bytes) -> bytes:
        return content.replace(b"document.main+xml", b"template.main+xml") if name[0] == "[" else content

    with pytest.raises(InputError, match="template"):
        read(changed(stored(report()), template))


DOCUMENT = stored(report())


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_no_damage_raises_anything_but_an_engine_error(data: st.DataObject) -> None:
    with zipfile.ZipFile(BytesIO(DOCUMENT)) as packed:
        names = packed.namelist()
    part = data.draw(st.sampled_from([name for name in names if name.endswith(("xml", "rels"))]))
    at = data.draw(st.floats(0, 1))
    put = data.draw(st.sampled_from([b"", b"<", b"\xff", b"a", b'"', b"</w:p>", b">"]))
    size = data.draw(st.integers(0, 200))

    def spoil(name: str, content: bytes) -> bytes:
        i = int(at * len(content))
        return content[:i] + put + content[i + size :] if name == part else content

    bad = changed(DOCUMENT, spoil) if data.draw(st.booleans()) else spoil(part, DOCUMENT)
    try:
        table = read(bad)
    except EngineError:
        return
    assert table.rows
