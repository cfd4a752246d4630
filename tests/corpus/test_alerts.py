"""CAP alerts: rows, languages, envelopes, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.corpus.formats.alerts import is_alert, root_name, table_from_alert
from engine.corpus.roles import guess_roles
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Table
from engine.errors import EngineError, InputError

SOURCE = Source("alert.xml", data=b"")
SPACE = 'xmlns="urn:oasis:names:tc:emergency:cap:1.2"'


def info(language: str = "en-US", headline: str = "Flood warning", areas: Sequence[str] = ("Norte",)) -> str:
    places = "".join(f"<area><areaDesc>{area}</areaDesc><polygon>1,2 3,4</polygon></area>" for area in areas)
    return (
        f"<info><language>{language}</language><category>Met</category><category>Safety</category>"
        f"<event>Flood</event><urgency>Immediate</urgency><severity>Severe</severity>"
        f"<certainty>Likely</certainty><headline>{headline}</headline>"
        f"<description>Water rises.\n   Roads   are cut.</description><instruction>Move up.</instruction>"
        f"{places}</info>"
    )


def alert(*infos: str, identifier: str = "A-1", status: str = "Actual", space: str = SPACE) -> str:
    return (
        f"<alert {space}><identifier>{identifier}</identifier><sender>x@example.org</sender>"
        f"<sent>2024-06-01T18:00:00-00:00</sent><status>{status}</status><msgType>Alert</msgType>"
        f"<scope>Public</scope>{''.join(infos)}</alert>"
    )


def read(text: str) -> Table:
    assert is_alert(text[:2_000_000], SOURCE)
    return table_from_alert(text, "utf-8", SOURCE, ReadOptions())


def cells(table: Table, name: str) -> list[str]:
    return table.column(table.columns.index(name))


def test_an_alert_is_a_row() -> None:
    start = '<?xml version="1.0" encoding="UTF-16"?>\n<!-- kept -->\n'
    table = read(start + alert(info(areas=("Norte", "Süd", "Norte"))))
    assert dict(zip(table.columns, table.rows[0], strict=True)) == {
        "id": "A-1",
        "title": "Flood",
        "text": "Flood warning\n\nWater rises.\nRoads are cut.\n\nMove up.",
        "date": "2024-06-01T18:00:00-00:00",
        "place": "Norte; Süd",
        "language": "en-US",
        "urgency": "Immediate",
        "severity": "Severe",
        "certainty": "Likely",
        "category": "Met, Safety",
        "status": "Actual",
        "msgType": "Alert",
        "alert": "A-1",
    }
    assert table.warnings == ()
    assert (table.format, table.encoding, table.header_row) == ("cap", "utf-8", None)


def test_what_the_columns_hold_is_known_and_ratings_only_score() -> None:
    table = read(alert(info(), info("es-MX", "Inundación")))
    roles = {role.column: role.role for role in guess_roles(table, alone=False)}
    assert [roles[name] for name in ("id", "title", "text", "date", "place", "language")] == [
        "id", "title", "text", "date", "place", "language",
    ]  # fmt: skip
    rated = ("urgency", "severity", "certainty", "category")
    assert {roles[name] for name in rated} == {"label"}
    alone = {role.column: role.role for role in guess_roles(table)}  # both are rated the same
    assert {alone[name] for name in rated} == {"ignore"}


def test_languages_of_one_alert_stay_together() -> None:
    table = read(alert(info(), info("es-MX", "Inundación"), info("es-MX", "Otra zona")))
    assert cells(table, "id") == ["A-1#en-US", "A-1#es-MX", "A-1#es-MX-2"]
    assert cells(table, "alert") == ["A-1"] * 3
    assert any("2 languages of one alert" in note for note in table.warnings)


def test_tests_and_exercises_are_kept_and_counted() -> None:
    statuses = ("Test", "Actual", "Exercise", "Test")
    several = [alert(info(), identifier=f"{i}", status=status) for i, status in enumerate(statuses)]
    table = read(f'<alerts xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2">{"".join(several)}</alerts>')
    assert len(table.rows) == 4
    assert any("3 alerts are no real alarm (Test: 2, Exercise: 1)" in note for note in table.warnings)


def test_envelopes_prefixes_older_versions_and_alerts_in_a_row_are_read() -> None:
    edxl = (
        '<EDXLDistribution xmlns="urn:oasis:names:tc:emergency:EDXL:DE:1.0"><contentObject><xmlContent>'
        f"<embeddedXMLContent>{alert(info())}</embeddedXMLContent></xmlContent></contentObject>"
        "</EDXLDistribution>"
    )
    assert cells(read(edxl), "id") == ["A-1"]
    prefixed = alert(info(), space='xmlns:cap="urn:oasis:names:tc:emergency:cap:1.1"')
    prefixed = prefixed.replace("</", "</cap:").replace("<", "<cap:").replace("<cap:/cap:", "</cap:")
    assert cells(read(prefixed), "title") == ["Flood"]
    assert cells(read(alert(info(), space="")), "title") == ["Flood"]
    one, other = (f'<?xml version="1.0"?>\n{alert(info(), identifier=name)}\n' for name in ("A-1", "B"))
    assert cells(read(one + other), "id") == ["A-1", "B"]


def test_an_alert_without_info_keeps_its_note() -> None:
    table = read(alert("<note>The warning is over.</note>"))
    assert cells(table, "text") == ["The warning is over."]


def test_declared_entities_are_refused_in_words(shared_data: Path) -> None:
    text = (shared_data / "nasty" / "19_cap_entities.xml").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="declares entities of its own.*refused for safety"):
        read(text)


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE alert [<!ENTITY a "aaaa">]>',
        '<!DOCTYPE alert SYSTEM "file:///etc/hostname">',
        '<!DOCTYPE alert [<!ENTITY x SYSTEM "http://127.0.0.1:9/x"> <!ENTITY y "]">]>',
    ],
)
def test_every_kind_of_declaration_is_refused(declaration: str) -> None:
    with pytest.raises(InputError, match="refused for safety"):
        read(f'<?xml version="1.0"?>{declaration}{alert(info())}')


def test_damaged_and_empty_ones_are_refused_in_words() -> None:
    with pytest.raises(InputError, match="damaged"):
        read(alert(info())[:-40])
    with pytest.raises(InputError, match="damaged"):
        read(alert(info()) + alert(info())[:-40])
    with pytest.raises(InputError, match="holds no alert"):
        table_from_alert("<a/>", "utf-8", SOURCE, ReadOptions())


def test_a_very_deep_file_does_no_harm() -> None:
    deep = "<alert " + SPACE + "><info><description>" + "<b>" * 50_000 + "deep" + "</b>" * 50_000
    table = read(deep + "</description></info></alert>")
    assert cells(table, "text") == ["deep"]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (alert(info()), True),
        ("\ufeff \n<?xml version='1.0'?><!-- <rss> -->" + alert(info()), True),
        ("<alert>fire</alert>", False),
        ("id,text\n1,<alert> is a word", False),
        (f'<feed xmlns="http://www.w3.org/2005/Atom">{alert(info())}</feed>', False),
        (f"<html>{alert(info())}</html>", False),
        ("<alert", False),
        ("<!-- never closed " + alert(info()), False),
        ("", False),
    ],
)
def test_the_content_tells_an_alert(start: str, expected: bool) -> None:
    assert is_alert(start, SOURCE) is expected


@given(st.text("<>!?-[]/ adertlxm\"'\n", max_size=60))
def test_finding_the_outermost_tag_always_ends(text: str) -> None:
    assert isinstance(root_name(text), str)


@pytest.mark.parametrize("unit", ["<!-- ", "<?", "<!D [", "<!D '", "<!D [<!--", '<!D "', "<!-- -->", " "])
def test_finding_the_outermost_tag_takes_no_time(unit: str) -> None:
    started = time.process_time()
    assert root_name("<?xml ?>" + unit * (200_000 // len(unit))) == ""
    assert time.process_time() - started < 1


WHOLE = alert(info(), info("ar", "فيضان"))


@given(st.integers(0, len(WHOLE)), st.text("<>&;]![\0\ud800a\"' /", max_size=6), st.integers(0, 300))
def test_no_damage_raises_anything_but_an_engine_error(at: int, put: str, gone: int) -> None:
    try:
        table = table_from_alert(WHOLE[:at] + put + WHOLE[at + gone :], "utf-8", SOURCE, ReadOptions())
    except EngineError:
        return
    assert table.rows
