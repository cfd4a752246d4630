"""The values in a JSON text: one whole, one a line, one after the other; broken stretches are stepped over.

Large files of one object a line are read anew at each pass and never held.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from engine.corpus.decoding import Text
from engine.corpus.formats.jsonrecords import Number

STREAMED = 32_000_000  # bytes above which a file is read anew at each pass
GIVE_UP = 1_000  # broken stretches at the start of a text after which it is not JSON
BROKEN_ITEM = 100_000  # characters in which the end of a broken item is looked for
LOOKED_AT = 60  # pieces of a large file that tell how it is laid out
BROKEN = object()
"""Stands for a stretch of the text that is not JSON."""

_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=lambda _: None, strict=False)
_BETWEEN = re.compile(r"[\s,;\x1e\x00\ufeff]*")
_ARCHIVE = re.compile(r"\s*window\.YTD\.[\w.]+\s*=\s*(?=[\[{])")  # the first line of X's own archive
# Two objects with no comma between them, or one at the start of a line: never inside another object.
_NEXT = re.compile(r"\}\s*(?=\{)|[\r\n]\x1e?(?=[{\[])")
_OBJECT = re.compile(r'\{\s*"(?:[^"\\]++|\\.)*+"\s*:')
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\]]')
_FOLLOWED = re.compile(r"\s*[,\]]")
_LIST_IN_OBJECT = re.compile(r'"((?:[^"\\]|\\.){1,100})"\s*:\s*\[\s*(?=\{)')


@dataclass(frozen=True, slots=True)
class Values:
    """What a text holds. `again` goes through its values (or `BROKEN`), anew at each call.

    `one`: the text is a single object, not a list or a row of objects. `streamed`: it is large.
    """

    format: str
    again: Callable[[], Iterator[Any]]
    one: bool = False
    streamed: bool = False
    warnings: tuple[str, ...] = ()


def looks_like_json(text: str) -> bool:
    """Whether `text`, the start of a file or all of it, is JSON: whole, in lines or in a row."""
    text = _bare(text[:2_000_000]).lstrip("\x1e\ufeff\0 \t\r\n")
    if text[:1] not in ("{", "["):
        return False
    if _OBJECT.match(text.lstrip("[ \t\r\n")):
        return True
    lines = [line for line in text.split("\n", LOOKED_AT)[:LOOKED_AT] if line.strip()]
    if sum(isinstance(parsed(line), dict) for line in lines) > 0.5 * len(lines):
        return True
    value, end = _decoded(text, 0)
    if value is BROKEN:  # the start of one long list of texts or of rows
        return bool(re.match(r'\[\s*(?:\[\s*)*"(?:[^"\\]++|\\.)*+"\s*[,\]]', text))
    following = text[_BETWEEN.match(text, end).end() :]  # type: ignore[union-attr]
    return not following or following[0] in "[{" and _decoded(following, 0)[0] is not BROKEN


def parsed(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """One JSON value, its numbers as written; or `BROKEN`."""
    try:
        return _DECODER.decode(text.strip("\x1e\ufeff\0 \t\r\n"))
    except (ValueError, RecursionError):
        return BROKEN


def _bare(text: str) -> str:
    archive = _ARCHIVE.match(text)
    return text[archive.end() :] if archive else text


def values_of(text: Text) -> Values:
    """How the values in `text` are laid out, and the way to go through them."""
    large = text.size > STREAMED
    if large:
        laid_out = _by_lines(text)
        if laid_out is not None:
            return laid_out
    whole = _bare(text.text)
    starts = whole.lstrip("\x1e\ufeff\0 \t\r\n")[:1]
    if large and starts == "[":
        return Values("json", lambda: _values([whole], in_list=True), streamed=True)
    value = parsed(whole)
    if isinstance(value, list):
        return Values("json", lambda: iter(value), streamed=large)
    if value is not BROKEN:
        return Values("json", lambda: iter((value,)), one=True, streamed=large)
    start = _BETWEEN.match(whole).end()  # type: ignore[union-attr]
    in_list = starts == "[" and _decoded(whole, start)[0] is BROKEN
    found = list(_values([whole], in_list))
    if starts == "{" and all(value is BROKEN for value in found):
        return _cut_off(whole) or Values("json", lambda: iter(found))
    return Values("json" if in_list else "jsonl", lambda: iter(found), streamed=large)


def _by_lines(text: Text) -> Values | None:
    """A large file in which every object starts a line; None if it is laid out otherwise."""
    pieces = list(islice(_pieces(text.lines()), LOOKED_AT))
    in_list = pieces[0].strip() == "[" if pieces else False
    looked_at = pieces[1:] if in_list else pieces
    good = commas = 0
    for piece in looked_at:
        value, end = _decoded(piece.lstrip("\x1e\ufeff"), 0)
        following = piece.lstrip("\x1e\ufeff")[end:].strip()
        if isinstance(value, dict | list) and following in ("", ",", "]"):
            good, commas = good + 1, commas + (following != "")
    if len(looked_at) < 2 or good <= 0.5 * len(looked_at) or bool(commas) > in_list:
        return None
    return Values(
        "json" if in_list else "jsonl",
        lambda: _values(_pieces(text.lines()), in_list),
        streamed=True,
    )


def _pieces(lines: Iterable[str]) -> Iterator[str]:
    """Lines put together so that each piece starts with an object or a list at the start of a line."""
    held: list[str] = []
    for line in lines:
        if held and line.lstrip("\x1e")[:1] in ("{", "["):
            yield "".join(held)
            held = []
        held.append(line)
    if held:
        yield "".join(held)


def _decoded(text: str, at: int) -> tuple[Any, int]:
    """The value that starts at `at`, and where it ends; or `BROKEN` and `at`."""
    try:
        return _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return BROKEN, at


def _values(pieces: Iterable[str], in_list: bool = False) -> Iterator[Any]:
    """The values one after the other. `in_list`: they are the items of a list that stays open."""
    may_open, good, broken = in_list, False, 0
    resume = _NEXT
    for text in pieces:
        at = 0
        while (at := _BETWEEN.match(text, at).end()) < len(text):  # type: ignore[union-attr]
            if in_list and text[at] == "]":
                at, may_open = at + 1, True
                continue
            if may_open and text[at] == "[":
                at, may_open = at + 1, False
                continue
            value, end = _decoded(text, at)
            yield value
            if value is not BROKEN:
                good = True
                if in_list and resume is _NEXT and isinstance(value, dict):
                    resume = _resumes_like(text, at)
                at = end
                continue
            broken += 1
            if broken >= GIVE_UP and not good:
                return
            if at > max(BROKEN_ITEM, len(text) // 256):  # each error counts the lines before it
                text, at = text[at:], 0
            closed = _balanced(text, at) if in_list else None
            following = None if closed else resume.search(text, at)
            at = closed or (following.end() if following else len(text))


def _balanced(text: str, at: int) -> int | None:
    """Where a broken item of a list ends, if its brackets match and the next item follows; or None."""
    depth = 0
    for token in _TOKEN.finditer(text, at, at + BROKEN_ITEM):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        if depth <= 0:
            closed = depth == 0 and token[0] in ("}", "]") and _FOLLOWED.match(text, token.end())
            return token.end() if closed else None
    return None


def _resumes_like(text: str, at: int) -> re.Pattern[str]:
    """Where the items of a list start, judged by one of them: its indent, else its first key."""
    line = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    if line and not text[line:at].strip():
        return re.compile(r"[\r\n]" + re.escape(text[line:at]) + r"(?=\{)")
    key = _OBJECT.match(text, at)
    first = r"\s*".join(map(re.escape, key[0].split())) if key else "{"
    return re.compile(r",\s*(?=" + first + ")")


def _cut_off(whole: str) -> Values | None:
    """The first list of objects in an object that is broken further down; None if there is none."""
    for opening in islice(_LIST_IN_OBJECT.finditer(whole), LOOKED_AT):
        items: list[Any] = []
        at = opening.end()
        while whole[at : at + 1] == "{":
            value, at = _decoded(whole, at)
            if value is BROKEN:
                break
            items.append(value)
            at = _BETWEEN.match(whole, at).end()  # type: ignore[union-attr]
        if items:
            note = (
                "The file is broken or was cut off; what could be read is the start of the list "
                f"“{opening[1]}”."
            )
            found = ({opening[1]: items}, BROKEN)
            return Values("json", found.__iter__, one=True, warnings=(note,))
    return None
