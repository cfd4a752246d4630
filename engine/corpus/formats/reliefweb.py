"""Reports as ReliefWeb's API hands them out: title, body, date, countries, sources, disasters."""

from __future__ import annotations

from collections.abc import Iterator

from engine.corpus.formats.jsonrecords import Dialect, Item, Record, Stray, cell, inner, names, objects
from engine.corpus.formats.markup import text_of_html

OBJECTS = ("headline", "primary_country", "country", "source", "theme", "disaster", "date")
_TAKEN = """
    id title name body body-html description description-html date country primary_country source
    language disaster disaster_type theme format ocha_product vulnerable_groups headline url url_alias
    origin file image status feature
    """
TAKEN = frozenset(_TAKEN.split())


def is_reports(record: Record) -> bool:
    """Whether an object is a page of the API's answers, or one of its items."""
    if _is_item(record):
        return True
    items = objects(record.get("data"))[:20]
    named = "totalCount" in record or "reliefweb" in cell(record.get("href"))
    return (
        bool(items)
        and all(isinstance(item.get("fields"), dict) for item in items)
        and (named or any(map(_is_item, items)))
    )


def reports_in(record: Record) -> Iterator[Item]:
    """The reports: `id, title, text, date, country, source, ...`; text is empty where there is no body."""
    if _is_item(record):
        yield _record(record)
        return
    items = record.get("data")
    if not objects(items):
        yield record
        return
    for item in items if isinstance(items, list) else [items]:
        if isinstance(item, dict) and isinstance(item.get("fields"), dict):
            yield _record(item)
        else:
            yield Stray()


def _is_item(record: Record) -> bool:
    fields = record.get("fields")
    if not isinstance(fields, dict) or "id" not in record:
        return False
    if "reliefweb" in cell(record.get("href")):
        return True
    named = "body-html" in fields or any(objects(fields.get(key)) for key in OBJECTS)
    return named and ("title" in fields or "name" in fields)


def _record(item: Record) -> Record:
    fields = item["fields"]
    body = cell(fields.get("body")).strip() or cell(fields.get("description")).strip()
    marked_up = cell(fields.get("body-html")) or cell(fields.get("description-html"))
    date = fields.get("date")
    record = {
        "id": item.get("id") or fields.get("id"),
        "title": fields.get("title") or fields.get("name"),
        "text": body or text_of_html(marked_up) or cell(inner(fields, "headline", "summary")),
        "date": inner(date, "original") or inner(date, "created") or (date if isinstance(date, str) else ""),
        "country": names(fields.get("country")) or names(fields.get("primary_country")),
        "source": names(fields.get("source")),
        "language": names(fields.get("language")) or cell(_language_code(fields)),
        "disaster": names(fields.get("disaster")),
        "disaster_type": names(fields.get("disaster_type")) or names(_types(fields)),
        "theme": names(fields.get("theme")),
        "format": names(fields.get("format")),
        "url": fields.get("url") or fields.get("url_alias") or item.get("href"),
    }
    always = ("id", "title", "text", "date")
    kept = {key: value for key, value in record.items() if key in always or value}
    return kept | {key: value for key, value in fields.items() if key not in TAKEN}


def _types(fields: Record) -> list[Record]:
    return [kind for one in objects(fields.get("disaster")) for kind in objects(one.get("type"))]


def _language_code(fields: Record) -> str:
    """The code of the first language: requests may ask for it without its name."""
    return next((cell(one.get("code")) for one in objects(fields.get("language"))), "")


REPORTS = Dialect(
    "reliefweb",
    is_reports,
    reports_in,
    ("id", "title", "text", "date", "country", "source", "language", "disaster", "disaster_type"),
    {
        "id": ("id", "ReliefWeb's number of the report"),
        "title": ("title", "the title of the report"),
        "text": ("text", "the body of the report"),
        "date": ("date", "when the report was published"),
        "country": ("place", "the countries of the report"),
        "language": ("language", "the language of the report"),
    },
)
