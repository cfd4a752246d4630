"""Invented crisis messages and news in English, Spanish and French, as many as a small model needs to learn.

Each text is put together from a pattern (or, for news, one sentence for each turn of a plot) and words for
its slots. The same seed gives the same texts, and more of them begin with the fewer.

Does not: know facts or summaries of what it writes; those are for a large model to read out. Nor does it
share a longer run of words with the items written by hand, which a test watches over.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

FOLDER = Path(__file__).resolve().parent
LANGUAGES = ("en", "es", "fr")
_OF_MESSAGES = (44, 8, 8)  # of sixty, as in facts.jsonl
_OF_NEWS = (48, 6, 6)  # and in news.jsonl
_KINDS = {"message": 25, "paragraph": 20, "report": 15}
# Said once and meant throughout a text. Others are drawn anew wherever they stand.
_STAYS = frozenset(("place", "other", "country", "toll", "before", "mag", "hazard", "disease", "shelter",
                    "road", "service"))
_DIGITS = {"d": (2, 30), "km": (3, 95), "age": (19, 89), "child": (3, 15), "p": (20, 900), "h": (0, 23),
           "h12": (1, 12), "dd": (1, 28)}
_GROUPS = {"en": ",", "es": ".", "fr": " "}


def make_messages(n: int, seed: int) -> list[str]:
    """Short messages, news paragraphs and paragraphs of situation reports, mixed as in `facts.jsonl`."""
    rng = Random(f"messages {seed}")
    patterns = _read("message_patterns")
    made = []
    for _ in range(n):
        language, = rng.choices(LANGUAGES, _OF_MESSAGES)
        kind, = rng.choices([*_KINDS], [*_KINDS.values()])
        text = _Slots(rng, language).fill(rng.choice(patterns[language][kind]))
        made.append(_typed(text, rng) if kind == "message" else text)
    return made


def make_news(n: int, seed: int) -> list[str]:
    """News items of six sentences; the two that close a plot are drawn from those that fit any."""
    rng = Random(f"news {seed}")
    plots = _read("news_plots_en") | _read("news_plots_es_fr")
    made = []
    for _ in range(n):
        language, = rng.choices(LANGUAGES, _OF_NEWS)
        shared, all_plots = plots[language]["shared"], plots[language]["plots"]
        turns = all_plots[rng.choice(sorted(all_plots))]
        slots = _Slots(rng, language)
        sentences = [rng.choice(shared[turn] if isinstance(turn, str) else turn) for turn in turns]
        made.append(" ".join(slots.fill(sentence) for sentence in sentences))
    return made


class _Slots:
    """What the slots of one text hold, in its language."""

    def __init__(self, rng: Random, language: str) -> None:
        self._rng = rng
        self._language = language
        self._words: dict[str, Any] = _read("words")
        self._said: dict[str, str] = {}

    def fill(self, pattern: str) -> str:
        """A pattern with every slot filled; sentences begin with a capital."""
        text = re.sub(r"\{(\w+)\}", self._slot, pattern)
        if self._language == "fr":
            text = re.sub(r"\bde (?=[AEIOUÉÎ])", "d'", text)
        return re.sub(r"(?:^|(?<=[.?!] ))[a-zéàâîç](?!\w*[.@/])", lambda found: found[0].upper(), text)

    def _slot(self, found: re.Match[str]) -> str:
        name = found[1]
        if name in self._said:
            return self._said[name]
        value = self._new(name)
        if name in _STAYS:
            self._said.setdefault(name, value)
            return self._said[name]
        return value

    def _new(self, name: str) -> str:
        rng, words = self._rng, self._words
        match name:
            case "place" | "other":
                return self._place()
            case "country":
                return rng.choice(words["countries"][self._language])
            case "toll" | "before":
                before = rng.randint(2, 60)
                self._said |= {"before": str(before), "toll": str(before + rng.randint(1, 40))}
                return self._said[name]
            case "few" | "none" | "lots":
                return self._numbered(rng.choice(words["forms"][self._language][name]), 2, 40)
            case "some":
                return self._numbered(rng.choice(words["forms"][self._language]["crowd"]), 42, 900)
            case "many":
                return self._numbered(rng.choice(words["forms"][self._language]["crowd"]), 10, 600, 100)
            case "needs":
                a, b, c = rng.sample(words["items"][self._language], 3)
                return rng.choice(words["forms"][self._language]["needs"]).format(a=a, b=b, c=c)
            case "mag":
                return f"{rng.uniform(4.4, 7.8):.1f}".replace(".", "." if self._language == "en" else ",")
            case _ if name in words["lists"][self._language]:
                return re.sub(r"\{(\w+)\}", self._slot, rng.choice(words["lists"][self._language][name]))
        return self._digits(name)

    def _place(self) -> str:
        """A place that the text does not name yet; English texts may be about any."""
        places = self._words["places"]
        own = sum(places.values(), []) if self._language == "en" else places[self._language]
        return self._rng.choice([place for place in own if place not in self._said.values()])

    def _numbered(self, form: str, low: int, high: int, times: int = 1) -> str:
        """A form such as “at least {d}” with a number, or with two that follow each other."""
        rng = self._rng
        first = rng.randint(low, high)
        if first > 20 and len(form) > 3 and not re.search(r"\{(?:e|kk)\}", form):
            first -= first % 10  # nobody says “about 27”
        second = first + rng.randint(1, max(2, first // 3))
        spelled = self._words["spelled"][self._language]
        word = spelled[first - 2] if first - 2 < len(spelled) else str(first)
        return form.format(d=first, e=second, w=word, k=self._grouped(first * times),
                           kk=self._grouped(second * times))

    def _grouped(self, number: int) -> str:
        return f"{number:,}".replace(",", _GROUPS[self._language])

    def _digits(self, name: str) -> str:
        """Digits that count nobody: days, kilometres, ages, years, hours."""
        rng = self._rng
        match name:
            case "year":
                return str(rng.randint(1987, 2024))
            case "thousands":
                return self._grouped(rng.randint(5, 950) * 1_000)
            case "m":
                return f"{rng.randrange(0, 60, 5):02}"
        return str(rng.randint(*_DIGITS[name]))


def _typed(text: str, rng: Random) -> str:
    """As typed on a telephone: at times without capitals, without an end, or passed on."""
    if rng.random() < 0.15:
        text = text.lower()
    if rng.random() < 0.2:
        text = text.rstrip(".")
    if rng.random() < 0.1:
        text = f"RT {text}"
    return text


@cache
def _read(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
