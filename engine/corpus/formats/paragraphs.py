"""Lines of pages put back into paragraphs: repeated headers and footers out, words and sentences rejoined.

Does not: know where the lines come from.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

EDGE = 3  # lines at the top and the bottom of a page that may be headers and footers
LEAST_PAGES = 3  # on fewer pages nothing counts as repeated
MOST_NUMBERS = 8  # of a line that may be the page's number
ITEM = re.compile(r"\s*(?:[•◦▪▫■□●○‣⁃∙·➢➤✓✔*–—-]|\(?\d{1,2}[.)]|\(?[a-zA-Z]\))\s+\S")
ENDS = re.compile(r"[.!?:;…。！？؟۔।]['\"”’»)\]]*$")
FORMS = re.compile("[\ufb00-\ufb4f\ufb50-\ufdff\ufe70-\ufefc]+")  # ligatures; Hebrew and Arabic letter forms
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
INNER_SOFT_HYPHEN = re.compile("\xad(?!$)")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page: where it stands (in points, seen upright), the size of its letters.

    `broken`: its last word goes on in the next line.
    """

    text: str
    left: float
    right: float
    base: float
    size: float
    broken: bool = False

    @property
    def width(self) -> float:
        """From its first letter to its last."""
        return abs(self.right - self.left)


def normal(text: str) -> str:
    """Letters as they are typed: ligatures parted, Arabic forms plain, soft hyphens and controls out."""
    text = FORMS.sub(lambda forms: unicodedata.normalize("NFKC", forms[0]), text)
    return INNER_SOFT_HYPHEN.sub("", CONTROLS.sub("", text).strip())


def without_repeated(pages: Sequence[Sequence[Line]]) -> tuple[list[list[Line]], Counter[str]]:
    """The pages without the lines at their edges that half of them share, page numbers aside; and those."""
    edges = [_edge(lines) for lines in pages]
    keys = [{i: _keys(lines[i].text, number) for i in edge}
            for number, (lines, edge) in enumerate(zip(pages, edges, strict=True))]  # fmt: skip
    found = Counter(key for page in keys for key in {key for line in page.values() for key in line})
    # Headers that alternate between left and right pages are on half of an even number of pages.
    needed = max(LEAST_PAGES, sum(1 for lines in pages if lines) // 2)
    removed: Counter[str] = Counter()
    kept = []
    for lines, page in zip(pages, keys, strict=True):
        out = {i for i, line in page.items() if any(found[key] >= needed for key in line)}
        removed.update(lines[i].text for i in sorted(out))
        kept.append([line for i, line in enumerate(lines) if i not in out])
    return kept, removed


def joined(pages: Sequence[Sequence[Line]]) -> str:
    """The lines of all pages as paragraphs, a blank line between them; list items on lines of their own."""
    words: Counter[str] = Counter()
    for lines in pages:
        for line in lines:
            words.update(re.findall(r"[\w-]+", line.text.lower()))
    parts: list[str] = []
    before: Line | None = None
    before_full = False  # whether it reaches across its page, so that its sentence may go on
    for lines in pages:
        pitch, full = _measures(lines)
        for i, line in enumerate(lines):
            if before is not None and before.broken:
                _join_broken(parts, line.text, words)
            else:
                if before is not None:
                    parts.append(_between(before, line, before_full, None if i == 0 else pitch))
                parts.append(line.text)
            before, before_full = line, line.width >= 0.8 * full
    if before is not None and before.broken:
        parts.append("-")
    return re.sub(r"[^\S\n]+", " ", "".join(parts)).strip()


def _between(before: Line, line: Line, before_full: bool, pitch: float | None) -> str:
    """What goes between two lines: a space, a line break, or a blank line. `pitch` is None at a new page."""
    ended = bool(ENDS.search(before.text))
    if ITEM.match(line.text):
        return "\n"
    goes_on = not ended and (line.text[:1].islower() or before_full)
    gap = before.base - line.base
    if pitch is None or gap < -0.5 * pitch:  # a new page or column
        return " " if goes_on else "\n\n"
    small = line.text[:1].islower() and not ended
    if gap > 1.3 * pitch or (abs(before.size - line.size) > 0.1 * max(before.size, line.size) and not small):
        return "\n\n"
    if before_full or small:
        return " "
    return "\n\n" if ended and not ITEM.match(before.text) else "\n"


def _join_broken(parts: list[str], following: str, words: Counter[str]) -> None:
    """Put a word back together; its hyphen stays if the document writes it so elsewhere."""
    start = re.search(r"[\w-]+$", parts[-1])
    end = re.match(r"[\w-]+", following)
    if start and end:
        whole, hyphenated = f"{start[0]}{end[0]}".lower(), f"{start[0]}-{end[0]}".lower()
        own = not end[0][0].islower() or (words[hyphenated] and not words[whole])
        if own and not _no_case(end[0][0]):
            parts.append("-")
    parts.append(following)


def _no_case(letter: str) -> bool:
    return letter.isalpha() and letter.lower() == letter.upper()


def _measures(lines: Sequence[Line]) -> tuple[float, float]:
    """The distance of two lines within a paragraph of this page, and the width of a full line."""
    gaps = sorted(a.base - b.base for a, b in zip(lines, lines[1:], strict=False) if a.base > b.base)
    gaps = [gap for gap in gaps if gap > 0.3 * gaps[len(gaps) // 2]]
    widths = sorted(line.width for line in lines)
    return (
        gaps[len(gaps) // 4] if gaps else 12.0,
        widths[int(0.8 * (len(widths) - 1))] if widths else 0.0,
    )


def _edge(lines: Sequence[Line]) -> set[int]:
    """Places of the first and last lines, both as the file orders them and as they stand on the page."""
    order = list(range(len(lines)))
    height = sorted(order, key=lambda i: lines[i].base)
    return {i for way in (order, height) for i in (*way[:EDGE], *way[-EDGE:])}


def _keys(text: str, page: int) -> set[str]:
    """What the same header or footer shares with itself on other pages: all of it, or all but a number
    that grows with the pages. (Other numbers differ in lines of content: "Affected people: 1,200".)
    """
    text = " ".join(text.casefold().split())
    numbers = list(re.finditer(r"\d{1,6}", text))
    if len(numbers) > 2 and not any(map(str.isalpha, text)):
        return set()  # a row of numbers
    grown = (f"{text[: n.start()]}<{int(n[0]) - page}>{text[n.end() :]}" for n in numbers[:MOST_NUMBERS])
    return {text, *grown}
