"""A question goes out as a file and comes back the same; other people's files are read as far as they say."""

from __future__ import annotations

import contextlib
import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.tasks.definition import Field, Label, Task
from engine.tasks.exchange import from_csv, from_file, from_yaml, to_csv, to_yaml
from engine.tasks.presets import preset, preset_titles

WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), min_size=1, max_size=12)


@pytest.mark.parametrize("name", list(preset_titles()))
def test_every_ready_made_question_comes_back_the_same(name: str) -> None:
    task = preset(name)
    assert from_csv(to_csv(task)).digest == from_yaml(to_yaml(task)).digest == task.digest


STORABLE = st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00")
PIECES = ["name", ",", ";", "\n", '"', "a", "kind", "\t", "'", "=", "type"]


@given(st.text(STORABLE, min_size=3, max_size=20).filter(str.strip),
       st.sampled_from(["single_label", "extract", "generate"]), st.integers(5, 200),
       st.lists(st.tuples(WORDS, st.sampled_from(["text", "number"])), max_size=3))
def test_any_question_comes_back_the_same(question: str, kind: str, words: int,
                                          rows: list[tuple[str, str]]) -> None:
    task = Task(question=question, kind=kind, max_words=words, labels=(Label(name="kept"),),
                fields=tuple(Field(name=name, type=kept_as) for name, kept_as in rows))
    assert from_csv(to_csv(task)).digest == from_yaml(to_yaml(task)).digest == task.digest


@given(st.lists(st.tuples(WORDS, WORDS, st.booleans()), min_size=2, max_size=4, unique_by=lambda row: row[0]))
def test_any_categories_come_back_the_same(rows: list[tuple[str, str, bool]]) -> None:
    task = Task(
        question="Which one, then?",
        kind="multi_label",
        labels=tuple(
            Label(name=name, definition=definition, actionable=act) for name, definition, act in rows
        ),
    )
    assert from_csv(to_csv(task)).digest == from_yaml(to_yaml(task)).digest == task.digest


@pytest.mark.parametrize(
    "text",
    [
        "flood\nfire\nother\n",
        "name,definition\nflood,water\nfire,\nother,\n",
        "\ufeffCategoría;Definición\nflood;agua\nfire;\nother;\n",
        "Label\tDescription\nflood\twater\nfire\t\nother\t\n",
        "flood,water\nfire,flames\nother,\n",
        "\n\nNombre;Descripción\nflood;agua, mucha\nfire;\nother;\n",
        "sep=;\nname;definition\nflood;a\nfire;b\nother;c\n",
        "flood;rivers, lakes, sea\nfire;b\nother;c\n",
        'Category\n"flood"\nfire\nother\n',
        '"name","definition"\r\n"flood","a, b"\r\n\r\n"fire",""\r\n"other",""\r\n',
    ],
)
def test_other_peoples_lists_are_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "categories.csv"
    path.write_bytes(text.encode("utf-8"))
    assert from_file(path).names == ("flood", "fire", "other")


def test_a_file_from_an_old_excel_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes("Catégorie;Définition\ninondé;eau\nfeu;brûle\n".encode("cp1252"))
    assert from_file(path).names == ("inondé", "feu")


def test_a_comma_in_a_bare_list_belongs_to_the_name() -> None:
    assert from_csv("Name\nflood, river\nfire\n").names == ("flood, river", "fire")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_what_spreadsheets_save_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "c.txt"
    path.write_bytes("Catégorie\tDéfinition\ninondé\teau\nfeu\tbrûle\n".encode(encoding))
    assert from_file(path).names == ("inondé", "feu")


def test_facts_are_read_with_or_without_their_types() -> None:
    typed = from_csv("campo;definición;tipo\nmuertos;;número\nlugar;;texto\n")
    assert typed.kind == "extract" and [field.type for field in typed.fields] == ["number", "text"]
    plain = from_csv("field,kind\ndead,extract\nplace,\n")
    assert [field.name for field in plain.fields] == ["dead", "place"] and not plain.labels


def test_a_name_that_yaml_takes_for_something_else_stays_a_name() -> None:
    read = from_yaml("question: Which?\nlabels:\n- {name: no}\n- {name: 2024-99-99, actionable: true}\n")
    assert read.names == ("no", "2024-99-99") and read.labels[1].actionable


@given(st.text(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_no_file_fails_in_another_way_than_in_words(text: str) -> None:
    for read in (from_csv, from_yaml):
        with contextlib.suppress(InputError):
            assert read(text).question


def test_an_export_opens_in_excel_and_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    task = preset("figures").model_copy(update={"question": "¿Qué pasó?"})
    path.write_text(to_csv(task), encoding="utf-8")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert from_file(path).digest == task.digest


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        from_file(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("c.csv", "", "empty"),
        ("c.yaml", "- a\n", "no question"),
        ("c.yaml", "a: [", "line"),
        ("c.yaml", "question: Which?\nlabels: [{name: ''}]\n", "entry 1 of labels"),
        ("c.yaml", "[" * 1500, "not readable"),
        ("c.yaml", "labels: []\n", "question is missing"),
        ("c.csv", f"\nname\n{'x' * 80}\n", "row 3: the name is longer than 60"),
        ("c.csv", "name,definition\na,b\nc,d, e\n", "Row 3 has more cells"),
        ("c.csv", "a,b,c\n", "Row 1 has more cells"),
        ("c.csv", "name,definition\n,b\n", "Row 2 has a definition"),
        ("c.csv", "name,label\na,b\n", "Two columns"),
        ("c.csv", "name,actionable\na,perhaps\n", "Row 2: .*perhaps"),
        ("c.xlsx", "PK\x03\x04", "workbook"),
        ("c.csv", "name,kind\na,nonsense\n", "nonsense"),
        ("c.csv", "name,type\na,colour\n", "Row 2: “colour”"),
        ("c.yaml", "x" * 1_000_001, "short file"),
    ],
)
def test_what_cannot_be_read_is_told_in_words(tmp_path: Path, name: str, content: str, part: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=part) as refused:
        from_file(path)
    assert refused.value.fix


def test_no_cell_of_an_export_is_a_formula() -> None:
    task = Task(
        question="=1+1 is what?",
        kind="extract",
        fields=(Field(name="@dead", definition="-x"), Field(name="＝a", definition="\u200b=b"),
                Field(name="'quoted", type="number")),
    )
    for row in csv.reader(io.StringIO(to_csv(task).removeprefix("\ufeff"))):
        assert not any(cell.lstrip().startswith(("=", "+", "-", "@", "＝")) for cell in row)
    assert from_csv(to_csv(task)).digest == task.digest
