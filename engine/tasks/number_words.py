"""Number words of English, Spanish and French: “two hundred and fifty”, “dos docenas”, “vingt et un”.

One language at a time: with all three at once, “once” would be eleven in an English text and “the UN” one.
Does not: order words (“third”), halves and shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from text_to_num import text2num

LANGUAGES = ("en", "es", "fr")
LONGEST = 12  # words of one number
_TWO_WAYS = frozenset(("once",))  # eleven, or one time: not read where it stands alone
_UNACCENTED = {"dieciseis": "dieciséis", "veintidos": "veintidós", "veintitres": "veintitrés",
               "veintiseis": "veintiséis", "millon": "millón"}
_PAIRS = {"couple": 2.0, "pair": 2.0}
_ONE = frozenset(("a", "an", "un", "una", "une", "the"))  # before a scale: a hundred, une douzaine

SCALES = {"dozen": 12, "docena": 12, "docenas": 12, "douzaine": 12, "douzaines": 12, "k": 1_000,
          "hundred": 100, "thousand": 1_000, "mil": 1_000, "mille": 1_000, "million": 1_000_000,
          "millions": 1_000_000, "millón": 1_000_000, "millones": 1_000_000, "billion": 1_000_000_000,
          "milliard": 1_000_000_000, "milliards": 1_000_000_000}
# Round words that say “about”: une centaine, un centenar.
ROUND = {"dizaine": 10, "quinzaine": 15, "vingtaine": 20, "trentaine": 30, "quarantaine": 40,
         "cinquantaine": 50, "soixantaine": 60, "centaine": 100, "millier": 1_000, "decena": 10,
         "quincena": 15, "veintena": 20, "treintena": 30, "centena": 100, "centenar": 100, "millar": 1_000}
# Plurals without a number before them: at least two of that size, fewer than ten.
PLURALS = {"dozens": 12, "docenas": 12, "douzaines": 12, "tens": 10, "decenas": 10, "dizaines": 10,
           "hundreds": 100, "cientos": 100, "centenares": 100, "centenas": 100, "centaines": 100,
           "thousands": 1_000, "miles": 1_000, "millares": 1_000, "milliers": 1_000,
           "millions": 1_000_000, "millones": 1_000_000}
SEVERAL = frozenset(("several", "few", "varios", "varias", "algunos", "algunas", "unos", "unas", "plusieurs",
                     "quelques"))


@dataclass(frozen=True, slots=True)
class Spoken:
    """A number at the start of some words: from `low` to `high`, and how many words it took.

    `scale` is the last word's, if it multiplies: in “10 to 20 thousand” it holds for the ten, too.
    """

    low: float
    high: float
    taken: int
    scale: float = 1
    round: bool = False


def read_spoken(words: Sequence[str | float]) -> Spoken | None:
    """The longest number that lower-case `words` start with, some in digits; None if none."""
    words = [_UNACCENTED.get(word, word) if isinstance(word, str) else word for word in words[:LONGEST]]
    if not words:
        return None
    skipped = 1 if words[0] in _ONE and len(words) > 1 and words[1] in SCALES | ROUND | _PAIRS else 0
    found = _plural(words) or _counted(words[skipped:])
    if found is None or (found.taken == 1 and words[0] in _TWO_WAYS):
        return None
    return Spoken(found.low, found.high, found.taken + skipped, found.scale, found.round)


def _plural(words: Sequence[str | float]) -> Spoken | None:
    """“hundreds”, “tens of thousands”, “a few hundred”, “several”."""
    led = words[0] in ("a", "an", "some", "many") and len(words) > 1 and words[1] in SEVERAL | PLURALS.keys()
    i = 1 if led else 0
    several = isinstance(words[i], str) and words[i] in SEVERAL
    at = i + 1 if several and i + 1 < len(words) else i
    word = words[at]
    size = PLURALS.get(word) if isinstance(word, str) else None
    if size is None and several and isinstance(word, str):
        size = SCALES.get(word)
    if size is None:
        return Spoken(3, 9, i + 1, round=True) if several else None
    taken, times = at + 1, 1
    after = words[taken:taken + 2]
    if len(after) == 2 and after[0] in ("of", "de") and after[1] in PLURALS:
        times, taken = PLURALS[str(after[1])], taken + 2
    high = (9 * size + size if size > 12 else 100) * times - 1
    return Spoken(2 * size * times, high, taken, round=True)


def _counted(words: Sequence[str | float]) -> Spoken | None:
    first = words[0]
    if isinstance(first, float):
        value, taken = first, 1
    elif first in _PAIRS:
        return Spoken(_PAIRS[first], _PAIRS[first], 1)
    elif first in ROUND:
        return Spoken(ROUND[first], ROUND[first], 1, round=True)
    else:
        spelled = [word for word in words if isinstance(word, str)][:LONGEST]
        run = next((i for i, word in enumerate(words) if isinstance(word, float)), len(spelled))
        value, taken = _in_one_language(tuple(spelled[:run]))
    if not taken:
        return Spoken(SCALES[first], SCALES[first], 1) if first in SCALES and first != "k" else None
    scale: float = SCALES.get(str(words[taken - 1]), 1) if taken > 1 else 1
    while taken < len(words) and first not in SCALES:
        word = str(words[taken])
        size = SCALES.get(word) or ROUND.get(word) or PLURALS.get(word)
        if size is None:
            break
        value, scale, taken = value * size, scale * size, taken + 1
        if word not in SCALES:
            return Spoken(value, value, taken, scale, round=True)
    return Spoken(value, value, taken, scale)


@lru_cache(maxsize=4096)
def _in_one_language(words: tuple[str, ...]) -> tuple[float, int]:
    """The value of the longest start of these words that is a number in one language, and its length."""
    for taken in range(min(len(words), LONGEST), 0, -1):
        for language in LANGUAGES:
            try:
                return float(text2num(" ".join(words[:taken]), language)), taken
            except (ValueError, OverflowError):
                continue
    return 0.0, 0
