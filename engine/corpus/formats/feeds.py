"""News and alert feeds (RSS, Atom, GDACS): one row an entry, its HTML as plain text.

Does not: fetch anything, or merge the episodes of one event (duplicates are found later).
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from engine.corpus.formats import alerts
from engine.corpus.formats.alerts import declares_entities, local_name, root_name, safe_tree, xml_bytes
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Role, Table, n_of
from engine.errors import InputError

FIRST = ("id", "title", "text", "date", "place", "link")
# Shown only if some entry fills them.
MORE = (
    "language", "alertlevel", "eventtype", "glide", "urgency", "severity", "certainty", "category",
    "status", "msgType", "alert",
)  # fmt: skip
RATED = "set by the feed's publisher; kept for scoring only, no model learns from it"
KNOWN: dict[str, tuple[Role, str]] = {
    "id": ("id", "the entry's identifier"),
    "title": ("title", "the entry's title"),
    "text": ("text", "the entry's content"),
    "date": ("date", "when the entry was published"),
    "place": ("place", "the place the entry names"),
    "language": ("language", "the language the entry names"),
    **dict.fromkeys(("alertlevel", "eventtype", "urgency", "severity", "certainty", "category"),
                    ("label", RATED)),
}  # fmt: skip
FAMILY = {"rss": "rss", "rdf": "rss", "feed": "atom"}
DECLARES = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
# What feedparser runs into on broken markup, beside what it reports itself.
BEYOND_REPAIR = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)


def is_feed(start: str, source: Source) -> bool:
    """Whether a text that starts so is an RSS (2.0, 1.0, 0.9x) or Atom feed."""
    root = root_name(start).lower()
    if root == "rdf":
        return "purl.org/rss/1.0" in start or "my.netscape.com/rdf" in start
    if root == "feed":
        return "www.w3.org/2005/Atom" in start or "purl.org/atom" in start or "<entry" in start
    return root == "rss"


def table_from_feed(text: str, encoding: str, source: Source, options: ReadOptions) -> Table:
    """One row an entry (an entry that holds a CAP alert: one for each of its languages).

    Raises `InputError` if the file declares entities or a document type, or holds no entry.
    """
    data = xml_bytes(text)
    root: Element | None = None
    try:
        root = safe_tree(data, source)
    except ParseError as error:
        if DECLARES.search(_prolog(data)):
            raise declares_entities(source) from error
    parsed = _parsed(data, source)
    entries = parsed["entries"]
    if not entries:
        raise InputError(
            f"“{source.name}” is a feed without entries that could be read.",
            "Fetch or save it again when it has entries; it may have been cut off.",
        )
    within = _alerts_within(root, len(entries))
    rows: list[dict[str, str]] = []
    said: list[alerts.Alert] = []
    for i, entry in enumerate(entries):
        row = _row(entry)
        found = [info for alert in within.get(i, ()) for info in alerts.alert_rows(alert)]
        found = [info for info in found if info["text"] or info["title"]]
        said.extend(found)
        rows.extend({**row, **{k: v for k, v in info.items() if v}} for info in found)
        if not found:
            rows.append(row)
    more = [name for name in MORE if any(row.get(name) for row in rows)]
    columns = (*FIRST, *more)
    notes = list(alerts.alert_warnings(said))
    if said:
        count = len({info["alert"] for info in said})
        notes.insert(0, f"{n_of(count, 'entry', 'entries')} hold{'s' if count == 1 else ''} a CAP alert: "
                        "its own text is read.")  # fmt: skip
    if root is None:
        notes.insert(0, "The feed's XML is damaged: entries may be cut short or missing.")
    return Table(
        FAMILY.get(root_name(text).lower(), "rss"), encoding, None, None, None, columns,
        [tuple(row.get(name, "") for name in columns) for row in rows], tuple(notes),
        known={name: role for name, role in KNOWN.items() if name in columns},
    )  # fmt: skip


def _prolog(data: bytes) -> bytes:
    """What stands before the first tag: only there do declarations count."""
    first = re.search(rb"<\w", data)
    return data[: first.start()] if first else data


def _parsed(data: bytes, source: Source) -> Mapping[str, Any]:
    import feedparser

    try:
        return feedparser.parse(
            io.BytesIO(data),  # never a string: that may be taken for an address or a path
            response_headers={"content-type": "application/xml; charset=utf-8"},
            resolve_relative_uris=False,
            sanitize_html=False,  # all of it becomes plain text
        )
    except BEYOND_REPAIR as error:
        raise InputError(
            f"“{source.name}” is a feed, but its XML is too damaged to be read.",
            "Fetch or save it again: it may have been cut off.",
        ) from error


def _alerts_within(root: Element | None, entries: int) -> dict[int, list[Element]]:
    """The CAP alerts inside each entry, by the entry's place."""
    if root is None:
        return {}
    elements = [element for element in root.iter() if local_name(element) in ("item", "entry")]
    if len(elements) != entries:
        return {}
    found = {
        i: [inner for inner in element.iter() if local_name(inner) == "alert" and len(inner)]
        for i, element in enumerate(elements)
    }
    return {i: alert for i, alert in found.items() if alert}


def _row(entry: Mapping[str, Any]) -> dict[str, str]:
    cell = {name: _cell(entry, name) for name in entry}
    row = {
        "id": _identifier(cell),
        "title": " ".join(_plain(entry.get("title_detail")).split()),
        "text": _text(entry),
        "date": _date(entry, cell),
        "place": _place(entry, cell),
        "link": cell.get("link", ""),
    }
    for name in ("alertlevel", "eventtype", "glide"):
        row[name] = _filled(cell.get(f"gdacs_{name}", ""))
    row["glide"] = row["glide"] or _filled(cell.get("glide_number", ""))
    for name in ("urgency", "severity", "certainty", "category", "status"):
        row[name] = cell.get(f"cap_{name}", "")
    row["msgType"] = cell.get("cap_msgtype", "")
    row["language"] = cell.get("dc_language", "") or cell.get("language", "")
    return row


def _cell(entry: Mapping[str, Any], name: str) -> str:
    value = entry[name]
    return value.strip() if isinstance(value, str) else ""


def _filled(value: str) -> str:
    return "" if value == "0" else value


def _identifier(cell: Mapping[str, str]) -> str:
    event, episode = cell.get("gdacs_eventid", ""), cell.get("gdacs_episodeid", "")
    if event and episode:  # the guid of GDACS names the event, which has many episodes
        return f"{cell.get('gdacs_eventtype', '')}{event}-{episode}"
    return cell.get("id", "") or cell.get("link", "")


def _text(entry: Mapping[str, Any]) -> str:
    """The longest of what the entry says: its content, its summary."""
    details = [*(entry.get("content") or ()), entry.get("summary_detail")]
    said = max(map(_plain, details), key=len)
    return said or _cell({"": entry.get("cap_description", "")}, "")


def _plain(detail: object) -> str:
    if not isinstance(detail, Mapping):
        return ""
    value = detail.get("value")
    if not isinstance(value, str):
        return ""
    if "html" not in str(detail.get("type")):
        return value.strip()
    from engine.corpus.formats.webtables import text_of_html

    return text_of_html(value).strip()


def _date(entry: Mapping[str, Any], cell: Mapping[str, str]) -> str:
    """ISO, in UTC; as written if it cannot be understood."""
    for name in ("published", "updated"):
        at = entry.get(f"{name}_parsed") if f"{name}_parsed" in entry else None
        if at:
            return "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format(*at[:6])
    written = next((cell[name] for name in ("published", "updated", "cap_sent") if cell.get(name)), "")
    if not written and cell.get("gdacs_fromdate"):
        written = cell["gdacs_fromdate"]
        try:
            return parsedate_to_datetime(written).isoformat()
        except ValueError:
            return written
    return written


def _place(entry: Mapping[str, Any], cell: Mapping[str, str]) -> str:
    named = cell.get("gdacs_country") or cell.get("cap_areadesc")
    if named:
        return named
    where = entry.get("where")
    if isinstance(where, Mapping) and where.get("type") == "Point":
        longitude, latitude = where["coordinates"][:2]
        return f"{latitude:g}, {longitude:g}"
    latitude, longitude = cell.get("geo_lat", ""), cell.get("geo_long", "")
    return f"{latitude}, {longitude}" if latitude and longitude else ""
