"""Column roles: by name in five languages, else by the cells; reasons in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.corpus.roles import guess_roles
from engine.corpus.table import ReadOptions, Table
from engine.errors import InputError

SENTENCES = (
    "The bridge by the mill has gone and nobody can cross",
    "Send blankets to the school on Hill Road please",
    "Water came over the wall at four this morning",
    "Our street is dark and the phones are out",
    "Smoke seen above the ridge north of the lake",
    "Two buses are waiting at the market for anyone leaving",
)


def a_table(**columns: list[str]) -> Table:
    names = tuple(name.replace("__", " ") for name in columns)
    rows = list(zip(*columns.values(), strict=True))
    return Table("csv", "utf-8", ",", None, 0, names, rows)


def roles_of(read: Table, options: ReadOptions | None = None) -> dict[str, str]:
    return {role.column: role.role for role in guess_roles(read, options)}


@pytest.mark.parametrize(
    "name",
    [
        "text",
        "Tweet Text",
        "full_text",
        "Texto",
        "MENSAJE",
        "texte",
        "mensagem",
        "النص",
        "data.text",
    ],
)
def test_known_text_names_win(name: str) -> None:
    other = [sentence * 3 for sentence in SENTENCES]
    read = Table(
        "csv", "utf-8", ",", None, 0, ("notes", name), list(zip(other, SENTENCES, strict=True))
    )
    assert roles_of(read)[name] == "text"


def test_otherwise_the_longest_column_of_letters() -> None:
    read = a_table(
        link=[f"https://example.org/a/very/long/address/number/{i}/of/some/page" for i in range(6)],
        q7=list(SENTENCES),
        q8=[f"2024-05-0{i + 1} 10:00" for i in range(6)],
    )
    roles = guess_roles(read)
    assert [role.role for role in roles] == ["ignore", "text", "date"]
    assert "100 % of its cells are longer than 40 characters" in roles[1].because


def test_the_usual_columns() -> None:
    read = a_table(
        Tweet__ID=[f"2628{i}" for i in range(6)],
        message=list(SENTENCES),
        created_at=["2024-05-01"] * 6,
        país=["Chile"] * 6,
        lang=["es"] * 6,
        title=[f"Update {i}" for i in range(6)],
    )
    assert list(roles_of(read).values()) == ["id", "text", "date", "place", "language", "title"]


def test_few_short_values_are_labels_but_known_columns_are_not() -> None:
    texts = [f"{SENTENCES[i % 6]} ({i})" for i in range(30)]
    read = a_table(
        text=texts,
        request=[str(i % 2) for i in range(30)],
        Information__Type=[("damage", "advice", "other")[i % 3] for i in range(30)],
        kind=[("news", "sms")[i % 2] for i in range(30)],
        source=[("radio", "web")[i % 2] for i in range(30)],
        batch=["7"] * 30,
    )
    roles = {role.column: role for role in guess_roles(read)}
    assert roles["request"].role == roles["Information Type"].role == "label"
    assert "scoring only" in roles["request"].because
    assert roles["kind"].role == roles["source"].role == roles["batch"].role == "ignore"


@pytest.mark.parametrize("name", ["label", "category", "hazard type", "q7", "code"])
@pytest.mark.parametrize("values", [["flood"] * 6, ["flood"] * 4 + [""] * 2])
def test_what_is_the_same_everywhere_is_no_category_to_check_by(name: str, values: list[str]) -> None:
    read = Table("csv", "utf-8", ",", None, 0, ("text", name), list(zip(SENTENCES, values, strict=True)))
    role = guess_roles(read)[1]
    assert role.role == "ignore" and "nothing can be checked by it" in role.because
    assert "kept beside each document" in role.because
    assert guess_roles(read, ReadOptions(label_columns=(name,)))[1].role == "label"  # who asks for it gets it


def test_a_known_category_that_is_the_same_everywhere_is_none_either() -> None:
    table = a_table(text=list(SENTENCES), urgency=["Immediate"] * 6)
    known = replace(table, known={"urgency": ("label", "as rated by the sender")})
    assert roles_of(known)["urgency"] == "ignore"


def test_in_one_of_several_files_a_category_may_tell_it_from_the_others() -> None:
    read = a_table(text=list(SENTENCES), label=["flood"] * 6, other=["7"] * 6)
    assert [role.role for role in guess_roles(read, alone=False)] == ["text", "label", "ignore"]


def test_only_identifiers_is_refused_saying_why() -> None:
    read = a_table(ID=[f"[10555{i:04}]" for i in range(25)], kind=["irrelevant"] * 25)
    with pytest.raises(InputError, match="“ID” holds identifiers"):
        guess_roles(read)


def test_what_the_user_says_wins() -> None:
    read = a_table(text=list(SENTENCES), other=[s.upper() for s in SENTENCES], y=list("ababab"))
    roles = roles_of(read, ReadOptions(text_column="Other", label_columns=()))
    assert roles == {"text": "ignore", "other": "text", "y": "ignore"}
    with pytest.raises(InputError, match="no column “txt”") as caught:
        guess_roles(read, ReadOptions(text_column="txt"))
    assert "Did you mean “text”" in caught.value.fix
    with pytest.raises(InputError, match="chosen as text"):
        guess_roles(read, ReadOptions(text_column="text", id_column="text"))
