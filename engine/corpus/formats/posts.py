"""Posts as X/Twitter writes them (v1.1, v2, twarc, its own archive): the full text, wherever it was put.

Does not: unescape HTML entities; that is a cleaning step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from engine.corpus.formats.jsonrecords import (
    Aside,
    Dialect,
    Item,
    Record,
    Remark,
    Stray,
    cell,
    inner,
    objects,
)

NOTICES = frozenset(
    ("delete", "limit", "scrub_geo", "status_withheld", "user_withheld", "disconnect", "warning")
    + ("friends", "friends_str", "control", "event")
)
# What each post of either version carries; a field beyond these was added by someone and is kept.
_STANDARD = """
    id id_str text full_text created_at lang place user extended_tweet retweeted_status quoted_status
    truncated display_text_range entities extended_entities source coordinates geo contributors
    is_quote_status quote_count reply_count retweet_count favorite_count favorited retweeted
    possibly_sensitive possibly_sensitive_appealable filter_level timestamp_ms metadata matching_rules
    in_reply_to_status_id in_reply_to_status_id_str in_reply_to_user_id in_reply_to_user_id_str
    in_reply_to_screen_name quoted_status_id quoted_status_id_str quoted_status_permalink scopes
    withheld_copyright withheld_in_countries withheld_scope current_user_retweet edit_info
    author author_id referenced_tweets conversation_id attachments context_annotations public_metrics
    non_public_metrics organic_metrics promoted_metrics reply_settings withheld note_tweet
    edit_history_tweet_ids edit_controls in_reply_to_user article __twarc
    """
STANDARD = frozenset(_STANDARD.split())
V2_ONLY = (
    "edit_history_tweet_ids",
    "referenced_tweets",
    "conversation_id",
    "public_metrics",
    "note_tweet",
    "author_id",
    "reply_settings",
)
PAGE_ONLY = ("includes", "matching_rules", "__twarc")
SHARED = re.compile(r"RT @(\w{1,40}):")
CUT = Remark("Cut short by the service, with no full text in the file", "post")


def is_posts(record: Record) -> bool:
    """Whether an object is a post, or a page of posts."""
    return _is_v1(_bare(record)) or _is_v2(record) or _is_page(record)


def posts_in(record: Record) -> Iterator[Item]:
    """The posts in an object: `id, text, created_at, lang, place, user, user_location, quoted`."""
    only_errors = "errors" in record and "text" not in record and not objects(record.get("data"))
    if only_errors or _is_page(record):
        yield from _page(record)
        return
    record = _bare(record)
    if _is_v1(record):
        yield from _v1(record)
    elif _is_v2(record):
        yield from _v2(record, {}, {}, {})
    elif "text" not in record and len(record) <= 2 and not NOTICES.isdisjoint(record):
        yield Aside("notice of the service")
    else:
        yield record


def _bare(record: Record) -> Record:
    """A post of the archive stands inside `tweet`."""
    only = record.get("tweet")
    return only if len(record) == 1 and isinstance(only, dict) else record


def _is_v1(record: Record) -> bool:
    if "created_at" not in record or not ("text" in record or "full_text" in record):
        return False
    return "id_str" in record or isinstance(inner(record, "user", "screen_name"), str)


def _is_v2(record: Record) -> bool:
    return (
        isinstance(record.get("id"), str)
        and isinstance(record.get("text"), str)
        and "id_str" not in record
        and any(key in record for key in V2_ONLY)
    )


def _is_page(record: Record) -> bool:
    posts = objects(record.get("data"))
    counted = inner(record, "meta", "result_count") is not None
    if not posts:
        return counted
    if not all(isinstance(post.get("id"), str) and isinstance(post.get("text"), str) for post in posts[:5]):
        return False
    return counted or any(map(_is_v2, posts)) or any(key in record for key in PAGE_ONLY)


def _v1(post: Record) -> Iterator[Item]:
    text = _full_text(post)
    shared = post.get("retweeted_status")
    if isinstance(shared, dict) and (whole := _full_text(shared)):
        text = _as_shared(inner(shared, "user", "screen_name"), whole, text)
    elif _ends_cut(text) and (post.get("truncated") is True or SHARED.match(text)):
        yield CUT
    quoted = inner(post, "quoted_status") or inner(shared, "quoted_status")
    yield _record(
        post,
        id=post.get("id_str") or post.get("id"),
        text=text,
        place=inner(post, "place", "full_name"),
        user=inner(post, "user", "screen_name"),
        user_location=inner(post, "user", "location"),
        quoted=_full_text(quoted) if isinstance(quoted, dict) else None,
    )


def _full_text(post: Record) -> str:
    return cell(inner(post, "extended_tweet", "full_text") or post.get("full_text") or post.get("text"))


def _page(page: Record) -> Iterator[Item]:
    users, shared, places = (
        {one["id"]: one for one in objects(inner(page, "includes", kind)) if isinstance(one.get("id"), str)}
        for kind in ("users", "tweets", "places")
    )
    failed = len(objects(page.get("errors")))
    if failed:
        yield Remark("Posts or people the service could not give, as it noted in the file", "error", failed)
    posts = page.get("data")
    for post in posts if isinstance(posts, list) else objects(posts):
        if isinstance(post, dict):
            yield from _v2(post, users, shared, places)
        else:
            yield Stray()


def _v2(
    post: Record, users: dict[str, Record], others: dict[str, Record], places: dict[str, Record]
) -> Iterator[Item]:
    text, quoted = _long_text(post), None
    pointers = objects(post.get("referenced_tweets"))
    original = next((_whole(one, others) for one in pointers if one.get("type") == "retweeted"), None)
    if original and original.get("text"):
        text = _as_shared(_author(original, users).get("username"), _long_text(original), text)
        pointers = [*pointers, *objects(original.get("referenced_tweets"))]
    elif original is not None and _ends_cut(text):
        yield CUT
    for one in pointers:
        if one.get("type") == "quoted":
            quoted = _long_text(_whole(one, others)) or quoted
    author = _author(post, users)
    place = _named(places, inner(post, "geo", "place_id"))
    yield _record(
        post,
        id=post.get("id"),
        text=text,
        place=inner(post, "geo", "full_name") or place.get("full_name"),
        user=author.get("username") or author.get("name"),
        user_location=author.get("location"),
        quoted=quoted,
    )


def _whole(pointer: Record, others: dict[str, Record]) -> Record:
    """The post that is pointed to: where it stands in full, else what the pointer itself holds."""
    return _named(others, pointer.get("id")) or pointer


def _named(known: dict[str, Record], key: Any) -> Record:  # noqa: ANN401 - any JSON value
    return known.get(key, {}) if isinstance(key, str) else {}


def _author(post: Record, users: dict[str, Record]) -> Record:
    author = post.get("author")
    return author if isinstance(author, dict) else _named(users, post.get("author_id"))


def _long_text(post: Record) -> str:
    return cell(inner(post, "note_tweet", "text") or post.get("text"))


def _as_shared(name: Any, whole: str, own: str) -> str:  # noqa: ANN401 - any JSON value
    """A shared post in full, with the name of its author where that is known."""
    shared = SHARED.match(own)
    author = name if isinstance(name, str) and name else shared[1] if shared else None
    return f"RT @{author}: {whole}" if author else whole


def _ends_cut(text: str) -> bool:
    return bool(re.search(r"(?:…|\.\.\.)(?:\s*https?://\S+)?\s*$", text[-200:]))


def _record(post: Record, **fields: Any) -> Record:  # noqa: ANN401 - any JSON value
    fields.update({key: post.get(key) for key in ("created_at", "lang")})
    added = {key: value for key, value in post.items() if key not in STANDARD}
    always = ("id", "text", "created_at")
    return {key: value for key, value in fields.items() if key in always or value} | added


POSTS = Dialect(
    "twitter",
    is_posts,
    posts_in,
    ("id", "text", "created_at", "lang", "place", "user", "user_location", "quoted"),
    {
        "id": ("id", "the number of the post"),
        "text": ("text", "the text of the post, in full where the file has it"),
        "created_at": ("date", "when the post was written"),
        "lang": ("language", "the language as X/Twitter takes it to be"),
        "place": ("place", "the place named with the post"),
    },
)
