"""Letters that were encoded twice (“CafÃ©”, “donâ€™t”): noticed, and mended when the user asks for it.

Only such letters are touched: quotes, widths, entities and spaces stay as they are.
Does not: mend by itself, nor mend what lost letters on the way (“\\x89ÛÒ”, “�”).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

EXAMPLES, SHOWN = 3, 200
# Letters that passed through an old Mac's encoding as well: only ftfy's guess at single signs is left.
_MAC_WRECK, _MAC_GUESS = "\x89Û", "‰Û"


@dataclass(frozen=True, slots=True)
class Doubled:
    """Of `sampled` texts, `changed` would change; up to three of them before and after."""

    sampled: int
    changed: int
    examples: tuple[tuple[str, str], ...]


def mend(text: str) -> str:
    """The text with letters that were encoded twice put right; unchanged where there are none."""
    if text.isascii():
        return text
    from ftfy import fix_encoding
    from ftfy.badness import is_bad

    if not is_bad(text):  # costs a tenth of trying
        return text
    mended = fix_encoding(text)
    if _MAC_WRECK in text and _MAC_GUESS in mended:
        return text
    return mended


def looks_doubled(texts: Sequence[str]) -> Doubled | None:
    """How many of these texts (a sample will do) `mend` would change; None if it would change none."""
    changed = 0
    examples: list[tuple[str, str]] = []
    for text in texts:
        mended = mend(text)
        if mended == text:
            continue
        changed += 1
        example = _around_the_change(text, mended)
        if len(examples) < EXAMPLES and example not in examples:
            examples.append(example)
    return Doubled(len(texts), changed, tuple(examples)) if changed else None


def _around_the_change(before: str, after: str) -> tuple[str, str]:
    """Both texts from a little before the first sign that differs, cut to a length one can read."""
    same = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    start = max(0, same - 60)
    lead = "…" * (start > 0)
    return tuple(
        lead + text[start : start + SHOWN] + "…" * (len(text) > start + SHOWN) for text in (before, after)
    )
