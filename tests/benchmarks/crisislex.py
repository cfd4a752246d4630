"""CrisisLexT26 for benchmarks: which hazard each event was, and samples of tweets with what is known of them.

Labels score; nothing here trains. The data set is not part of this project.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.tasks.definition import Label, Task

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "crisislex_t26"

# The hazard of every event, written down before any model was asked about it.
HAZARDS = {
    "2012_Colorado_wildfires": "fire",
    "2012_Costa_Rica_earthquake": "earthquake",
    "2012_Guatemala_earthquake": "earthquake",
    "2012_Italy_earthquakes": "earthquake",
    "2012_Philipinnes_floods": "flood",
    "2012_Typhoon_Pablo": "storm",
    "2012_Venezuela_refinery": "accident",
    "2013_Alberta_floods": "flood",
    "2013_Australia_bushfire": "fire",
    "2013_Bohol_earthquake": "earthquake",
    "2013_Boston_bombings": "attack",
    "2013_Brazil_nightclub_fire": "fire",
    "2013_Colorado_floods": "flood",
    "2013_Glasgow_helicopter_crash": "accident",
    "2013_LA_airport_shootings": "attack",
    "2013_Lac_Megantic_train_crash": "accident",
    "2013_Manila_floods": "flood",
    "2013_NY_train_crash": "accident",
    "2013_Queensland_floods": "flood",
    "2013_Russia_meteor": "other",
    "2013_Sardinia_floods": "flood",
    "2013_Savar_building_collapse": "accident",
    "2013_Singapore_haze": "other",
    "2013_Spain_train_crash": "accident",
    "2013_Typhoon_Yolanda": "storm",
    "2013_West_Texas_explosion": "accident",
}
KINDS = {
    "Affected individuals": "affected people",
    "Infrastructure and utilities": "infrastructure",
    "Donations and volunteering": "donations",
    "Caution and advice": "warning",
    "Sympathy and support": "sympathy",
    "Other Useful Information": "other",
}
HAZARD = Task(id="hazard-type", question="Which kind of disaster is this message about?", labels=(
    Label(name="earthquake", definition="an earthquake or its aftershocks"),
    Label(name="flood", definition="high water, heavy rain, rivers over their banks"),
    Label(name="storm", definition="a typhoon, hurricane, cyclone or gale"),
    Label(name="fire", definition="a wildfire, bushfire or burning building"),
    Label(name="accident", definition="a crash, an explosion, a collapse that nobody wanted"),
    Label(name="attack", definition="a bombing or shooting, done on purpose"),
    Label(name="other", definition="any other kind of disaster"),
))
INFORMATION = Task(id="information-type", question="What kind of information is in this message?", labels=(
    Label(name="affected people", definition="people dead, injured, missing, trapped, displaced or found"),
    Label(name="infrastructure", definition="buildings, roads, power, water or services damaged or restored"),
    Label(name="donations", definition="giving or asking for money, goods, blood, shelter, volunteers"),
    Label(name="warning", definition="a warning, an instruction or a tip on what to do"),
    Label(name="sympathy", definition="prayers, condolences, thanks, emotional support"),
    Label(name="other", definition="other useful information about the disaster: causes, numbers, response"),
))


@dataclass(frozen=True, slots=True)
class Tweet:
    """One annotated tweet; `kind` is empty where the annotators gave none of the six."""

    id: str
    text: str
    event: str
    hazard: str
    kind: str


def tweets(data: Path = DATA) -> Iterator[Tweet]:
    """Every tweet that is related to its event."""
    for path in sorted(data.glob("*-tweets_labeled.csv")):
        event = path.name.removesuffix("-tweets_labeled.csv")
        with open(path, newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                told = {key.strip(): (value or "").strip() for key, value in row.items() if key}
                if told["Informativeness"].startswith("Related"):
                    yield Tweet(told["Tweet ID"], told["Tweet Text"], event, HAZARDS[event],
                                KINDS.get(told["Information Type"], ""))


def by_hazard(n: int, seed: int, data: Path = DATA) -> list[Tweet]:
    """`n` tweets, as many of each hazard as there can be, in random order."""
    groups: dict[str, list[Tweet]] = {}
    for tweet in tweets(data):
        groups.setdefault(tweet.hazard, []).append(tweet)
    rng, chosen = random.Random(seed), []
    for hazard in sorted(groups):
        rng.shuffle(groups[hazard])
        chosen += groups[hazard][:-(-n // len(groups))]
    rng.shuffle(chosen)
    return chosen[:n]


def by_kind(n: int, seed: int, data: Path = DATA) -> list[Tweet]:
    """`n` tweets of a known information type, in its natural mix."""
    return random.Random(seed).sample([tweet for tweet in tweets(data) if tweet.kind], n)


def skewed(n: int, seed: int, data: Path = DATA, share: float = 0.85) -> list[Tweet]:
    """`n` tweets, `share` of them of one flood, the others of other hazards."""
    rng, every = random.Random(seed), list(tweets(data))
    one = [tweet for tweet in every if tweet.event == "2013_Alberta_floods"]
    rest = [tweet for tweet in every if tweet.hazard != "flood"]
    chosen = rng.sample(one, round(share * n)) + rng.sample(rest, n - round(share * n))
    rng.shuffle(chosen)
    return chosen
