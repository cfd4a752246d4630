"""JSON in any layout: lines, lists, wrappers, columns, broken and large files; any JSON at all."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.corpus.decoding import open_text
from engine.corpus.formats import jsonstream
from engine.corpus.formats.jsonlines import MAX_COLUMNS, StreamedRows, looks_like_json, table_from_json
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Table
from engine.errors import InputError

WATER = {"id": 1, "text": "The water is at the second step", "place": "Ward 4"}
BOATS = {"id": 2, "text": "We need two boats before dark", "place": "Ward 5"}
PAIR = [("1", WATER["text"], "Ward 4"), ("2", BOATS["text"], "Ward 5")]
LONG_TEXT = "Families on the hill have had neither water nor food since the road went"


def read(content: str, **said: object) -> Table:
    data = content.encode("utf-8", "surrogatepass")
    text = open_text(Source("file.json", data=data))
    assert looks_like_json(text.start())
    return table_from_json(text, ReadOptions(**said))  # type: ignore[arg-type]


def dump(value: object, **how: object) -> str:
    return json.dumps(value, **how)  # type: ignore[arg-type]


def column(table: Table, name: str) -> list[str]:
    return table.column(table.columns.index(name))


def told(table: Table) -> str:
    return " ".join(table.warnings)


@pytest.mark.parametrize("between", ["\n", "\r\n", "\r", "", " ", "\n\n", ",\n", "\n\x1e"])
@pytest.mark.parametrize("indent", [None, 0, 2])
def test_objects_one_after_the_other(between: str, indent: int | None) -> None:
    table = read(between.join(dump(one, indent=indent) for one in (WATER, BOATS)))
    assert table.rows == PAIR
    assert (table.unreadable, table.format) == (0, "jsonl")


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_a_list_of_objects(indent: int | None) -> None:
    assert read(dump([WATER, BOATS], indent=indent)).rows == PAIR


def test_a_list_with_one_object_a_line_and_lists_as_pages() -> None:
    rows = dump(WATER) + ",\n" + dump(BOATS)
    assert read(f"[\n{rows}\n]\n").rows == read(f"[{rows}]").rows == PAIR
    assert read(f"[{dump(WATER)}]\n[]\n[{dump(BOATS)}]\n").rows == PAIR
    assert read(dump([[WATER], [BOATS]])).rows == PAIR


def test_broken_lines_are_stepped_over_and_counted() -> None:
    lines = [
        dump(WATER),
        '{"id": 9, "text": "cut o',
        "not json",
        "",
        dump(BOATS),
        '{"id": 3, "user": {"a": 1}, "te',
    ]
    table = read("\n".join(lines))
    assert table.rows == PAIR
    assert table.unreadable == 2  # what was cut and the line after it are one stretch
    assert "2 lines could not be read as JSON" in told(table)
    assert read("\n".join(lines[1:])).rows == PAIR[1:]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_that_was_cut_off_or_broken_in_the_middle_keeps_the_rest(indent: int | None) -> None:
    inner = {"id": 7, "text": "a", "replies": [{"id": 8, "text": "b"}, {"id": 9, "text": "c"}]}
    whole = dump([WATER, inner, BOATS], indent=indent)
    cut = read(whole[:-12])
    assert column(cut, "id") == ["1", "7"]
    assert cut.unreadable == 1
    broken = read(whole.replace('"text": "a"', '"text": "a" oops'))
    assert column(broken, "id") == ["1", "2"]
    assert broken.unreadable == 1


def test_an_object_that_was_cut_off_keeps_the_records_before_the_cut() -> None:
    table = read(dump({"took": 3, "hits": [WATER, BOATS, WATER]})[:-30])
    assert table.rows == PAIR
    assert table.unreadable == 1
    assert "cut off" in told(table)
    assert "“hits”" in told(table)


def test_control_characters_half_letters_and_long_numbers() -> None:
    raw = (
        '{"id": 1294030472427835393, "n": 1e999, "x": NaN, "text": "page\x0cone\ttwo\nthree \\u0000\\ud83d"}'
    )
    table = read(raw + "\n" + raw)
    assert table.rows[0] == ("1294030472427835393", "1e999", "", "page\x0cone\ttwo\nthree \ufffd")
    assert table.unreadable == 0


def test_a_text_with_a_line_end_inside_is_one_record_in_large_files_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = '{"id": 1, "text": "first\nsecond"}\n' * 3
    small = read(raw)
    monkeypatch.setattr(jsonstream, "STREAMED", 10)
    large = read(raw)
    assert isinstance(large.rows, StreamedRows)
    assert list(large.rows) == small.rows == [("1", "first\nsecond")] * 3


def test_what_is_not_json_is_not_taken_for_it() -> None:
    for text in ("", "id,text\n1,a", "[1] A footnote\n[2] Another", "{curly} braces", "[Music] plays", "5"):
        assert not looks_like_json(text), text
    for value in ([], {}, [1, 2], ["a", "b"], [["a", 1], ["b", 2]], {"a": {"b": 1}}):
        assert looks_like_json(dump(value)), value
    assert looks_like_json(dump(["word " * 100] * 10_000)[:2_000_000])


NOTHING = ("[]", "{}", "[[]]", "[{}]", "[1, 2]", '{"a": ', "[" * 5000, "5", '[{"a":' * 5000)


@pytest.mark.parametrize("text", NOTHING)
def test_nothing_to_read_is_an_error_in_words(text: str) -> None:
    with pytest.raises(InputError) as caught:
        table_from_json(open_text(Source("a.json", data=text.encode())), ReadOptions())
    assert caught.value.fix


def as_lines(count: int) -> bytes:
    return b"".join(
        b'{"id": %d, "text": "Street %d is under water, send help", "n": null}\n' % (i, i)
        for i in range(count)
    )


@pytest.mark.parametrize("layout", ["lines", "list of lines", "one line", "indented"])
def test_large_files_read_the_same_and_are_not_held(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = as_lines(300).decode()
    listed = lines.strip().replace("\n", ",\n")
    content = {
        "lines": lines.replace('"n": null}\n', '"n": }\n', 1),
        "list of lines": f"[\n{listed}\n]\n",
        "one line": f"[{listed}]".replace("\n", ""),
        "indented": "\n".join(dump(json.loads(line), indent=1) for line in lines.strip().split("\n")),
    }[layout]
    small = read(content)
    monkeypatch.setattr(jsonstream, "STREAMED", 1_000)
    large = read(content)
    assert isinstance(large.rows, StreamedRows)
    assert list(large.rows) == list(large.rows) == small.rows
    assert len(large.rows) == len(small.rows) == 300 - (layout == "lines")
    assert (large.columns, large.unreadable, large.format) == (small.columns, small.unreadable, small.format)
    assert small.unreadable == (layout == "lines")


def test_lines_in_a_large_file_cost_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_bytes(as_lines(40_000))
    monkeypatch.setattr(jsonstream, "STREAMED", 1_000_000)
    text = open_text(Source(path.name, path))
    tracemalloc.start()
    try:
        table = table_from_json(text, ReadOptions())
        last = max(table.rows, key=lambda row: int(row[0]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (len(table.rows), last[0]) == (40_000, "39999")
    assert peak < 1_000_000 < path.stat().st_size


def test_the_longest_list_of_documents_is_found_however_deep() -> None:
    inside = {"a": {"b": {"c": {"found": [WATER, BOATS]}}}, "users": [{"id": i, "n": i} for i in range(9)]}
    table = read(dump({"status": "OK", "description": "An export", "result": inside}))
    assert table.rows == PAIR
    assert "result.a.b.c.found" in told(table)


def test_a_single_document_with_small_lists_stays_one() -> None:
    table = read(
        dump(
            {
                **WATER,
                "entities": [{"url": "https://x.org/1"}, {"url": "https://x.org/2"}],
                "tags": ["a", "b"],
            }
        )
    )
    assert len(table.rows) == 1
    assert column(table, "text") == [WATER["text"]]
    assert column(table, "tags") == ["a, b"]


def test_lists_in_several_objects_are_joined_with_what_stands_beside_them() -> None:
    disasters = [
        {
            "disaster": "Flood",
            "country": {"name": "Mali"},
            "reports": [{"title": "One", "body_text": LONG_TEXT}],
        },
        {"disaster": "Storm", "reports": []},
        {"disaster": "Fire", "reports": [{"title": "Two", "body_text": LONG_TEXT}] * 2},
    ]
    table = read(dump(disasters))
    assert column(table, "title") == ["One", "Two", "Two"]
    assert column(table, "disaster") == ["Flood", "Fire", "Fire"]
    assert column(table, "country.name") == ["Mali", "", ""]
    assert "“reports”" in told(table)
    assert "1 object" in told(table)
    lines = read("\n".join(map(dump, disasters)))
    assert lines.rows == table.rows
    nested = read(dump({"all": [{"region": "Sahel", "title": "x", "disasters": disasters}] * 2}))
    assert len(nested.rows) == 6
    assert set(column(nested, "region")) == {"Sahel"}
    assert set(column(nested, "outer.title")) == {"x"}


def test_comments_under_documents_do_not_replace_them() -> None:
    records = [{"text": LONG_TEXT, "comments": [{"text": LONG_TEXT * 3}] * 4}] * 3
    assert column(read(dump(records)), "text") == [LONG_TEXT] * 3


@pytest.mark.parametrize(
    "value",
    [
        {"id": [1, 2], "text": [WATER["text"], BOATS["text"]], "place": ["Ward 4", "Ward 5"]},
        {key: {"0": WATER[key], "1": BOATS[key]} for key in WATER},
        {"0": WATER, "1": BOATS},
        {"columns": list(WATER), "index": [0, 1], "data": [list(WATER.values()), list(BOATS.values())]},
        {"schema": {"fields": [{"name": "id"}]}, "data": [WATER, BOATS]},
        [list(WATER), list(WATER.values()), list(BOATS.values())],
        {"fields": [{"name": key} for key in WATER], "rows": [list(WATER.values()), list(BOATS.values())]},
    ],
)
def test_tables_by_columns_by_rows_and_by_index(value: object) -> None:
    table = read(dump(value))
    rows = [tuple(row[table.columns.index(name)] for name in WATER) for row in table.rows]
    assert rows == PAIR


def test_records_under_their_keys_keep_the_keys() -> None:
    table = read(dump({"reports": {"a9": {"text": LONG_TEXT, "by": "x"}, "b7": {"text": LONG_TEXT}}}))
    assert column(table, "key") == ["a9", "b7"]
    assert "“reports”" in told(table)


def test_strings_alone_are_texts() -> None:
    assert read(dump(["One", "Two"])).rows == [("One",), ("Two",)]
    assert read(dump({"texts": ["One", "Two"]})).rows == [("One",), ("Two",)]


def test_hashtags_in_lists_of_lists_name_the_columns_and_the_header_can_be_chosen() -> None:
    value = [["Who", "What"], ["#org", "#description+need"], ["Aid", "Send boats"], ["Help", "Send food"]]
    assert read(dump(value)).columns == ("#org", "#description+need")
    assert len(read(dump(value), header_row=0).rows) == 3
    assert len(read("\n".join(map(dump, value))).rows) == 2


def test_the_fields_filled_most_often_become_columns_when_there_are_too_many() -> None:
    records = [{f"rare {i} {j}": "x" for j in range(20)} | {"text": LONG_TEXT} for i in range(40)]
    table = read(dump(records))
    assert len(table.columns) == MAX_COLUMNS
    assert set(column(table, "text")) == {LONG_TEXT}
    assert f"the {MAX_COLUMNS} filled most often" in told(table)


KEYS = (
    "id text data fields type messages chats list features properties geometry coordinates date meta errors "
    "includes tweets tweet user id_str created_at full_text retweeted_status referenced_tweets title body "
    "columns 0 1 delete"
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS.split()) | st.text(max_size=3),
            inside,
            max_size=5,
        )
    ),
    max_leaves=25,
)


def check(content: str) -> None:
    text = open_text(Source("a.json", data=content.encode("utf-8", "surrogatepass")))
    looks_like_json(text.start())
    try:
        table = table_from_json(text, ReadOptions())
    except InputError as error:
        assert error.what
        assert error.fix
        return
    rows = list(table.rows)
    assert len(rows) == len(table.rows) > 0
    assert len(set(table.columns)) == len(table.columns) > 0
    assert set(table.known) <= set(table.columns)
    for row in rows:
        assert len(row) == len(table.columns)
        assert "\0" not in "".join(row)
        "".join(row).encode("utf-8")


@settings(max_examples=250, deadline=None)
@given(
    values=st.lists(VALUES, min_size=1, max_size=4),
    cut=st.none() | st.integers(1, 60),
    indent=st.sampled_from([None, 1]),
)
def test_any_json_gives_a_table_or_an_error_in_words(
    values: list[object], cut: int | None, indent: int | None
) -> None:
    pieces = [dump(value, indent=indent) for value in values]
    for between in ("\n", "", ","):
        check(between.join(pieces)[:cut])
    check(dump(values, indent=indent)[:cut])


@settings(max_examples=60, deadline=None)
@given(values=st.lists(VALUES, min_size=1, max_size=6))
def test_large_and_small_files_give_the_same_rows(values: list[object]) -> None:
    records = [{"text": "a", "v": value} for value in values]
    whole, small = "\n".join(map(dump, records)), jsonstream.STREAMED
    rows = read(whole).rows
    try:
        jsonstream.STREAMED = 1
        assert list(read(whole).rows) == rows
        check(dump(values))
    finally:
        jsonstream.STREAMED = small
