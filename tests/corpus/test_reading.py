"""Reading: encodings, delimiters, headers, JSON, plain text, and what is refused."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.corpus.reading import NO_HEADER, ReadOptions, read_table, table_from_bytes
from engine.errors import EngineError, InputError


def table(content: str | bytes, name: str = "file.csv", encoding: str = "utf-8", **options: object):  # noqa: ANN201
    data = content if isinstance(content, bytes) else content.encode(encoding)
    return table_from_bytes(data, name, ReadOptions(**options))  # type: ignore[arg-type]


SPANISH = (
    "id;texto\n1;El puente cayó en Peñaflor, ¿alguien más lo vio?\n"
    "2;Mañana habrá agua según Ángel\n"
)
ARABIC = "رقم;النص\n1;انقطع الطريق ونحتاج إلى الماء\n2;وصلت فرق الإنقاذ إلى القرية\n"
RUSSIAN = "id,текст\n1,Вода поднялась до второго этажа\n2,Нужны лодки и тёплые вещи\n"
TURKISH = "id,metin\n1,Köprü yıkıldı yardım lazım\n2,Şehirde ışıklar söndü çadır gerekiyor\n"


@pytest.mark.parametrize(
    ("text", "stored", "read_as"),
    [
        (SPANISH, "utf-8", "utf-8"),
        (SPANISH, "utf-8-sig", "utf-8-sig"),
        (SPANISH, "utf-16", "utf-16"),
        (SPANISH, "utf-16-le", "utf-16-le"),
        (ARABIC, "utf-16-be", "utf-16-be"),
        (SPANISH, "cp1252", "cp1252"),
        (ARABIC, "cp1256", "cp1256"),
        (RUSSIAN, "cp1251", "cp1251"),
        (TURKISH, "cp1254", "cp1254"),
    ],
)
def test_encodings_are_found(text: str, stored: str, read_as: str) -> None:
    read = table(text, encoding=stored)
    assert read.encoding == read_as
    expected = [
        tuple(line.split(";" if ";" in text else ",", 1)) for line in text.split("\n")[1:-1]
    ]
    assert read.rows == expected


def test_a_guessed_encoding_is_said_and_can_be_overruled() -> None:
    guessed = table(SPANISH, encoding="cp1252")
    assert any("encoding" in note for note in guessed.warnings)
    forced = table_from_bytes(
        SPANISH.encode("cp1252"), "a.csv", ReadOptions(encoding="cp1250")
    )  # wrong on purpose
    assert forced.rows != guessed.rows


def test_one_broken_byte_does_not_lose_a_utf8_file() -> None:
    data = (SPANISH * 5).encode() + b"3;roto \xff aqu\xc3\xad\n"
    read = table(data)
    assert read.encoding == "utf-8"
    assert "Peñaflor" in read.rows[0][1]
    assert any("1 place could not be read" in note for note in read.warnings)


def test_an_encoding_that_does_not_fit_is_refused_in_words() -> None:
    with pytest.raises(InputError, match="cannot be read as ascii"):
        table_from_bytes(SPANISH.encode(), "a.csv", ReadOptions(encoding="ascii"))
    with pytest.raises(InputError, match="no text encoding called"):
        table_from_bytes(SPANISH.encode(), "a.csv", ReadOptions(encoding="klingon"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found_by_consistency(delimiter: str) -> None:
    rows = [("id", "message", "place")] + [
        (str(i), f'"Road {i} closed, bridge out; use the ferry | or wait"', f"Ward {i}")
        for i in range(8)
    ]
    read = table("\n".join(delimiter.join(row) for row in rows), "file.dat")
    assert read.delimiter == delimiter
    assert read.columns == ("id", "message", "place")
    assert read.rows[3] == ("3", "Road 3 closed, bridge out; use the ferry | or wait", "Ward 3")


def test_excels_sep_line_names_the_delimiter() -> None:
    read = table("sep=;\r\nid;text\r\n1;Water, food, tents\r\n")
    assert (read.delimiter, read.rows) == (";", [("1", "Water, food, tents")])


def test_line_ends_inside_quotes_and_old_mac_line_ends() -> None:
    read = table(b'id,text\r1,"He said ""boat"" then\nleft"\r2,Plain\x00 line\r')
    assert read.rows == [("1", 'He said "boat" then\nleft'), ("2", "Plain line")]
    assert any("NUL" in note for note in read.warnings)


def test_a_stray_carriage_return_does_not_split_a_row() -> None:
    read = table(b"id,text\n1,Roof gone\rsend tarps\n2,All safe\n")
    assert read.rows == [("1", "Roof gone send tarps"), ("2", "All safe")]


def test_ragged_rows_are_kept_with_a_warning() -> None:
    read = table("id,text\n1,Water rising, fast, help\n2\n3,Fine\n")
    assert read.columns == ("id", "text", "column 3", "column 4")
    assert read.rows[0] == ("1", "Water rising", " fast", " help")
    assert read.rows[1] == ("2", "", "", "")
    assert sum("row with" in note for note in read.warnings) == 2


def test_a_quote_never_closed_does_not_swallow_the_file() -> None:
    lines = ["id,text"] + [f"{i},Shelter {i} is full" for i in range(400)]
    lines[5] = '4,"Shelter 4 is full'
    read = table("\n".join(lines))
    assert len(read.rows) == 400
    assert any("never closed" in note for note in read.warnings)


@pytest.mark.parametrize("end", ["", "\n"])
def test_header_names_are_stripped_and_never_twice(end: str) -> None:
    read = table(f" id , Tweet Text ,Message ,Message\n1,aaa,bbb,ccc{end}")
    assert read.columns == ("id", "Tweet Text", "Message", "Message (2)")
    assert read.header_row == 0


def test_a_file_without_header_is_noticed() -> None:
    read = table(
        "101,The river is over the wall\n102,Two boats are missing since dawn\n103,We are ok\n"
    )
    assert read.header_row is None
    assert len(read.rows) == 3
    assert read.columns == ("column 1", "column 2")


def test_the_header_can_be_named_by_the_user() -> None:
    text = "a,b\nid,text\n1,Water\n"
    assert table(text, header_row=1).rows == [("1", "Water")]
    assert len(table(text, header_row=NO_HEADER).rows) == 3
    with pytest.raises(InputError, match="only 3 rows"):
        table(text, header_row=9)


def test_banner_and_hashtag_rows_are_not_data() -> None:
    banner = table(
        "Daily export,,\n\nprinted by office,,\nid,text,place\n1,Mud on road,Ward 2\n2,Ok,Ward 3\n"
    )
    assert banner.columns == ("id", "text", "place")
    assert len(banner.rows) == 2
    tagged = table("Who,What,\nOrg,Message,x\n#org,#description+need,\nAid,Send boats,1\n")
    assert tagged.columns == ("#org", "#description+need", "x")
    assert tagged.rows == [("Aid", "Send boats", "1")]


def test_one_column_with_commas_stays_one_column() -> None:
    read = table("text\nWater, food and tents\nNothing here\nCold, wet, tired, hungry\n")
    assert read.columns == ("text",)
    assert len(read.rows) == 3


def test_json_lines_keep_ids_flatten_one_level_and_count_broken_lines() -> None:
    lines = [
        json.dumps(
            {"id": 1294030472427835393, "user": {"name": "Ana", "x": {"y": 1}}, "text": "Agua"}
        ),
        '{"id": 2, "text": "broken',
        "",
        json.dumps({"id": 3, "text": "half \ud83d here", "geo": None}),
    ]
    read = table("\n".join(lines), "posts.csv")
    assert read.format == "jsonl"
    assert read.columns == ("id", "user.name", "user.x", "text", "geo")
    assert read.rows[0] == ("1294030472427835393", "Ana", '{"y": "1"}', "Agua", "")
    assert read.unreadable == 1
    assert read.rows[1][3] == "half \ufffd here"


@pytest.mark.parametrize("indent", [None, 1])
def test_json_lists_wrapped_or_not(indent: int | None) -> None:
    records = [
        {"id": 1, "text": ["Call ", {"type": "phone", "text": "110"}]},
        {"id": 2, "text": "Ok"},
    ]
    bare = table(json.dumps(records, indent=indent), "a.json")
    wrapped = table(json.dumps({"name": "group", "messages": records}, indent=indent), "a.json")
    assert bare.rows == wrapped.rows == [("1", "Call 110"), ("2", "Ok")]
    assert any("messages" in note for note in wrapped.warnings)


def test_json_list_of_lists_is_a_table() -> None:
    read = table(json.dumps([["id", "text"], [1, "Fire on the hill"], [2, "Smoke"]]), "a.json")
    assert read.columns == ("id", "text")
    assert read.rows == [("1", "Fire on the hill"), ("2", "Smoke")]


def test_a_long_post_is_read_in_full() -> None:
    post = {
        "id_str": "7",
        "id": 7,
        "created_at": "Mon Jan 01 09:00:00 +0000 2024",
        "text": "RT @a: The dam at Sel… ",
        "retweeted_status": {
            "text": "The dam at Sel…",
            "user": {"screen_name": "a"},
            "extended_tweet": {"full_text": "The dam at Selo is leaking, leave now"},
        },
    }
    read = table("\n".join([json.dumps(post)] * 2), "x.jsonl")
    assert (
        read.rows[0][read.columns.index("text")] == "RT @a: The dam at Selo is leaking, leave now"
    )


def test_plain_text_one_message_a_line() -> None:
    read = table("Water is rising\n\nWe need boats, now\nAll fine here\n", "sms.txt")
    assert (read.format, len(read.rows)) == ("txt", 3)
    assert any("Each line is a document" in note for note in read.warnings)


def test_plain_prose_is_one_document() -> None:
    paragraph = (
        "The river rose again in the night and\nthe lower quarter was cleared by\n"
        "volunteers with carts.\n"
    )
    read = table("\n".join([paragraph] * 3), "report.txt")
    assert read.rows == [("report", "\n".join([paragraph] * 3).strip())]
    assert any("one document" in note for note in read.warnings)
    sentence = "Convoy number seven reached the school and left forty tents there. "
    assert len(table(sentence * 400, "one.txt").rows) == 1


def test_markdown_is_one_document_with_its_heading() -> None:
    read = table("# Flash update 3\n\n## Needs\n\n- water\n- tents\n", "update.txt")
    assert read.rows[0][0] == "Flash update 3"
    assert len(read.rows) == 1


def test_tabs_without_quoting() -> None:
    rows = [f'{i}\t{"He said " if i % 2 else ""}"water {i} now\tnorth' for i in range(8)]
    read = table("id\ttext\tplace\n" + "\n".join(rows), "a.tsv")
    assert len(read.rows) == 8
    assert any("do not enclose" in note for note in read.warnings)


def test_a_large_file_is_read_anew_and_never_held(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    line = f'"{"water is rising here " * 8}",north\r\n'
    with open(path, "w", encoding="utf-8", newline="") as out:
        out.write("text,place\r\n")
        for i in range(120_000):
            out.write(f'{i},{line[:-2]},extra\r\n' if i == 70_000 else line)
    read = read_table(path)
    assert not isinstance(read.rows, list)
    assert len(read.rows) == sum(1 for _ in read.rows) == 120_000
    assert {len(row) for row in read.rows} == {4}
    assert len(read.sample(1_000)) >= 1_000
    assert any("more cells" in note for note in read.warnings)


def _zip(*names: str) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_zip("[Content_Types].xml", "xl/workbook.xml"), "(?i)workbook|sheet"),
        (_zip("[Content_Types].xml", "word/document.xml"), "(?i)word"),
        (_zip("[Content_Types].xml", "ppt/presentation.xml"), "PowerPoint"),
        (_zip("a.txt", "b.txt"), "ZIP archive"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"<?xml version='1.0'?><invoice/>", "XML"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old"),
        (b"PAR1" + bytes(range(256)), "damaged"),
        (bytes(range(256)) * 4, "not hold text"),
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (b"id,text\r\n", "no rows under it"),
        (b"[]", "no records"),
    ],
)
def test_other_contents_are_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        table_from_bytes(data, "file.csv")
    assert caught.value.fix


def test_missing_files_folders_and_limits(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        read_table(tmp_path / "nothing.csv")
    with pytest.raises(InputError, match="folder"):
        read_table(tmp_path)
    path = tmp_path / "a.csv"
    path.write_text("id,text\n" + "1,Water\n" * 30)
    with pytest.raises(InputError, match="30 rows; up to 10"):
        read_table(path, ReadOptions(max_rows=10))
    with pytest.raises(InputError, match="MB"):
        read_table(path, ReadOptions(max_upload_mb=0))


NASTY = st.one_of(
    st.binary(max_size=400),
    st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(alphabet='ab,;\t|"\n\r\0{}[]:#1 é', max_size=300).map(str.encode),
    st.text(alphabet='ab,;"\n{}[]:1 é', max_size=200).map(lambda text: text.encode("utf-16")),
    st.lists(
        st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.integers(), max_size=4)
    ).map(lambda records: "\n".join(map(json.dumps, records)).encode()),
)


@settings(max_examples=300, deadline=None)
@given(data=NASTY, name=st.sampled_from(["a.csv", "a.txt", "a.jsonl", "a"]))
def test_any_bytes_give_a_table_or_an_error_in_words(data: bytes, name: str) -> None:
    try:
        read = table_from_bytes(data, name)
    except EngineError as error:
        assert error.what
        assert error.fix
        return
    assert read.columns
    assert len(set(read.columns)) == len(read.columns)
    assert all(len(row) == len(read.columns) for row in read.rows)
    for row in read.rows:
        for cell in row:
            assert "\0" not in cell
            cell.encode("utf-8")  # storable
