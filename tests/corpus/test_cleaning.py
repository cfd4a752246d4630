"""Cleaning: each step does what its title says, and reports it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.corpus.cleaning import DEFAULT_STEPS, clean, clean_block, has_letters, steps_named
from engine.corpus.duplicates import normalised
from engine.errors import SettingsError


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        ("entities", "Food &amp; water &lt;3", "Food & water <3"),
        ("entities", "twice &amp;gt; coded", "twice > coded"),
        ("retweets", "RT @relief_desk: Boats needed", "Boats needed"),
        ("retweets", "RT @a: RT @b: Boats needed", "Boats needed"),
        ("retweets", "START @here we go", "START @here we go"),
        ("links", "Road closed https://t.co/abc123", "Road closed"),
        ("links", "See http://a.org/x?y=1, then call", "See (link), then call"),
        ("links", "Both https://a.org https://b.org", "Both"),
        ("links", "Cut off here http://t.co/ab…", "Cut off here…"),
        ("links", "No link here...", "No link here..."),
        ("links", "水が必要http://t.co/x1です", "水が必要(link)です"),
        ("handles", "Thanks @ana_99 and @Bo!", "Thanks @user and @user!"),
        ("handles", "mail me at desk@example.org", "mail me at desk@example.org"),
        ("tails", "They said the dam was… ", "They said the dam was"),
        ("tails", "Officials told [+812 chars]", "Officials told"),
        ("spaces", "too   many\t spaces\r\n\r\n here ", "too many spaces\nhere"),
        ("spaces", "zero\u200bwidth and \u202econtrol\x07", "zerowidth and control"),
        ("spaces", "line\\nbreak", "line\nbreak"),
    ],
)
def test_steps(step: str, before: str, after: str) -> None:
    assert clean(before, [step]) == after


def test_joiners_that_carry_meaning_are_kept() -> None:
    assert clean("می\u200cخواهیم 👩\u200d🚒") == "می\u200cخواهیم 👩\u200d🚒"


def test_all_steps_together_and_their_reports() -> None:
    texts = [
        "RT @desk: Food &amp; water at the hall https://t.co/zz",
        "Nothing to clean",
        "Ok  then",
    ]
    cleaned, reports = clean_block(texts, steps_named(DEFAULT_STEPS))
    assert cleaned == ["Food & water at the hall", "Nothing to clean", "Ok then"]
    by_name = {report.name: report for report in reports}
    assert [report.name for report in reports] == list(DEFAULT_STEPS)
    assert by_name["entities"].count == by_name["links"].count == 1
    assert "&amp;" in by_name["entities"].before
    assert "&amp;" not in by_name["entities"].after
    assert by_name["handles"].count == 0
    assert by_name["handles"].before == ""


def test_no_step_and_unknown_step() -> None:
    assert clean("RT @a: x  y", []) == "RT @a: x  y"
    with pytest.raises(SettingsError, match="no cleaning step “wash”"):
        steps_named(["wash"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://t.co/only", False),
        ("@a @b @c", False),
        ("😭😭 12", False),
        ("(link) @user", False),
        ("#flood", True),
        ("बाढ़", True),
        ("ok", True),
        ("", False),
    ],
)
def test_has_letters(text: str, expected: bool) -> None:
    assert has_letters(text) is expected


@pytest.mark.parametrize(
    "filler", [" ", "…", "\n", "RT @a: ", "(link) ", "&amp;", "@a ", "http://", "...", " …"]
)
def test_a_hostile_text_takes_no_time(filler: str) -> None:
    start = time.process_time()
    clean("Water " + filler * 40_000 + "x" + filler * 40_000)
    normalised(filler * 40_000 + "x")
    assert time.process_time() - start < 5


@given(st.text(max_size=200))
def test_any_text_can_be_cleaned_and_stored(text: str) -> None:
    clean(text).encode("utf-8")
