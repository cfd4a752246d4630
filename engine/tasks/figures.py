"""Figures as people write them: “1,200”, “about 300”, “at least five”, “12-15”, “unknown”.

A range stays a range, unknown stays unknown, and nothing is guessed: two numbers that do not belong together
are not read as either, and no more is a share, a date, an age or a place in an order.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from engine.tasks.number_words import read_spoken

LARGEST = 1e12  # beyond that a model is repeating digits


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
            return f"{about}at least {_plain(self.low)}"
        low = f"{about}{_plain(self.low)}"
        return low if self.low == self.high else f"{low} to {_plain(self.high)}"


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
    "", "null", "none", "no", "none reported", "none mentioned", "none stated", "none given", "unknown",
    "not stated", "not mentioned", "not specified", "not reported", "not given", "not available", "not known",
    "not provided", "not applicable", "unspecified", "unclear", "n/a", "na", "nan", "-", "–", "—", "?",
    "desconocido", "desconocida", "se desconoce", "no se indica", "no se menciona", "no se especifica",
    "no indicado", "no especificado", "no mencionado", "no consta", "no aplica", "ninguno", "ninguna", "s/d",
    "inconnu", "inconnue", "non précisé", "non précisée", "non indiqué", "non mentionné", "non spécifié",
    "non communiqué", "sans objet", "aucun", "aucune", "nd", "n.d", "n/d"))
_NO_WORD = re.compile(r"(?:there (?:is|are) |il n'y a )?(?:no|sin|no hay|aucune?|pas d'|pas de) ?(?:\w+ )?"
                      r"(?:data|information|info|details?|figures?|mention|datos|información|informacion|"
                      r"cifras|informations?|données?|chiffres?)(?: \w+)?")
_HARM = (r"(?:dead|deaths?|killed|fatalit(?:y|ies)|casualt(?:y|ies)|injur(?:ed|y|ies)|wounded|hurt|victims?|"
         r"missing|displaced|evacuated|trapped|persons?|people|houses?|homes?|buildings?|schools?|hospitals?|damage|"
         r"muert[oe]s?|fallecid[oa]s|herid[oa]s?|víctimas?|desaparecid[oa]s?|desplazad[oa]s?|personas?|casas?|"
         r"viviendas?|escuelas?|hospitales|daños|morts?|décès|blessée?s?|victimes?|disparue?s?|"
         r"déplacée?s?|personnes?|maisons?|écoles?|hôpitaux|dégâts)")
# “No injured” says zero of something. “No” and “none” alone do not: models write them for “not stated” just
# as often, and a gap in a table of the dead does less harm than an invented zero. Nor do “no new deaths”, “no
# confirmed deaths”: they say nothing of those before or those feared.
_ZERO = re.compile(
    rf"(?:there (?:were|are|was) |no hay |no hubo |hay )?(?:no|zero|nil|sin|ning[uú]n[oa]?|cero|aucune?|zéro|"
    rf"pas de|none|0)(?: (?:people|persons?|personas))? {_HARM}(?: (?:were|was|have been))?"
    rf"(?: (?:reported|recorded|confirmed|reportad[oa]s|registrad[oa]s|signalée?s?))?"
    r"|(?:nobody|no one|no-one|nadie|personne)(?: (?:was|is|has been|died|\w+ed|hurt|dead|missing)){0,2}"
    r"|zero|nil|cero|zéro")

_PHRASES = (  # the longest first; a mark in upper case stands for each from here on
    ("MOST", r"(?:no|not) (?:more|higher) than|not over|not above|no más de|pas plus de|up to|"
             r"at (?:the )?most|a maximum of|maximum of|hasta(?: un máximo de)?|como máximo|a lo sumo|"
             r"jusqu'[àa]|tout au plus|au plus|au maximum"),
    ("LEAST", r"(?:no|not) (?:fewer|less|lower) than|no menos de|pas moins de|at (?:the )?least|a minimum of|"
              r"minimum of|al menos|por lo menos|como mínimo|au moins|au minimum|upwards of"),
    ("ANDMORE", r"or more|and more|or above|and above|o más|y más|ou plus|et plus"),
    ("ANDLESS", r"or (?:less|fewer)|o menos|ou moins"),
    ("UNDER", r"fewer than|less than|under|below|menos de|moins de|<=|<(?!=)|≤"),
    ("OVER", r"more than|over|above|más de|plus de|>=|>(?!=)|≥"),
    ("ABOUT", r"an estimated|estimated|approximately|approx\.?|about|around|roughly|nearly|almost|some|circa|"
              r"ca\.|c\.|est\.|unos|unas|cerca de|alrededor de|aproximadamente|casi|environ|près de|quelque|"
              r"presque|autour de|à peu près|~"),
    ("BETWEEN", r"between|entre"))
_MARK = re.compile("|".join(rf"(?P<{mark}>(?<![\w'-])(?:{what})(?![\w'-])|(?<![\w'-])(?:{what})(?=\s*\d)"
                            rf"|(?<=\d)(?:{what})(?!\S))" for mark, what in _PHRASES))
_JOIN = frozenset(("and", "y", "et", "e", "&", "plus", "but", "pero", "mais"))
_TO = frozenset(("to", "a", "à", "or", "o", "u", "ou", "–"))
_NOT = frozenset(("not", "never", "without", "nunca", "pas", "minus", "isn't", "wasn't", "weren't"))
_SHARE = frozenset(("%", "percent", "per", "pct", "ciento", "half", "quarter", "third", "thirds", "quarters",
                    "double", "twice", "mitad", "medio", "media", "tercio", "tercios", "moitié", "demi",
                    "tiers"))
_GROUPED = re.compile(r"([1-9]\d{0,2})([,.' ])\d{3}(?:\2\d{3})*(?:(?!\2)[.,]\d{1,2})?")
_DIGITS = re.compile(r"\d+(?:[.,]\d{1,2})?|0[.,]\d+")

_NO_COUNT = "the digits in it are not a plain count: a date, an age, an order, a code"

_Item = str | Figure  # of a text: a mark, a word, or a number that was read


def read_figure(value: object) -> Figure | Unknown | Unparsed:
    """A figure from a number, or from words in English, Spanish or French.

    A mark followed by three digits groups thousands (“1.200” and “1 200” are 1,200); followed by one or two
    it is decimal (“1,5”). “Up to 20” is 0 to 20, “more than 50” has no upper end, “hundreds” is 200 to 999.
    “No injured” is zero; “none” alone is not said. Never raises.
    """
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return Unparsed("it is yes or no, not a number", str(value))
    if isinstance(value, int | float):
        return _of_number(value)
    if not isinstance(value, str):
        return Unparsed("it is not a number", repr(value)[:80])
    text = " ".join(value.split())[:300]
    low = text.casefold().replace("’", "'").replace("−", "-").strip(" .;:()\"'«»“”*")
    if low in NOT_SAID or _NO_WORD.fullmatch(low):
        return UNKNOWN
    if _ZERO.fullmatch(low):
        return Figure(0, 0, False, text)
    if re.match(r"(?:-|minus|menos|moins) ?\d", low):
        return Unparsed("it is below zero", text)
    items = _items(low, text)
    if isinstance(items, Unparsed):
        return items
    return _judge(_ranges(items, text), text)


def numbers_in(text: str) -> frozenset[float]:
    """Every number that stands in a text, in digits or words; both ends of ranges."""
    found: set[float] = set()
    for clause in re.split(r"(?<=[.!?;:])\s+|\n+", text):
        low = " ".join(clause.split()).casefold().replace("’", "'").replace("−", "-")
        items = _items(low, clause)
        if isinstance(items, Unparsed):  # a time or a road's number beside a count: read what is around it
            items = _items(" ".join(token for token in low.split() if not re.search(r"\d", token)), clause)
        figures = [] if isinstance(items, Unparsed) else [
            item for item in (*items, *_ranges(items, clause)) if isinstance(item, Figure)]
        found |= {end for figure in figures for end in (figure.low, figure.high) if end is not None}
        # Digits beside a date or an age make the clause no count; the digits stand there all the same.
        found |= {number for token in re.findall(r"\d[\d,.]*", low)
                  if (number := _digits(token.strip(",."))) is not None}
    return frozenset(found)


def _of_number(value: float) -> Figure | Unparsed:
    if isinstance(value, float) and not math.isfinite(value):
        return Unparsed("it is not a number", str(value))
    text = str(value) if -LARGEST <= value <= LARGEST else "a very long number"
    if value < 0:
        return Unparsed("it is below zero", text)
    if value > LARGEST:
        return Unparsed("it is too large to be a count", text)
    return Figure(float(value), float(value), False, text)


def _items(low: str, text: str) -> list[_Item] | Unparsed:
    """Marks, words and numbers of a text, in order; Unparsed where digits are not a count."""
    low = re.sub(r"(?<![\d.,'\w])([1-9]\d{0,2}(?: \d{3})+)(?![\d\w])", lambda m: m[1].replace(" ", ""), low)
    low = re.sub(r"\bd'(?=\w)", "de ", low)
    low = re.sub(r"(?<=\d)(k?) ?[-–—] ?(?=\d)", r"\1 – ", low)
    low = re.sub(r"(?<=\d)\+(?!\S)", " ANDMORE ", low)
    low = _MARK.sub(lambda found: f" {found.lastgroup} ", low)
    low = re.sub(r"(?<=\d)%", " %", low)
    raw: list[str | float] = []
    for token in low.split():
        bare = token.strip(",.;:()[]\"«»“”!?*")
        if re.search(r"\d", bare):
            number = _digits(re.sub(r"^(?:us|usd)?[$€£+]|k$", "", bare))
            if number is None:
                return Unparsed(_NO_COUNT, text)
            raw.append(number)
            if bare.endswith("k"):
                raw.append("k")
        elif bare:
            parts = bare.split("-")
            raw += parts if all(read_spoken([part]) for part in parts) else [bare]
        if token[-1:] in ",.;:)!?" and bare:
            raw.append("|")
    words: list[str | float] = ["" if word == "un" and re.search(r"\bUN\b", text) else word for word in raw]
    items: list[_Item] = []
    i = 0
    while i < len(words):
        word = words[i]
        spoken = read_spoken(words[i:])
        if spoken and not (word == "" or word in _TO and spoken.taken == 1):
            scale = str(spoken.scale)  # kept in the place of the text, which is known only at the end
            items.append(Figure(spoken.low, spoken.high, spoken.round, scale))
            i += spoken.taken
        else:
            items.append(str(word))
            i += 1
    return items


def _digits(token: str) -> float | None:
    if grouped := _GROUPED.fullmatch(token):
        decimal = re.search(rf"(?!{re.escape(grouped[2])})[.,](\d{{1,2}})$", token)
        whole = re.sub(r"\D", "", token[:decimal.start()] if decimal else token)
        return float(f"{whole}.{decimal[1]}" if decimal else whole)
    return float(token.replace(",", ".")) if _DIGITS.fullmatch(token) else None


def _ranges(items: list[_Item], text: str) -> list[_Item]:
    """The same with “12 – 15”, “between 10 and 20”, “at least 5 and at most 9” as one figure each."""
    made: list[_Item] = []
    i = 0
    while i < len(items):
        here = items[i:i + 6]
        match here:
            case ["BETWEEN", Figure() as a, str() as word, Figure() as b, *_] if word in _JOIN | _TO:
                step, made_of = 4, _span(a, b)
            case [Figure() as a, str() as word, Figure() as b, *_] if word in _TO:
                step, made_of = 3, _span(a, b)
            case ["LEAST" | "OVER", Figure() as a, str() as word, "MOST" | "UNDER", Figure() as b,
                  *_] if word in _JOIN:
                step, made_of = 5, _span(a, b)
            case [Figure() as a, Figure() as b, *_] if (a.low, a.high) == (b.low, b.high):
                step, made_of = 2, a  # “five (5)”
            case _:
                step, made_of = 1, items[i]
        made.append(made_of)
        i += step
    return made


def _span(a: Figure, b: Figure) -> Figure:
    """From one to the other; “10 to 20 thousand” scales both."""
    scale = float(b.text)
    times = scale if float(a.text) == 1 and scale > 1 and a.low <= (b.high or 0) / scale else 1
    return Figure(a.low * times, b.high, a.approximate or b.approximate, "span")


def _judge(items: list[_Item], text: str) -> Figure | Unparsed:
    numbers = [item for item in items if isinstance(item, Figure)]
    words = {item for item in items if isinstance(item, str)}
    if not numbers:
        return Unparsed("there is no number in it", text)
    if words & _SHARE:
        return Unparsed("it is a share, or a place in an order, not a count", text)
    if words & _NOT:
        return Unparsed("it says that it is not so many", text)
    if len(numbers) > 1:
        return Unparsed("several numbers, and it is not clear which", text)
    if words & _JOIN:
        return Unparsed("it counts more than one thing", text)
    number, at = numbers[0], items.index(numbers[0])
    if items[at + 1:at + 2] == ["m"]:
        return Unparsed("“m” may be millions or metres", text)
    before: set[str] = set()
    while at and str(items[at - 1]) in ("ABOUT", "LEAST", "MOST", "UNDER", "OVER", "of", "de"):
        at -= 1
        before.add(str(items[at]))
    low, high = number.low, number.high
    least = before & {"LEAST", "OVER"} or words & {"LEAST", "ANDMORE"}
    most = before & {"MOST", "UNDER"} or words & {"MOST", "ANDLESS"}
    if (least and most) or (number.text == "span" and low > (high or 0)):
        return Unparsed("its ends do not fit together", text)
    if max(low, high or 0) > LARGEST:
        return Unparsed("it is too large to be a count", text)
    about = number.approximate or "ABOUT" in before
    return Figure(0 if most else low, None if least else high, about, text)


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"
