"""Posts as X/Twitter's older interface wrote them (v1.1): the full text, wherever it was put."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]


def plain_post(record: Record) -> Record:
    """`id, text, created_at, lang, place, user` of such a post; any other record unchanged.

    Long posts keep their text in `extended_tweet.full_text`, and a shared post is cut short unless
    it is read from `retweeted_status`.
    """
    if (
        "id_str" not in record
        or "created_at" not in record
        or not ("text" in record or "full_text" in record)
    ):
        return record
    shared = record.get("retweeted_status")
    text = _full_text(record)
    if isinstance(shared, dict) and (whole := _full_text(shared)):
        text = f"RT @{_inner(shared, 'user', 'screen_name') or 'user'}: {whole}"
    return {
        "id": record["id_str"],
        "text": text,
        "created_at": record["created_at"],
        "lang": record.get("lang"),
        "place": _inner(record, "place", "full_name"),
        "user": _inner(record, "user", "screen_name"),
    }


def _full_text(record: Record) -> Any:  # noqa: ANN401 - any JSON value
    return (
        _inner(record, "extended_tweet", "full_text")
        or record.get("full_text")
        or record.get("text")
    )


def _inner(record: Record, outer: str, key: str) -> Any:  # noqa: ANN401 - any JSON value
    inside = record.get(outer)
    return inside.get(key) if isinstance(inside, dict) else None
