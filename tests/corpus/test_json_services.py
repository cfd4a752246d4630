"""JSON as services write it: posts, chats, reports, places; and real files of these kinds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.corpus.decoding import open_text
from engine.corpus.formats.jsonlines import looks_like_json, table_from_json
from engine.corpus.formats.reliefweb import text_of_html
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Table

LONG_TEXT = "Families on the hill have had neither water nor food since the road went"


def read(content: str) -> Table:
    data = content.encode("utf-8", "surrogatepass")
    text = open_text(Source("file.json", data=data))
    assert looks_like_json(text.start())
    return table_from_json(text, ReadOptions())


def dump(value: object, **how: object) -> str:
    return json.dumps(value, **how)  # type: ignore[arg-type]


def column(table: Table, name: str) -> list[str]:
    return table.column(table.columns.index(name))


def told(table: Table) -> str:
    return " ".join(table.warnings)


# Posts

V1 = {
    "id": 1294030472427835393,
    "id_str": "1294030472427835393",
    "created_at": "Sun Jan 17 09:00:00 +0000 2010",
    "text": "The dam at Sel… https://t.co/x",
    "truncated": True,
    "extended_tweet": {"full_text": "The dam at Selo &amp; the bridge are leaking"},
    "lang": "en",
    "user": {"screen_name": "ana", "location": "Selo"},
    "place": {"full_name": "Selo, Valley"},
    "entities": {"hashtags": []},
    "category": "infrastructure",
}


def test_posts_of_the_older_interface_in_full() -> None:
    quoting = {**V1, "extended_tweet": None, "truncated": False, "text": "See this", "quoted_status": V1}
    shared = {**V1, "extended_tweet": None, "text": "RT @ana: The dam…", "retweeted_status": V1}
    nameless = {**shared, "retweeted_status": {"text": "short…", "full_text": "All of it"}}
    cut = {**V1, "extended_tweet": None}
    notices = [
        {"delete": {"status": {"id_str": "1"}}},
        {"limit": {"track": 3}},
        {"status_withheld": {"id": 5}},
    ]
    table = read("\n".join(map(dump, [notices[0], V1, quoting, shared, nameless, cut, *notices[1:]])))
    full = V1["extended_tweet"]["full_text"]  # type: ignore[index]
    assert column(table, "text") == [full, "See this", f"RT @ana: {full}", "RT @ana: All of it", V1["text"]]
    assert column(table, "quoted")[1] == full
    assert set(column(table, "id")) == {V1["id_str"]}
    assert set(column(table, "user")) == {"ana"}
    assert set(column(table, "category")) == {"infrastructure"}  # added by someone: kept
    assert "entities.hashtags" not in table.columns
    assert table.set_aside == {"notice of the service": 3}
    assert (table.format, table.unreadable) == ("twitter", 0)
    assert {name: role for name, (role, _) in table.known.items()} == {
        "id": "id",
        "text": "text",
        "created_at": "date",
        "lang": "language",
        "place": "place",
    }
    assert "1 post" in told(table)  # the one that is cut short for good


def test_posts_in_search_answers_and_in_the_archive() -> None:
    wrapped = {"statuses": [V1, V1], "search_metadata": {"count": 2}}
    for content in (dump(wrapped), dump(wrapped) + "\n" + dump(wrapped)):
        table = read(content)
        assert table.format == "twitter"
        assert set(column(table, "id")) == {V1["id_str"]}
    archive = 'window.YTD.tweets.part0 = [ {\n "tweet" : ' + dump(V1, indent=2) + "\n} ]"
    assert column(read(archive), "user") == ["ana"]


PAGE = {
    "data": [
        {
            "id": "1500000000000000001",
            "text": "Long one cut he…",
            "note_tweet": {"text": LONG_TEXT},
            "author_id": "7",
            "created_at": "2023-02-06T04:00:00.000Z",
            "lang": "en",
            "geo": {"place_id": "p1"},
            "edit_history_tweet_ids": ["1500000000000000001"],
        },
        {
            "id": "1500000000000000002",
            "text": "RT @aid: Bring wa…",
            "author_id": "8",
            "referenced_tweets": [{"type": "retweeted", "id": "900"}],
        },
        {
            "id": "1500000000000000003",
            "text": "RT @x: Gone…",
            "referenced_tweets": [{"type": "retweeted", "id": "5"}],
        },
        {"id": "1500000000000000004", "text": "Look", "referenced_tweets": [{"type": "quoted", "id": "900"}]},
    ],
    "includes": {
        "users": [
            {"id": "7", "username": "ana", "name": "Ana", "location": "Hatay"},
            {"id": "9", "username": "aid"},
        ],
        "tweets": [{"id": "900", "text": "Bring water to the old school", "author_id": "9"}],
        "places": [{"id": "p1", "full_name": "Hatay, Türkiye"}],
    },
    "meta": {"result_count": 4},
    "errors": [
        {"title": "Not Found Error", "detail": "gone"},
        {"title": "Not Found Error", "detail": "gone"},
    ],
}


@pytest.mark.parametrize("pages", [1, 3])
@pytest.mark.parametrize("indent", [None, 1])
def test_posts_of_the_newer_interface_one_page_a_line(pages: int, indent: int | None) -> None:
    empty = {"meta": {"result_count": 0}}
    table = read("\n".join([dump(PAGE, indent=indent)] * pages + [dump(empty)] * (pages - 1)))
    assert table.format == "twitter"
    assert (
        column(table, "text")
        == [
            LONG_TEXT,
            "RT @aid: Bring water to the old school",
            "RT @x: Gone…",
            "Look",
        ]
        * pages
    )
    assert column(table, "user")[:2] == ["ana", ""]
    assert column(table, "place")[0] == "Hatay, Türkiye"
    assert column(table, "quoted")[3] == "Bring water to the old school"
    assert column(table, "id")[0] == "1500000000000000001"
    assert f"{2 * pages} errors" in told(table)
    assert f": {pages} post" in told(table)
    assert table.unreadable == 0


def test_posts_of_the_newer_interface_one_a_line() -> None:
    original = {"type": "retweeted", "id": "900", "text": "Bring water", "author": {"username": "aid"}}
    flat = {
        "id": "15",
        "text": "RT @aid: Br…",
        "author": {"username": "ana", "location": "Hatay"},
        "referenced_tweets": [original],
        "geo": {"full_name": "Hatay"},
        "__twarc": {"version": "2"},
    }
    table = read("\n".join([dump(flat), dump({"data": PAGE["data"][0], "matching_rules": [{"tag": "x"}]})]))  # type: ignore[index]
    assert column(table, "text") == ["RT @aid: Bring water", LONG_TEXT]
    assert column(table, "user") == ["ana", ""]
    assert column(table, "place") == ["Hatay", ""]
    assert not any(name.startswith("__twarc") for name in table.columns)


# Chats

MESSAGES = [
    {"id": 1, "type": "service", "date": "2024-10-30T08:00:00", "action": "create_channel", "text": ""},
    {"id": 2, "type": "message", "date": "2024-10-30T08:01:00", "from": "A",
     "text": ["Call ", {"type": "phone", "text": "112"}, "\n", {"type": "bold", "text": "NOW"}]},
    {"id": 3, "type": "message", "date": "2024-10-30T08:02:00", "from": None, "photo": "1.jpg", "text": "",
     "location_information": {"latitude": 39.4, "longitude": -0.4}},
    {"id": 4, "type": "message", "date": "2024-10-30T08:03:00",
     "text_entities": [{"type": "plain", "text": "Road cut"}]},
    {"id": 5, "type": "message", "date": "2024-10-30T08:04:00", "text": "",
     "poll": {"question": "Who has a boat?"}},
]  # fmt: skip


def test_a_chat() -> None:
    table = read(
        dump({"name": "Flood \x0c help", "type": "public_channel", "id": 9, "messages": MESSAGES}, indent=1)
    )
    assert column(table, "text") == ["Call 112\nNOW", "", "Road cut", "Who has a boat?"]
    assert column(table, "id") == ["2", "3", "4", "5"]
    assert set(column(table, "chat")) == {"Flood \x0c help"}
    assert column(table, "latitude")[1] == "39.4"
    assert table.set_aside == {"service message": 1}
    assert (table.format, table.known["text"][0], table.known["date"][0]) == ("telegram", "text", "date")


def test_a_whole_account_of_chats_and_one_that_was_cut_off() -> None:
    chats = [
        {"name": name, "id": i, "type": "private_group", "messages": MESSAGES} for i, name in enumerate("XY")
    ]
    account = {
        "about": "Here is the data you requested.",
        "chats": {"list": chats},
        "left_chats": {"list": chats[:1]},
    }
    table = read(dump({**account, "contacts": {"list": [{"user_id": i} for i in range(50)]}}))
    assert column(table, "chat") == ["X"] * 4 + ["Y"] * 4 + ["X"] * 4
    assert column(table, "id")[:5] == ["0/2", "0/3", "0/4", "0/5", "1/2"]
    assert table.set_aside == {"service message": 3}
    cut = read(dump({"name": "X", "messages": MESSAGES})[:-40])
    assert (cut.format, column(cut, "id"), cut.unreadable) == ("telegram", ["2", "3", "4"], 1)


# Reports and places


def test_reports_from_the_service_and_those_without_a_body() -> None:
    fields = {
        "title": "Flash Update",
        "body": "## Main points",
        "body-html": "<h2>Main points</h2>",
        "date": {"original": "2025-10-23T00:00:00+00:00", "created": "2025-10-24T00:00:00+00:00"},
        "country": [{"name": "Haiti"}, {"name": "Cuba"}],
        "primary_country": {"name": "Haiti"},
        "source": [{"shortname": "OCHA"}],
        "url": "https://example.org/1",
        "my_label": "storm",
    }
    items = [
        {"id": "4183047", "fields": fields},
        {
            "id": "2",
            "fields": {"title": "Second", "body-html": "<p>One &amp; two</p><ul><li>a<li><b>b</b></ul>"},
        },
        {"id": "3", "fields": {"title": "Third", "headline": {"summary": "In short"}}},
        {"id": "4", "fields": {"title": "Only a map"}},
    ]
    page = {"time": 9, "totalCount": 4, "count": 4, "data": items}
    table = read(dump(page))
    assert table.format == "reliefweb"
    assert column(table, "text") == ["## Main points", "One & two\na\nb", "In short", ""]
    assert column(table, "title")[3] == "Only a map"
    assert table.rows[0][:6] == (
        "4183047",
        "Flash Update",
        "## Main points",
        fields["date"]["original"],
        "Haiti, Cuba",
        "OCHA",
    )  # type: ignore[index]
    assert column(table, "my_label")[0] == "storm"
    assert {table.known[name][0] for name in ("title", "text", "date", "country")} == {
        "title",
        "text",
        "date",
        "place",
    }
    assert read(dump(page) + "\n" + dump(page)).rows == table.rows * 2
    assert read(dump(items[:2])).rows[0][0] == "4183047"


def test_html_that_is_never_closed_is_read_in_no_time() -> None:
    assert text_of_html("<script>x</script >a<!-- b --><br/>c &lt; d <td>e</td><td>f") == "a\nc < d e f"
    assert text_of_html("seen" + "<head>" * 50_000) == "seen"
    assert text_of_html("<!--" * 50_000 + "<p" * 50_000) == ""


def test_places_with_their_properties_and_points() -> None:
    def feature(geometry: object, **more: object) -> dict[str, object]:
        return {
            "type": "Feature",
            "id": "f1",
            "geometry": geometry,
            "properties": {"text": LONG_TEXT, "a": {"b": 1}},
            **more,
        }

    features = [
        feature({"type": "Point", "coordinates": [36.16, 36.2, 5]}),
        feature({"type": "Polygon", "coordinates": [[[1.5, 2.5], [3, 4], [1.5, 2.5]]]}),
        feature(None, properties=None),
        feature({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [7, 8]}]},
                properties={"id": 5, "longitude": "E"}),
    ]  # fmt: skip
    table = read(dump({"type": "FeatureCollection", "features": features}))
    assert table.format == "geojson"
    assert column(table, "longitude") == ["36.16", "1.5", "", "E"]
    assert column(table, "latitude") == ["36.2", "2.5", "", "8"]
    assert column(table, "geometry longitude")[3] == "7"
    assert column(table, "a.b")[0] == "1"
    assert column(table, "id") == ["f1", "f1", "f1", "5"]
    assert column(table, "feature id")[3] == "f1"
    assert read("\n".join("\x1e" + dump(one) for one in features)).rows == table.rows


# Real files


@pytest.mark.parametrize(
    ("name", "kind", "rows", "aside"),
    [
        ("05_twitter_v11.jsonl", "twitter", 12, 2),
        ("07_telegram_result.json", "telegram", 4, 1),
        ("08_reliefweb_api.json", "reliefweb", 2, 0),
    ],
)
def test_nasty_files(shared_data: Path, name: str, kind: str, rows: int, aside: int) -> None:
    path = shared_data / "nasty" / name
    table = table_from_json(open_text(Source(name, path)), ReadOptions())
    assert (table.format, len(table.rows), sum(table.set_aside.values())) == (kind, rows, aside)
    assert not any(text.rstrip().endswith("…") for text in column(table, "text"))


def test_hxl_files(shared_data: Path) -> None:
    folder = shared_data / "hxl_samples"
    paths = [path for path in folder.iterdir() if path.suffix in (".json", ".txt")]
    assert paths
    for path in paths:
        text = open_text(Source(path.name, path))
        assert looks_like_json(text.start()), path.name
        table = table_from_json(text, ReadOptions())
        assert len(table.rows) == 4, path.name
        assert "Panamá" in table.rows[0], path.name
