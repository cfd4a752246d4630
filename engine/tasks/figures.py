"""Figures as people write them: “1,200”, “about 300”, “at least five”, “12-15”, “unknown”.

A range stays a range, unknown stays unknown, and nothing is guessed: two numbers that do not belong together
are not read as either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from text_to_num import alpha2digit

LANGUAGES = ("en", "es", "fr")  # number words are read in these


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, or the range it lies in: `low` to `high`, high None where there is no upper end.

    `approximate`: “about”, “some”, “hundreds”. `text` is how it was written.
    """

    low: float
    high: float | None
    approximate: bool
    text: str

    def words(self) -> str:
        """As a person would write it."""
        about = "about " if self.approximate else ""
        if self.high is None:
            return f"{about}at least {self.low:,g}"
        return f"{about}{self.low:,g}" if self.low == self.high else f"{about}{self.low:,g} to {self.high:,g}"


@dataclass(frozen=True, slots=True)
class Unknown:
    """The document does not say: never zero."""


@dataclass(frozen=True, slots=True)
class Unparsed:
    """What could not be read, why, and how it was written. Counted, never guessed."""

    reason: str
    text: str


UNKNOWN = Unknown()
NOT_SAID = frozenset((
    "", "null", "none", "none reported", "unknown", "not stated", "not mentioned", "not specified", "not "
                                                                                   "reported", "unspecified",
    "n/a", "na", "-", "?", "desconocido", "no se indica", "no consta", "sin datos", "inconnu", "non précisé",
    "non indiqué", "nd"))
_ZERO = re.compile(r"^(?:no|zero|nil|ning[uú]n[oa]?|cero|aucun[e]?|zéro|nadie|nobody|no one)(?:\s+\w+){0,2}$")
_SCALES = {"dozen": 12, "docenas": 12, "docena": 12, "douzaines": 12, "douzaine": 12, "k": 1_000,
           "thousand": 1_000, "mille": 1_000, "millions": 1_000_000, "million": 1_000_000,
           "millones": 1_000_000, "millón": 1_000_000, "mil": 1_000, "m": 1_000_000}
_MANY = {"dozens": (24, 99), "docenas": (24, 99), "dizaines": (20, 99), "tens": (20, 99), "decenas": (20, 99),
         "scores": (40, 199), "hundreds": (200, 999), "cientos": (200, 999), "centenares": (200, 999),
         "centaines": (200, 999), "thousands": (2_000, 9_999), "miles": (2_000, 9_999),
         "milliers": (2_000, 9_999), "several": (3, 9), "varios": (3, 9), "plusieurs": (3, 9), "few": (3, 9)}
_AT_MOST = re.compile(r"\b(?:up to|at most|no more than|fewer than|less than|under|hasta|como máximo|menos "
                      r"de|"
                      r"jusqu['’]à|au plus|moins de)\b")
_AT_LEAST = re.compile(r"\b(?:at least|more than|over|above|no fewer than|no less than|al menos|más de|"
                       r"por lo menos|au moins|plus de)\b|^>=?|\+$")
_ABOUT = re.compile(r"\b(?:about|around|some|nearly|almost|approximately|roughly|an "
                    r"estimated|estimated|unos|unas|"
                    r"cerca de|alrededor de|aproximadamente|casi|environ|près de|quelque|presque)\b|^~")
_NUMBER = re.compile(r"\d{1,3}(?:[ \u00a0\u202f,.’']\d{3})+(?![\d])|\d+(?:[.,]\d+)?")
_RANGE = re.compile(r"\d\s*(?:-|–|—|to|a|à|or|o|ou)\s*\d")
_BETWEEN = re.compile(r"\b(?:between|entre)\b")


def read_figure(value: object) -> Figure | Unknown | Unparsed:
    """A figure from a number or from words in English, Spanish or French.

    A separator followed by exactly three digits groups thousands (“1.200” is 1,200); followed by one or two
    it is decimal. “no injured” is 0; “none” and “unknown” are not said.
    """
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return Unparsed("it is yes or no, not a number", str(value))
    if isinstance(value, int | float):
        return _number(float(value), str(value))
    if not isinstance(value, str):
        return Unparsed("it is not a number", str(value)[:80])
    text = " ".join(value.split())
    low = text.casefold().strip(" .;:()\"'")
    low = re.sub(r"\b(?:several|a few|many)\s+(dozen|hundred|thousand)\b", r"\1s", low)
    if low in NOT_SAID:
        return UNKNOWN
    if _ZERO.match(low):
        return Figure(0, 0, False, text)
    if low.startswith(("-", "−")) and low[1:2].isdigit():
        return Unparsed("it is below zero", text)
    about = bool(_ABOUT.search(low))
    digits = _as_digits(_ABOUT.sub(" ", low))
    numbers = [_digits(number) for number in _NUMBER.findall(digits)]
    many = [_MANY[word] for word in re.findall(r"[^\W\d]+", low) if word in _MANY]
    if many and not re.search(r"\d", low):
        return Figure(many[0][0], many[0][1], True, text)
    if len(numbers) == 2 and (_BETWEEN.search(low) or _RANGE.search(digits)):
        return Figure(min(numbers), max(numbers), about, text)
    if len(numbers) == 1:
        if _AT_MOST.search(low):
            return Figure(0, numbers[0], about, text)
        if _AT_LEAST.search(low):
            return Figure(numbers[0], None, about, text)
        return Figure(numbers[0], numbers[0], about, text)
    return Unparsed("several numbers, and it is not clear which" if numbers else "there is no number in "
                                                                                 "it", text)


def _number(value: float, text: str) -> Figure | Unparsed:
    if value != value or value in (float("inf"), float("-inf")):
        return Unparsed("it is not a number", text)
    return Figure(value, value, False, text) if value >= 0 else Unparsed("it is below zero", text)


def _as_digits(low: str) -> str:
    """A text with number words as digits, and “2 million” or “two dozen” as one number."""
    low = re.sub(r"\b(?:an?|une?|una)\b(?=\s+(?:dozen|docena|douzaine|million|thousand))", "1", low)
    low = re.sub(r"\b(?:couple|pair)\b", "2", low)
    scaled = rf"({_NUMBER.pattern})\s*({'|'.join(_SCALES)})\b"

    def times(found: re.Match[str]) -> str:
        return f"{_digits(found[1]) * _SCALES[found[2]]:.0f}"
    low = re.sub(scaled, times, low)
    for language in LANGUAGES:
        low = alpha2digit(low, language, threshold=0)
    return re.sub(scaled, times, low)


def _digits(token: str) -> float:
    grouped = re.fullmatch(r"\d{1,3}(?:[ \u00a0\u202f,.’']\d{3})+", token)
    return float(re.sub(r"\D", "", token)) if grouped else float(token.replace(",", "."))
