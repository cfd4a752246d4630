"""The same fifty rows however they were saved: encoding, delimiter, quotes, line ends, header, language."""

from __future__ import annotations

import csv
import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.corpus.ingest import ingest
from engine.corpus.reading import table_from_bytes
from engine.corpus.table import ReadOptions
from engine.errors import EngineError

# (header, encodings it can be stored in, sentences): each language's rows are made of its own sentences.
LANGUAGES = {
    "en": (("id", "date", "text"), ("cp1252",), (
        "The bridge at the mill is under water", "We need drinking water, blankets; and a boat",
        "“Nobody here,” says the guard – the road's closed", "Two houses burned down on Hill Street",
        "School opens again on Monday | please bring masks", "Power is back in the northern quarter")),
    "es": (("id", "fecha", "mensaje"), ("cp1252",), (
        "El río creció y se llevó el puente de la señora Ibáñez", "¿Alguien sabe algo de los niños?",
        "Necesitamos agua, pañales; también médicos", "La carretera está cortada en Peñablanca",
        "¡Cuidado! cayó un árbol en el jardín", "Mañana habrá vacunación en el colegio")),
    "fr": (("id", "date", "texte"), ("cp1252",), (
        "La route est coupée à l’entrée du village", "Où peut-on trouver de l’eau, s’il vous plaît ?",
        "Les blessés sont évacués vers l’hôpital ; il reste des places", "Le pont a cédé cette nuit",
        "L’école est fermée jusqu’à nouvel ordre", "Réseau rétabli dès ce soir")),
    "ar": (("الرقم", "التاريخ", "النص"), ("cp1256",), (
        "انقطع الطريق ونحتاج إلى الماء", "وصلت فرق الإنقاذ إلى القرية، والحمد لله",
        "المدرسة مغلقة حتى إشعار آخر", "سقط الجسر الليلة الماضية قرب السوق",
        "الكهرباء عادت إلى الحي الشمالي", "نبحث عن عائلة مفقودة منذ أمس")),
    "ru": (("id", "дата", "текст"), ("cp1251",), (
        "Вода поднялась до второго этажа", "Нужны лодки, тёплые вещи; и врач",
        "Дорога закрыта до понедельника", "Школа снова открыта с утра",
        "Мост обрушился сегодня ночью", "Свет дали в северном районе")),
}
ENDS = ("\n", "\r\n", "\r")
N = 50
DOCUMENTS = {
    language: [(f"m{i}", f"2026-03-{i % 28 + 1:02}", f"{words[i % len(words)]}, {i + 100}"
                + ("\n2" if i % 10 == 3 else "") + (' "so"' if i % 10 == 7 else ""))
               for i in range(N)]
    for language, (_, _, words) in LANGUAGES.items()
}


def variants(n: int = 200, seed: int = 3) -> list[tuple[str, str, str, int, str, bool]]:
    """(language, encoding, delimiter, quoting, line end, header) drawn without repetition."""
    every = [
        (language, encoding, delimiter, quoting, end, header)
        for language, (_, older, _) in LANGUAGES.items()
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", *older)
        for delimiter in ",;\t|"
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
        for end in ENDS
        for header in (True, False)
    ]
    return random.Random(seed).sample(every, n)


def written(cell: str, delimiter: str, quoting: int) -> str:
    """A cell as spreadsheets write it (csv.writer leaves \\n bare where rows end with \\r)."""
    special = any(sign in cell for sign in (delimiter, '"', "\n", "\r"))
    return '"' + cell.replace('"', '""') + '"' if special or quoting == csv.QUOTE_ALL else cell


@pytest.mark.parametrize(("language", "encoding", "delimiter", "quoting", "end", "header"), variants())
def test_every_variant_reads_the_same(
    language: str, encoding: str, delimiter: str, quoting: int, end: str, header: bool
) -> None:
    names = LANGUAGES[language][0]
    rows = [names, *DOCUMENTS[language]] if header else DOCUMENTS[language]
    lines = (delimiter.join(written(cell, delimiter, quoting) for cell in row) + end for row in rows)
    read = table_from_bytes("".join(lines).encode(encoding), "upload.csv")
    assert list(read.rows) == DOCUMENTS[language]
    assert read.delimiter == delimiter
    assert (read.header_row == 0) == header
    assert not header or read.columns == names


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_text_is_found_in_every_language(language: str, tmp_path) -> None:  # noqa: ANN001
    path = tmp_path / "a.csv"
    with open(path, "w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows([LANGUAGES[language][0], *DOCUMENTS[language]])
    made = ingest([path])
    assert made.receipt.files[0].text_column == LANGUAGES[language][0][2]
    assert made.receipt.documents == N
    assert made.corpus.documents[0].id == "m0"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=30), st.text(min_size=1, max_size=200)), min_size=1, max_size=12),
    st.sampled_from(",;\t|"), st.sampled_from(ENDS), st.sampled_from(("utf-8", "utf-16", "utf-8-sig")),
)
def test_any_table_is_read_or_refused_in_words(
    rows: list[tuple[str, str]], delimiter: str, end: str, encoding: str
) -> None:
    out = io.StringIO(newline="")
    try:
        csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
    except csv.Error:
        return  # the writer itself cannot put this down
    data = out.getvalue().encode(encoding, "surrogatepass")
    for options in (ReadOptions(), ReadOptions(header_row=0), ReadOptions(delimiter=";")):
        try:
            table = table_from_bytes(data, "a.csv", options)
        except EngineError as error:
            assert error.what and error.fix
        else:
            assert all(len(row) == len(table.columns) for row in table.rows)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=4_000), st.sampled_from(
    ("a.csv", "a.json", "a.xlsx", "a.pdf", "a.docx", "a.xml", "a.html", "a.parquet", "a.txt", "a")),
    st.sampled_from((b"", b"PK\x03\x04", b"%PDF-1.7\n", b"PAR1", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
                     b"<?xml ", b"<html>", b'{"a":', b"[", b"\xff\xfe", b"ARROW1", b"<rss>", b"<alert>")))
def test_any_bytes_are_read_or_refused_in_words(data: bytes, name: str, start: bytes) -> None:
    try:
        table = table_from_bytes(start + data, name)
    except EngineError as error:
        assert error.what and error.fix
    else:
        assert table.columns
