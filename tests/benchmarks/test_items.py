"""The items of the benchmarks: those written by hand are whole, those generated do not repeat them."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from engine.tasks.figures import Figure, read_figure
from engine.tasks.parsing import parse_fields
from engine.tasks.presets import preset
from tests.benchmarks.items.making import FOLDER, make_messages, make_news

TEXTS = ("place", "needs")
NUMBERS = ("dead", "injured", "missing", "displaced")
DENIES = re.compile(r"\b(?:no|no one|nobody|sin|aucune?)\b", re.IGNORECASE)
LENGTHS = {"message": (8, 30), "paragraph": (30, 70), "report": (40, 90)}  # words


def rows(name: str) -> list[dict[str, Any]]:
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


FACTS, NEWS = rows("facts"), rows("news")
KINDS = ["message"] * 25 + ["paragraph"] * 20 + ["report"] * 15  # of the facts, in their order


def runs(text: str, words: int) -> set[tuple[str, ...]]:
    found = re.findall(r"\w+", text.casefold())
    return {tuple(found[i:i + words]) for i in range(len(found) - words + 1)}


@pytest.mark.parametrize(("items", "letter", "languages"), [
    (FACTS, "f", {"en": 44, "es": 8, "fr": 8}), (NEWS, "n", {"en": 48, "es": 6, "fr": 6})])
def test_sixty_items_in_three_languages(items: list[dict], letter: str, languages: dict[str, int]) -> None:
    assert [item["id"] for item in items] == [f"{letter}{i:02}" for i in range(1, 61)]
    assert Counter(item["language"] for item in items) == languages
    assert len({item["text"] for item in items}) == 60


def test_items_are_as_long_as_their_kind() -> None:
    said = {item["id"]: len(item["text"].split()) for item in [*FACTS, *NEWS]}
    kinds = [*(LENGTHS[kind] for kind in KINDS), *[(70, 140)] * len(NEWS)]
    assert not [name for (name, n), (low, high) in zip(said.items(), kinds, strict=True)
                if not low <= n <= high]


def test_facts_have_exactly_the_fields_of_the_question() -> None:
    fields = {field.name: field.type for field in preset("figures").fields}
    assert all(tuple(item["gold"]) == ("place", *NUMBERS, "needs") for item in FACTS)
    assert {name: fields[name] for name in (*TEXTS, *NUMBERS)} == (
        dict.fromkeys(TEXTS, "text") | dict.fromkeys(NUMBERS, "number"))


def test_what_is_said_stands_in_the_text() -> None:
    for item in FACTS:
        for name, value in item["gold"].items():
            if value == "0":
                assert DENIES.search(item["text"]), (item["id"], name)
            else:
                assert value is None or re.search(rf"(?<!\w){re.escape(value)}(?!\w)", item["text"]), (
                    item["id"], name, value)


def test_every_figure_can_be_read() -> None:
    task = preset("figures")
    for item in FACTS:
        read = parse_fields(task, json.dumps(item["gold"])).values
        for name in NUMBERS:
            value = item["gold"][name]
            assert value is None or isinstance(read_figure(value), Figure), (item["id"], name, value)
            assert value is None or read[name] == read_figure(value), (item["id"], name)


def test_every_field_is_said_often_and_left_out_often() -> None:
    said = Counter(name for item in FACTS for name, value in item["gold"].items() if value is not None)
    assert all(14 <= said[name] <= 46 for name in (*NUMBERS, "needs")), said
    only = [[name for name, value in item["gold"].items() if value is not None] for item in FACTS]
    assert only.count(["place"]) >= 4


@pytest.mark.parametrize("make", [make_messages, make_news])
def test_the_same_seed_gives_the_same_texts(make) -> None:
    assert make(60, 5) == make(60, 5)
    assert make(60, 5)[:20] == make(20, 5)
    assert len(set(make(60, 5)) & set(make(60, 6))) <= 1


@pytest.mark.parametrize("make", [make_messages, make_news])
def test_generated_texts_rarely_repeat_and_are_filled(make) -> None:
    made = make(2_000, 11)
    assert len(made) == 2_000
    assert len(set(made)) > 1_980
    assert not [text for text in made if re.search(r"[{}]|  |\bNone\b", text)]


def test_generated_news_are_as_long_as_news() -> None:
    lengths = [len(text.split()) for text in make_news(500, 3)]
    assert min(lengths) >= 50 and max(lengths) <= 140
    assert sum(n >= 70 for n in lengths) > 425


def test_generated_texts_keep_the_languages_in_proportion() -> None:
    words = {"en": {"the", "of", "and", "in"}, "es": {"el", "los", "y", "del"},
             "fr": {"le", "les", "et", "des"}}

    def language(text: str) -> str:
        return max(words, key=lambda code: sum(word in words[code] for word in text.casefold().split()))

    for make, share in ((make_messages, 44 / 60), (make_news, 48 / 60)):
        found = Counter(map(language, make(600, 4)))
        assert abs(found["en"] / 600 - share) < 0.08
        assert min(found["es"], found["fr"]) > 25


def test_patterns_plots_and_places_are_many() -> None:
    def read(name: str) -> dict[str, Any]:
        return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))

    patterns = [pattern for kinds in read("message_patterns").values() for some in kinds.values()
                for pattern in some]
    plots = [plot for name in ("news_plots_en", "news_plots_es_fr") for language in read(name).values()
             for plot in language["plots"].values()]
    places = [place for some in read("words")["places"].values() for place in some]
    assert len(set(patterns)) == len(patterns) >= 60
    assert len(plots) >= 12
    assert all(len(turn) >= 4 for plot in plots for turn in plot if isinstance(turn, list))
    assert len(set(places)) == len(places) >= 150
    assert not set(places) & {item["gold"]["place"] for item in FACTS}


def test_no_long_run_of_a_hand_written_item_is_generated() -> None:
    kept = {run: item["id"] for item in [*FACTS, *NEWS] for run in runs(item["text"], 8)}
    made = {run for text in [*make_messages(500, 7), *make_news(500, 7)] for run in runs(text, 8)}
    assert not {kept[run] for run in kept.keys() & made}
