"""Cleaning in named steps: each counted, each shown with one text before and after."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from engine.corpus.boilerplate import without_boilerplate
from engine.corpus.patterns import (
    ADDRESS,
    CUT_ADDRESS,
    CUT_MARK,
    HANDLE,
    HANDLE_MARK,
    INVISIBLE,
    LINK_MARK,
    SHARED,
)
from engine.corpus.privacy import mask
from engine.errors import SettingsError

CUT_SIGNS = ("…", "...")
NESTED = 20  # signs of one kind taken off one text, at most
END_MARKS = ".,;:!?)]}'\"”’»"


@dataclass(frozen=True, slots=True)
class CleaningStep:
    """One step: its name in plans and commands, its title on the page, what it does to a text."""

    name: str
    title: str
    function: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class StepReport:
    """What a step did: how many texts it changed, one of them before and after (empty if none)."""

    name: str
    title: str
    count: int
    before: str = ""
    after: str = ""

    def after_another(self, earlier: StepReport | None) -> StepReport:
        """Both reports as one; the earlier example stays."""
        if earlier is None or not earlier.count:
            return self
        return replace(earlier, count=earlier.count + self.count)


def _entities(text: str) -> str:
    if "&" not in text:
        return text
    once = html.unescape(text)
    return html.unescape(once) if "&" in once else once  # &amp;lt; is common in collected posts


def without_shared(text: str) -> str:
    """The text without “RT @name:” at its start, however often it was shared."""
    for _ in range(NESTED):
        match = SHARED.match(text)
        if not match or not text[match.end() :].strip():
            break
        text = text[match.end() :]
    return text


def _links(text: str) -> str:
    if (
        "/" not in text
        and "www" not in text.lower()
        and "…" not in text
        and "http" not in text.lower()
    ):
        return text
    marked = ADDRESS.sub(_link_mark, text)
    if "…" in marked or "ht" in marked[-12:].lower():
        marked = CUT_ADDRESS.sub("", marked)
    if marked == text:
        return text
    bare = marked.rstrip()
    dots = next((mark for mark in CUT_SIGNS if bare.endswith(mark)), "")
    bare = bare.removesuffix(dots).rstrip()
    if not bare.endswith(LINK_MARK):
        return marked.rstrip()
    between = bare.split(LINK_MARK)
    while len(between) > 1 and not between[-1].strip():
        between.pop()
    return LINK_MARK.join(between).rstrip() + dots


def _link_mark(match: re.Match[str]) -> str:
    address = match[0]
    end = len(address)
    while end and address[end - 1] in END_MARKS:
        end -= 1
    return LINK_MARK + address[end:]


def _handles(text: str) -> str:
    return HANDLE.sub(HANDLE_MARK, text) if "@" in text or "＠" in text else text


def without_tail(text: str) -> str:
    """The text without signs at its end that it was cut short; unchanged if there are none."""
    bare = text.rstrip()
    for _ in range(NESTED):
        before = bare
        for sign in CUT_SIGNS:
            if bare.endswith(sign):
                bare = bare.rstrip(sign[0]).rstrip()
        if match := CUT_MARK.search(bare[-40:]):
            bare = bare[: len(bare) - len(match[0])].rstrip()
        if bare == before:
            break
    return bare if bare != text.rstrip() else text


def _spaces(text: str) -> str:
    if text.isascii() and text.isprintable() and "  " not in text and "\\" not in text:
        return text.strip()  # nothing to find: most short messages
    text = text.replace("\\r\\n", "\n").replace("\\n", "\n")
    if not text.isprintable():  # invisible and control characters are not printable
        text = INVISIBLE.sub("", text)
    text = re.sub(
        r"[^\S\n]+",
        " ",
        text.replace("\r\n", "\n")
        .replace("\r", "\n")
        .replace("\u2028", "\n")
        .replace("\u2029", "\n")
        .replace("\x85", "\n"),
    )
    return re.sub(r" ?\n[ \n]*", "\n", text).strip()


STEPS: tuple[CleaningStep, ...] = (
    CleaningStep("entities", "Signs written as code (&amp;) turned back into signs", _entities),
    CleaningStep("retweets", "“RT @name:” at the start removed", without_shared),
    CleaningStep("links", "Web addresses removed at the end, “(link)” elsewhere", _links),
    CleaningStep("handles", "Names of accounts replaced by @user", _handles),
    CleaningStep(
        "tails", "Signs of a text cut short (“…”, “[+512 chars]”) removed at the end", without_tail
    ),
    CleaningStep(
        "boilerplate", "Lines that are the same everywhere (“Sent from my…”, “Subscribe to…”) removed",
        without_boilerplate,
    ),
    CleaningStep("spaces", "Runs of spaces, invisible and control characters removed", _spaces),
    CleaningStep(
        "private", "Telephone numbers, e-mail addresses, coordinates and document numbers masked",
        mask,
    ),
)
DEFAULT_STEPS: tuple[str, ...] = tuple(step.name for step in STEPS if step.name != "private")


def steps_named(names: Iterable[str]) -> tuple[CleaningStep, ...]:
    """The steps of these names, in the order of `STEPS`. Raises `SettingsError` for others."""
    wanted = set(names)
    known = [step.name for step in STEPS]
    unknown = sorted(wanted - set(known))
    if unknown:
        raise SettingsError(
            f"There is no cleaning step “{unknown[0]}”.", f"The steps are {', '.join(known)}."
        )
    return tuple(step for step in STEPS if step.name in wanted)


def clean(text: str, steps: Iterable[str] = DEFAULT_STEPS) -> str:
    """One text, cleaned by the named steps."""
    for step in steps_named(steps):
        text = step.function(text)
    return text


def clean_block(
    texts: Sequence[str], steps: Sequence[CleaningStep]
) -> tuple[list[str], tuple[StepReport, ...]]:
    """All texts cleaned by these steps, in order, and one report a step."""
    cleaned, reports = list(texts), []
    for step in steps:
        after = [step.function(text) for text in cleaned]
        changed = [i for i, text in enumerate(after) if text != cleaned[i]]
        # The shortest of the first few: a change is easiest to see in a short text.
        shown = min(
            changed[:100], key=lambda i: (not after[i].strip(), len(cleaned[i])), default=None
        )
        if shown is None:
            reports.append(StepReport(step.name, step.title, 0))
        else:
            reports.append(
                StepReport(
                    step.name, step.title, len(changed), cleaned[shown][:600], after[shown][:600]
                )
            )
        cleaned = after
    return cleaned, tuple(reports)


def has_letters(text: str) -> bool:
    """Whether a text says anything: a letter of any script outside links and account names."""
    if "/" not in text and "@" not in text and "＠" not in text and LINK_MARK not in text \
            and "www" not in text.lower():
        return any(map(str.isalpha, text))
    bare = HANDLE.sub(" ", ADDRESS.sub(" ", text.replace(LINK_MARK, " ")))
    return any(map(str.isalpha, bare))
