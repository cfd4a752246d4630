"""Feeds: RSS, Atom, GDACS, alerts inside entries, broken and hostile ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.corpus.formats.feeds import is_feed, table_from_feed
from engine.corpus.roles import guess_roles
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Table
from engine.errors import EngineError, InputError

SOURCE = Source("feed.xml", data=b"")
SPACES = (
    'xmlns:gdacs="http://www.gdacs.org" xmlns:geo="http://www.w3.org/2003/01/geo/wgs84_pos#" '
    'xmlns:georss="http://www.georss.org/georss" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
)
FLOOD = """<item><title>Orange flood alert in Ruritania &amp;amp; beyond</title>
<description>&lt;p&gt;On 02/03/2024 a &lt;b&gt;flood&lt;/b&gt;
began&lt;script&gt;steal()&lt;/script&gt;.&lt;/p&gt;</description>
<link>https://example.org/report?id=1102&amp;n=3</link><pubDate>Sat, 02 Mar 2024 10:00:00 +0200</pubDate>
<guid isPermaLink="false">FL1102</guid><gdacs:eventtype>FL</gdacs:eventtype>
<gdacs:alertlevel>Orange</gdacs:alertlevel><gdacs:eventid>1102</gdacs:eventid>
<gdacs:episodeid>3</gdacs:episodeid><gdacs:country>Ruritania</gdacs:country><gdacs:glide>{glide}</gdacs:glide>
<geo:Point><geo:lat>-4.3</geo:lat><geo:long>15.25</geo:long></geo:Point></item>"""
QUAKE = """<item><title>Quake</title><description>A short summary.</description>
<content:encoded><![CDATA[<p>The longer text of it.</p>
<p>Second paragraph, which makes it longer.</p>]]></content:encoded>
<guid>tag:2</guid><georss:point>10.5 -20</georss:point>
<gdacs:fromdate>Fri, 01 Mar 2024 01:00:00 GMT</gdacs:fromdate></item>"""


def rss(*items: str) -> str:
    return (
        f'<?xml version="1.0" encoding="iso-8859-1"?>\n<rss version="2.0" {SPACES}><channel>'
        f"<title>Feed</title>{''.join(items)}</channel></rss>"
    )


def atom(*entries: str) -> str:
    return (
        '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" '
        f'xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2"><title>Feed</title>{"".join(entries)}</feed>'
    )


def read(text: str) -> Table:
    assert is_feed(text[:2_000_000], SOURCE)
    return table_from_feed(text, "utf-8", SOURCE, ReadOptions())


def records(table: Table) -> list[dict[str, str]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_a_gdacs_feed() -> None:
    table = read(rss(FLOOD.format(glide="0"), QUAKE))
    flood, quake = records(table)
    assert table.columns == ("id", "title", "text", "date", "place", "link", "alertlevel", "eventtype")
    assert flood == {
        "id": "FL1102-3",
        "title": "Orange flood alert in Ruritania & beyond",
        "text": "On 02/03/2024 a flood began.",
        "date": "2024-03-02T08:00:00Z",
        "place": "Ruritania",
        "link": "https://example.org/report?id=1102&n=3",
        "alertlevel": "Orange",
        "eventtype": "FL",
    }
    assert quake["id"] == "tag:2"
    assert quake["text"].split("\n")[0] == "The longer text of it."
    assert "<" not in quake["text"] and quake["text"].endswith("which makes it longer.")
    assert quake["date"] == "2024-03-01T01:00:00+00:00"
    assert quake["place"] == "10.5, -20"
    assert (table.format, table.warnings) == ("rss", ())


def test_a_glide_number_is_kept_where_it_is_one() -> None:
    assert records(read(rss(FLOOD.format(glide="FL-2024-000012-RUR"))))[0]["glide"] == "FL-2024-000012-RUR"
    assert "glide" not in read(rss(FLOOD.format(glide=""))).columns


def test_letters_beyond_ascii_survive_a_declaration_of_another_encoding() -> None:
    text = rss("<item><title>Überflutung in Peñaflor فيضان</title><description>Straße</description></item>")
    assert records(read(text))[0]["title"] == "Überflutung in Peñaflor فيضان"


def test_what_the_columns_hold_is_known_and_ratings_only_score() -> None:
    roles = {role.column: role.role for role in guess_roles(read(rss(FLOOD.format(glide=""), QUAKE)))}
    assert [roles[name] for name in ("id", "title", "text", "date", "place")] == [
        "id", "title", "text", "date", "place",
    ]  # fmt: skip
    assert (roles["alertlevel"], roles["eventtype"]) == ("label", "label")


def test_atom_and_rss_1_and_older() -> None:
    (entry,) = records(
        read(
            atom(
                '<entry><id>urn:1</id><title type="html">A &amp;amp; &lt;b&gt;B&lt;/b&gt;</title>'
                '<published>2024-06-01T18:00:00+02:00</published><updated>2024-06-02T00:00:00Z</updated>'
                '<link href="https://example.org/1"/>'
                '<summary type="text">5 &lt; 6, see &lt;here&gt;</summary></entry>'
            )
        )
    )
    assert (entry["id"], entry["title"], entry["link"]) == ("urn:1", "A & B", "https://example.org/1")
    assert entry["date"] == "2024-06-01T16:00:00Z"
    assert entry["text"] == "5 < 6, see <here>"  # plain text: no tags to take out
    rdf = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        '<item rdf:about="x:1"><title>One</title><description>Text of one.</description></item></rdf:RDF>'
    )
    assert records(read(rdf))[0]["text"] == "Text of one."
    assert records(read("<rss><channel><item><title>T</title></item></channel></rss>"))[0]["text"] == ""


CAP = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>I-1</identifier>
<sent>2024-06-01T18:00:00-00:00</sent><status>Test</status>{infos}</alert>"""
INFO = """<info><language>{language}</language><event>Flood</event><urgency>Expected</urgency>
<headline>{headline}</headline><description>Water rises.</description></info>"""


def test_alerts_inside_entries_are_read_from_themselves() -> None:
    infos = INFO.format(language="en", headline="Warning") + INFO.format(language="es", headline="Aviso")
    table = read(
        atom(
            "<entry><id>urn:0</id><title>Plain</title><summary>No alert here.</summary></entry>",
            '<entry><id>urn:1</id><title>Short</title><link href="https://example.org/cap"/>'
            f'<content type="text/xml">{CAP.format(infos=infos)}</content></entry>',
        )
    )
    plain, english, spanish = records(table)
    assert (plain["id"], plain["text"], plain["alert"]) == ("urn:0", "No alert here.", "")
    assert (english["id"], english["text"]) == ("I-1#en", "Warning\n\nWater rises.")
    assert (spanish["id"], spanish["text"], spanish["alert"]) == ("I-1#es", "Aviso\n\nWater rises.", "I-1")
    assert english["link"] == "https://example.org/cap"
    assert any("1 entry holds a CAP alert" in note for note in table.warnings)
    assert any("2 languages of one alert" in note for note in table.warnings)
    assert any("no real alarm (Test: 1)" in note for note in table.warnings)


def test_fields_of_cap_in_an_entry_are_kept() -> None:
    entry = (
        "<entry><id>urn:1</id><title>Flood</title><summary>Rain.</summary><cap:urgency>Future</cap:urgency>"
        "<cap:areaDesc>Norte</cap:areaDesc></entry>"
    )
    (row,) = records(read(atom(entry)))
    assert (row["place"], row["urgency"]) == ("Norte", "Future")


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE rss [<!ENTITY a "aaaa">]>' + rss(QUAKE).partition("\n")[2],
        '<?xml version="1.0"?><!DOCTYPE rss SYSTEM "file:///etc/hostname">' + rss(QUAKE).partition("\n")[2],
        '<!doctype rss [<!entity a "aaaa">]>' + rss(QUAKE).partition("\n")[2].replace("</channel>", ""),
    ],
)
def test_declared_entities_are_refused_in_words(text: str) -> None:
    with pytest.raises(InputError, match="declares entities of its own.*refused for safety"):
        table_from_feed(text, "utf-8", SOURCE, ReadOptions())


def test_broken_markup_is_read_as_far_as_it_goes_with_a_warning() -> None:
    for text in (
        rss(FLOOD.format(glide="0"), QUAKE).replace("</geo:Point>", ""),
        rss(FLOOD.format(glide="0"), QUAKE)[:-30],
        rss(FLOOD.format(glide="0").replace("Ruritania", "Ruritania &nbsp; & more"), QUAKE),
    ):
        table = read(text)
        assert [row["id"] for row in records(table)] == ["FL1102-3", "tag:2"]
        assert any("damaged" in note for note in table.warnings)


def test_without_entries_it_is_refused_in_words() -> None:
    with pytest.raises(InputError, match="without entries"):
        read(rss())
    with pytest.raises(InputError, match="without entries"):
        read("<rss><chan")


def test_a_text_that_is_an_address_is_never_fetched() -> None:
    for text in ("http://127.0.0.1:9/feed", "/etc/hostname", "file:///etc/hostname"):
        with pytest.raises(InputError):
            table_from_feed(text, "utf-8", SOURCE, ReadOptions())


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (rss(), True),
        (atom(), True),
        ("\n \ufeff<rss>", True),
        ('<feed xmlns="http://example.org/cattle"><cow/></feed>', False),
        ('<rdf:RDF xmlns:rdf="x"><owl/></rdf:RDF>', False),
        ("<html><rss>", False),
        ("title,rss\n<rss>,1", False),
    ],
)
def test_the_content_tells_a_feed(start: str, expected: bool) -> None:
    assert is_feed(start.lstrip(), SOURCE) is expected


ENTRY = f"<entry><id>1</id><content type='text/xml'>{CAP}</content></entry>"
WHOLES = st.sampled_from((rss(FLOOD.format(glide="0"), QUAKE), atom(ENTRY)))
NOISE = st.text("<>&;]![\0\ud800a\"' /", max_size=6)


@settings(deadline=None)
@given(WHOLES, st.floats(0, 1), NOISE, st.integers(0, 300))
def test_no_damage_raises_anything_but_an_engine_error(whole: str, place: float, put: str, gone: int) -> None:
    at = int(place * len(whole))
    try:
        table = table_from_feed(whole[:at] + put + whole[at + gone :], "utf-8", SOURCE, ReadOptions())
    except EngineError:
        return
    assert table.rows
