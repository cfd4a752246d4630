"""Warnings in the Common Alerting Protocol (CAP 1.0 to 1.2): a row for each language of each alert.

Does not: expand entities or follow references: a file that declares any is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, Role, Table, n_of
from engine.errors import InputError

Alert = dict[str, str]
COLUMNS = (
    "id", "title", "text", "date", "place", "language", "urgency", "severity", "certainty",
    "category", "status", "msgType", "alert",
)  # fmt: skip
RATED = "set by the sender of the alert; kept for scoring only, no model learns from it"
KNOWN: dict[str, tuple[Role, str]] = {
    "id": ("id", "the alert's identifier"),
    "title": ("title", "the alert's event"),
    "text": ("text", "the alert's headline, description and instruction"),
    "date": ("date", "when the alert was sent"),
    "place": ("place", "the alert's areas"),
    "language": ("language", "the language the alert names"),
    **dict.fromkeys(("urgency", "severity", "certainty", "category"), ("label", RATED)),
}
NO_ALARM = ("Test", "Exercise", "Draft", "System")
PAGES = ("rss", "feed", "rdf", "html")
DECLARATION = re.compile(r"\s*<\?xml\b[^>]*\?>\s*")
# What may stand before the first tag: comments, instructions, a document type with declarations of its own.
PROLOG = re.compile(
    r"""\ufeff?(?:\s++|<\?(?:(?!\?>).)*+\?>|<!--(?:(?!-->).)*+-->
    |<![A-Za-z](?:"[^"]*+"|'[^']*+'|\[(?:"[^"]*+"|'[^']*+'|<!--(?:(?!-->).)*+-->|[^]"'<]|<(?!!--))*+]|[^]["'>])*+>)*+""",
    re.DOTALL | re.VERBOSE,
)
TAG = re.compile(r"<(?:[\w.-]{1,40}:)?([A-Za-z_][\w.-]{0,40})[\s/>]")
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")  # no XML may hold these


def is_alert(start: str, source: Source) -> bool:
    """Whether a text that starts so is a CAP alert, several of them, or an envelope (EDXL) of them."""
    root = root_name(start).lower()
    if not root or root in PAGES:
        return False
    named = "emergency:cap" in start or "incident.com/cap" in start
    if root == "alert":
        return named or bool(re.search(r"<(?:\w{1,20}:)?identifier[\s>]", start))
    return named and bool(re.search(r"<(?:\w{1,20}:)?alert[\s>]", start))


def table_from_alert(text: str, encoding: str, source: Source, options: ReadOptions) -> Table:
    """One row an `<info>` block; blocks of one alert share their value in the column `alert`.

    Raises `InputError` if the file declares entities or a document type, is damaged, or holds no alert.
    """
    root = _tree(text, source)
    alerts = [element for element in root.iter() if local_name(element) == "alert"]
    rows = [row for alert in alerts for row in alert_rows(alert)]
    if not rows:
        raise InputError(
            f"“{source.name}” holds no alert.", "Check that the whole file was saved, and upload it again."
        )
    return Table(
        "cap", encoding, None, None, None, COLUMNS,
        [tuple(row[name] for name in COLUMNS) for row in rows], alert_warnings(rows), known=KNOWN,
    )  # fmt: skip


def alert_rows(alert: Element) -> list[Alert]:
    """What one `<alert>` says, once for each of its `<info>` blocks; cells by the names in `COLUMNS`."""
    common = {
        "date": _said(alert, "sent"),
        "status": _said(alert, "status"),
        "msgType": _said(alert, "msgType"),
        "alert": _said(alert, "identifier"),
    }
    infos = list(_children(alert, "info"))
    if not infos:  # a message about another alert (Cancel, Ack) may hold a note alone
        return [{**dict.fromkeys(COLUMNS, ""), **common, "id": common["alert"], "text": _said(alert, "note")}]
    rows = []
    numbered: Counter[str] = Counter()
    for info in infos:
        language = _said(info, "language")
        name = common["alert"]
        if len(infos) > 1:
            numbered[language] += 1
            name += f"#{language}" + (f"-{numbered[language]}" if numbered[language] > 1 else "")
        parts = (_said(info, part) for part in ("headline", "description", "instruction"))
        areas = (_said(area, "areaDesc") for area in _children(info, "area"))
        rows.append(
            {
                **common,
                "id": name,
                "title": _said(info, "event"),
                "text": "\n\n".join(dict.fromkeys(part for part in parts if part)),
                "place": "; ".join(dict.fromkeys(area for area in areas if area)),
                "language": language,
                "urgency": _said(info, "urgency"),
                "severity": _said(info, "severity"),
                "certainty": _said(info, "certainty"),
                "category": ", ".join(filter(None, map(_text, _children(info, "category")))),
            }
        )
    return rows


def alert_warnings(rows: list[Alert]) -> tuple[str, ...]:
    """What a reader should know of these rows: alerts in several languages, alerts that are none."""
    notes = []
    languages: dict[str, set[str]] = {}
    for row in rows:
        languages.setdefault(row["alert"], set()).add(row["language"])
    several = [len(found) for found in languages.values() if len(found) > 1]
    if len(several) == 1:
        notes.append(
            f"{several[0]} languages of one alert: each is a row, kept together by the column “alert”."
        )
    elif several:
        notes.append(
            f"{n_of(len(several), 'alert')} in several languages ({min(several)} to {max(several)} languages "
            "of one alert): each language is a row, kept together by the column “alert”."
        )
    statuses = Counter({row["alert"]: row["status"] for row in rows}.values())
    found = ", ".join(f"{status}: {statuses[status]:,}" for status in NO_ALARM if statuses[status])
    if found:
        count = sum(statuses[status] for status in NO_ALARM)
        notes.append(
            f"{n_of(count, 'alert')} {'is' if count == 1 else 'are'} no real alarm ({found}): kept; the "
            "column “status” tells them."
        )
    return tuple(notes)


def root_name(start: str) -> str:
    """The name of the outermost XML tag, without its prefix; "" if the text does not start as XML."""
    found = PROLOG.match(start)
    tag = TAG.match(start, found.end()) if found else None
    return tag[1] if tag else ""


def xml_bytes(text: str) -> bytes:
    """Decoded XML as UTF-8, without a declaration that may name the encoding it had before."""
    text = UNFIT.sub("\ufffd", text.lstrip("\ufeff \t\r\n"))
    return DECLARATION.sub("", text, count=1).encode() if text.startswith("<?xml") else text.encode()


def safe_tree(data: bytes, source: Source) -> Element:
    """The parsed XML. Raises `InputError` if it declares entities or a document type, else `ParseError`."""
    from defusedxml import ElementTree
    from defusedxml.common import DefusedXmlException

    try:
        return ElementTree.fromstring(data, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as error:
        raise declares_entities(source) from error


def declares_entities(source: Source) -> InputError:
    """The refusal of a file whose declarations could make it grow without end or read other files."""
    return InputError(
        f"“{source.name}” declares entities of its own, by which a file can fill the memory or read "
        "other files: it was refused for safety.",
        "Take out its <!DOCTYPE …> part in a text editor, or ask the sender for a copy without it.",
    )


def local_name(element: Element) -> str:
    """The name of a tag without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _tree(text: str, source: Source) -> Element:
    try:
        return safe_tree(xml_bytes(text), source)
    except ParseError as error:
        alone = re.findall(r"<(?:\w{1,20}:)?alert[\s>]", text)
        damaged = InputError(
            f"“{source.name}” is an alert, but its XML is damaged (near line {error.position[0]:,}).",
            "Fetch or save it again: it may have been cut off.",
        )
        if len(alone) < 2 or root_name(text).lower() != "alert":
            raise damaged from error
    # Several alerts, one after the other, have no common root: give them one.
    joined = re.sub(r"<\?xml\b[^>]{0,200}\?>", "", text.lstrip("\ufeff \t\r\n"))
    try:
        return safe_tree(xml_bytes(f"<alerts>{joined}</alerts>"), source)
    except ParseError as error:
        raise damaged from error


def _children(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if local_name(child) == name)


def _said(element: Element, name: str) -> str:
    child = next(_children(element, name), None)
    return "" if child is None else _text(child)


def _text(element: Element) -> str:
    lines = (" ".join(line.split()) for line in "".join(element.itertext()).strip().split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
