"""Telegram's own export (result.json): one chat or a whole account, text in runs, service messages apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.corpus.formats.jsonrecords import Aside, Dialect, Item, Record, Stray, cell, inner, objects

# About pictures, files and buttons; a field beyond these (and those named below) is kept as it is.
_ATTACHED = """
    text_entities date_unixtime edited edited_unixtime from_id actor actor_id forwarded_from_id via_bot type
    author photo photo_file_size file file_name file_size thumbnail thumbnail_file_size media_type
    mime_type width height duration_seconds sticker_emoji performer title reactions poll media_spoiler
    inline_bot_buttons contact_information contact_vcard location_information
    live_location_period_seconds self_destruct_period_seconds saved_from reply_to_peer_id
    game_title game_description game_link invoice_information
    """
ATTACHED = frozenset(_ATTACHED.split())
KINDS = ("message", "service", "unsupported")


def is_chats(record: Record) -> bool:
    """Whether an object is a chat with its messages, or an account with its chats."""
    return any(
        message.get("type") in KINDS
        and "date" in message
        and ("text" in message or "text_entities" in message)
        for _, chat in _chats(record)
        for message in objects(chat.get("messages"))[:20]
    )


def messages_in(record: Record) -> Iterator[Item]:
    """The messages: `id, chat, date, from, forwarded_from, text, latitude, longitude` and other fields."""
    found = list(_chats(record))
    if not found:
        yield record
    for several, chat in found:
        for message in _list(chat.get("messages")):
            if not isinstance(message, dict):
                yield Stray()
            elif message.get("type") == "service":
                yield Aside("service message")
            else:
                yield _record(message, chat, several)


def _chats(record: Record) -> Iterator[tuple[bool, Record]]:
    """Each chat, and whether it is one of an account's."""
    if isinstance(record.get("messages"), list):
        yield False, record
    for part in ("chats", "left_chats"):
        for chat in objects(inner(record, part, "list")):
            yield True, chat


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, list) else []


def _record(message: Record, chat: Record, several: bool) -> Record:
    number = cell(message.get("id"))
    text = cell(message.get("text")) or _in_runs(message.get("text_entities"))
    record = {
        # Numbers are counted anew in each chat.
        "id": f"{cell(chat.get('id'))}/{number}" if several and number else number,
        "chat": cell(chat.get("name")) or ("Saved Messages" if chat.get("type") == "saved_messages" else ""),
        "date": message.get("date"),
        "from": message.get("from"),
        "text": text or cell(inner(message, "poll", "question")),
    }
    if place := message.get("location_information"):
        record |= {"latitude": inner(place, "latitude"), "longitude": inner(place, "longitude")}
    return record | {
        key: value for key, value in message.items() if key not in ATTACHED and key not in record
    }


def _in_runs(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return "".join(cell(run.get("text")) if isinstance(run, dict) else cell(run) for run in _list(value))


CHATS = Dialect(
    "telegram",
    is_chats,
    messages_in,
    ("id", "chat", "date", "from", "forwarded_from", "text"),
    {
        "id": ("id", "the number of the message"),
        "date": ("date", "when the message was sent"),
        "text": ("text", "the text of the message"),
    },
)
