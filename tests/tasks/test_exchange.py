"""A question goes out as a file and comes back the same; other people's files are read as far as they say."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("c.csv", "", "empty"),
        ("c.yaml", "- a\n", "no question"),
        ("c.yaml", "a: [", "line"),
        ("c.yaml", "question: Which?\nlabels: [{name: ''}]\n", "row 1"),
        ("c.csv", f"name\n{'x' * 80}\n", "row 1"),
        ("c.csv", "name,kind\na,nonsense\n", "nonsense"),
        ("c.csv", "name,type\na,colour\n", "row 1"),
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
        fields=(Field(name="@dead", definition="-x"), Field(name="'quoted", type="number")),
    )
    for row in csv.reader(io.StringIO(to_csv(task))):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
    assert from_csv(to_csv(task)).digest == task.digest
