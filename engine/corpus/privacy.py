"""Private details in a text: phone numbers, e-mails, accounts, exact places, numbers of documents.

They are found by their form and by the words before them, in digits of any script.
Does not: find names of people or street addresses (“14 Rue Capois”): that cannot be done reliably
without a model. So masking lowers the risk, it does not make a text anonymous. Dates, tolls, money,
magnitudes, web addresses and GLIDE numbers are left as they are.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable
from dataclasses import dataclass

from engine.corpus.patterns import HANDLE_MARK
from engine.corpus.private_forms import (
    ADDRESS,
    CODED,
    DIGIT,
    EMAIL,
    GLIDE,
    HANDLE,
    MAY_SPELL,
    SPELLED,
    TWINS,
    numbers,
    phones,
    places,
)
from engine.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of private detail: its name in plans, its title on the page, what is put in its place."""

    name: str
    title: str
    mask: str


KINDS: tuple[Kind, ...] = (
    Kind("phone", "Phone numbers", "(phone)"),
    Kind("email", "E-mail addresses", "(e-mail)"),
    Kind("handle", "Names of accounts", HANDLE_MARK),
    Kind("place", "Exact places (coordinates, map links)", "(place)"),
    Kind("number", "Numbers of passports, identity cards, cases and bank accounts", "(number)"),
)
ALL: tuple[str, ...] = tuple(kind.name for kind in KINDS)
_MASKS = {kind.name: kind.mask for kind in KINDS}
SHOWN, AROUND = 200, 60  # letters of an example; letters before and after the detail in it


@dataclass(frozen=True, slots=True)
class Private:
    """One detail: its kind, and where it stands in the text."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class KindReport:
    """How often a kind was found, in how many documents, and up to three examples (before, after)."""

    name: str
    title: str
    documents: int
    details: int
    examples: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PrivacyReport:
    """`documents` read, those `with_details`, and one entry for each kind that was asked for."""

    documents: int
    with_details: int
    kinds: tuple[KindReport, ...]


def find(text: str, region: str | None = None) -> tuple[Private, ...]:
    """The private details of a text, in order, none overlapping another.

    `region` (two letters, such as “HT”): also take the phone numbers of that country that are written
    without its code.
    """
    digits = len(DIGIT.findall(text))
    at = "@" in text or "＠" in text
    spelled = MAY_SPELL.search(text) is not None
    if not (at or spelled or digits >= 4 or (digits and "+" in text) or "goo.gl/" in text):
        return ()
    flat = text if text.isascii() else text.translate(TWINS)
    links = [match.span() for match in ADDRESS.finditer(flat)] if "." in flat else []
    found = _Found()
    found.take("place", places(flat, links))
    if at:
        found.take("email", (match.span() for match in EMAIL.finditer(flat)))
    if spelled:
        found.take("email", (match.span() for match in SPELLED.finditer(flat)))
    if digits >= 4 and (digits >= 7 or CODED.search(flat)):
        closed = sorted(links + [match.span() for match in GLIDE.finditer(flat)])
        found.take("number", numbers(flat, closed))
        if digits >= 7:
            found.take("phone", phones(flat, region, closed))
    if at:
        found.take("handle", (m.span() for m in HANDLE.finditer(flat) if m[0].lower() != HANDLE_MARK))
    return tuple(found.details)


class _Found:
    """Details in order; what overlaps an earlier one is not taken."""

    def __init__(self) -> None:
        self.details: list[Private] = []

    def take(self, kind: str, spans: Iterable[tuple[int, int]]) -> None:
        for start, end in spans:
            i = bisect(self.details, start, key=lambda detail: detail.start)
            before = self.details[i - 1].end if i else 0
            after = self.details[i].start if i < len(self.details) else end
            if before <= start and end <= after:
                self.details.insert(i, Private(kind, start, end))


def mask(text: str, kinds: Iterable[str] = ALL, region: str | None = None) -> str:
    """The text with every private detail of these kinds replaced by the kind's mask.

    Raises `SettingsError` for an unknown kind.
    """
    wanted = _wanted(kinds)
    return _masked(text, (detail for detail in find(text, region) if detail.kind in wanted))


def _masked(text: str, details: Iterable[Private]) -> str:
    pieces, done = [], 0
    for detail in details:
        pieces += (text[done : detail.start], _MASKS[detail.kind])
        done = detail.end
    return "".join((*pieces, text[done:])) if pieces else text


def _wanted(kinds: Iterable[str]) -> frozenset[str]:
    wanted = frozenset(kinds)
    if unknown := sorted(wanted - set(ALL)):
        raise SettingsError(
            f"There is no kind of private detail “{unknown[0]}”.", f"The kinds are {', '.join(ALL)}."
        )
    return wanted


def survey(texts: Iterable[str], kinds: Iterable[str] = ALL, region: str | None = None) -> PrivacyReport:
    """What masking these kinds would change. Raises `SettingsError` for an unknown kind."""
    wanted = _wanted(kinds)
    read = touched = 0
    documents, details = dict.fromkeys(ALL, 0), dict.fromkeys(ALL, 0)
    examples: dict[str, dict[str, tuple[str, str]]] = {name: {} for name in ALL}
    for text in texts:
        read += 1
        found = tuple(detail for detail in find(text, region) if detail.kind in wanted)
        touched += bool(found)
        for name in {detail.kind for detail in found}:
            documents[name] += 1
        for detail in found:
            details[detail.kind] += 1
            shown = examples[detail.kind]
            if len(shown) < 3:
                shown.setdefault(text[detail.start : detail.end], _example(text, detail, found))
    return PrivacyReport(
        read,
        touched,
        tuple(
            KindReport(
                kind.name,
                kind.title,
                documents[kind.name],
                details[kind.name],
                tuple(examples[kind.name].values()),
            )
            for kind in KINDS
            if kind.name in wanted
        ),
    )


def _example(text: str, detail: Private, found: tuple[Private, ...]) -> tuple[str, str]:
    """The detail with a little around it, before and after; other details are never cut in two."""
    start, end = max(0, detail.start - AROUND), min(len(text), detail.end + AROUND)
    start = min([start, *(other.start for other in found if other.start < start < other.end)])
    end = max([end, *(other.end for other in found if other.start < end < other.end)])
    within = [
        Private(other.kind, other.start - start, other.end - start)
        for other in found
        if start <= other.start and other.end <= end
    ]
    lead, tail = "…" * (start > 0), "…" * (end < len(text))
    before, after = text[start:end], _masked(text[start:end], within)
    return tuple(lead + (cut[:SHOWN] + "…" if len(cut) > SHOWN else cut + tail) for cut in (before, after))
