"""Cuts text into sentences, and long text into pieces that fit: losing nothing, in linear time.

Does not: know a language. It knows signs that end sentences in many scripts, and common abbreviations.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence

# These end a sentence wherever they stand; the others only before white space.
ALWAYS = "。！？｡．؟۔।॥።፧။។"
CLOSING = "\"'”’»›)]}」』）】》〉］"
BREAKS = "\n\r\v\f\x85\u2028\u2029"
# Every alternative starts with a character of its own and takes all it can: no place is read twice.
BORDER = re.compile(
    rf"(?P<line>[{BREAKS}]\s*+)|(?P<signs>[.!?…{ALWAYS}]++)(?P<closing>[{re.escape(CLOSING)}]*+)(?P<space>\s*+)"
)
PARAGRAPH = re.compile(r"(?:\r\n|[\n\r\x85\u2028])[^\S\n\r]*+(?:\r\n|[\n\r\x85\u2028])\s*+|[\f\u2029]\s*+")
LOOKED_AT = 24  # characters before and after a full stop


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Something always follows these.
NEVER_LAST = _words(
    """
    dr dra drs mr mrs ms prof profa gen col maj lt sgt cpl capt cmdr adm gov sen rep rev hon fr st ste sr
    sra srta mme mlle mgr ing lic lcda lcdo pres supt insp amb messrs vs cf approx ca c.a incl excl esp
    e.g i.e eg ie z.b d.h u.a bzw ggf p.ej i.a viz al aprox prox av avda ave blvd dept depto tel ph ext attn
    """
)
# A number follows these, or they are words of their own ("No. We stay.").
BEFORE_NUMBER = _words(
    "no nos nr núm num nro n art arts fig figs sec sect vol pp p pg para ch cap para pág págs pag seq item"
)
# These may end a sentence; the next word tells.
PERHAPS_LAST = _words(
    """
    etc inc ltd co corp bros dept jr sr est a.m p.m am pm jan feb mar apr jun jul aug sep sept oct nov dec
    tue tues wed thu thur thurs fri prov mun
    """
)
STARTERS = _words(
    """
    the a an this that these those it its he she they we you i in on at by for from with as after before
    since during when while if but and or so however there here our their his her my many some several no
    all most more one two three please help el la los las un una unos unas en se no hay es esta este estos
    le les un une des il elle ils on nous vous ce cette ces o os as um uma em não der die das ein eine es
    wir sie
    """
)
INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")  # "U.N", "J", "p.m"
LAST_WORD = re.compile(r"[\w.’'-]+\Z")
NEXT_WORD = re.compile(r"[\W_]*([^\W_]+)")

LEAST = (0.34, 0.25, 0.1)  # share of a full piece that a paragraph, sentence or word border must leave
CAPS = (1.03, 1.1, 1.2, 1.35, 1.6)  # sizes tried for even pieces, as shares of the even size


def sentences(text: str) -> list[str]:
    """The sentences of `text`, each with the white space that follows it: joined, they are `text`.

    A line break ends a sentence too, so that list items and headings stand alone.
    """
    ends = _sentence_ends(text)
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def chunks(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Consecutive pieces of `text`, white space at their ends stripped, of which each one `fits`.

    They are cut between paragraphs where possible, else between sentences, else between words, else
    anywhere, and are about equally long. One that fits as a whole stays whole; blank text gives none.
    `fits` should hold for every part of what it holds for; a single character is never cut.
    """
    text = text.strip()
    if not text or fits(text):
        return [text] if text else []
    cutter = _Cutter(text, fits)
    spans = cutter.evened(cutter.cut(0, len(text), len(text)), 0)
    if len(spans) > 2 and _length(spans[-1]) < 0.5 * len(text) / len(spans):
        spans[-2:] = cutter.evened(spans[-2:], spans[-2][0])
    return [text[start:end].strip() for start, end in spans]


def _sentence_ends(text: str) -> list[int]:
    ends = [match.end() for match in BORDER.finditer(text) if _is_end(text, match)]
    if text and (not ends or ends[-1] < len(text)):
        ends.append(len(text))
    # White space before the first sentence is no sentence.
    if len(ends) > 1 and not text[: ends[0]].strip():
        del ends[0]
    return ends


def _is_end(text: str, match: re.Match[str]) -> bool:
    if match["line"] is not None or match.end() == len(text):
        return True
    signs, space = match["signs"], match["space"]
    if any(sign in ALWAYS for sign in signs):
        return True
    if not space:
        return False
    if any(mark in space for mark in BREAKS):
        return True
    after = text[match.end() : match.end() + LOOKED_AT]
    goes_on_small = after[:1].islower()
    if signs != ".":
        # “Help!” he said; well... maybe; but "help! we are on the roof" are two.
        return not (goes_on_small and (match["closing"] or signs[-1] in ".…"))
    return not goes_on_small and _stop_ends(text, match, after)


def _stop_ends(text: str, match: re.Match[str], after: str) -> bool:
    """Whether a full stop before a word that is not small ends a sentence."""
    before = text[max(0, match.start() - LOOKED_AT) : match.start()]
    found = LAST_WORD.search(before)
    if not found:
        return True
    bare = found[0].strip("’'-")
    word = bare.lower()
    if word in NEVER_LAST:
        return False
    number_next = after[:1].isdigit() or after[:1] in "#№"
    if word in BEFORE_NUMBER:
        return not number_next
    if word.isdigit() and len(word) <= 3:  # "3. Water": the number of a list item
        line = before[: found.start()].rstrip(" \t")
        return bool(line) and line[-1] not in BREAKS
    if word in PERHAPS_LAST or (INITIALS.fullmatch(bare) and not (len(bare) == 1 and bare.islower())):
        following = NEXT_WORD.match(after)
        return bool(following) and following[1].lower() in STARTERS and not number_next
    return True


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


class _Cutter:
    """Cuts one text; remembers its borders and what was found to fit."""

    def __init__(self, text: str, fits: Callable[[str], bool]) -> None:
        self.text = text
        self.fits = fits
        self.paragraphs = [match.end() for match in PARAGRAPH.finditer(text)]
        self.sentences = _sentence_ends(text)
        self.known: dict[tuple[int, int], bool] = {}
        self.guess = max(1, len(text) // 2)

    def cut(self, start: int, cap: int, most: int) -> list[tuple[int, int]]:
        """Spans from `start` on, of at most `cap` characters, that fit; none if they are over `most`."""
        spans: list[tuple[int, int]] = []
        size = len(self.text)
        while start < size:
            if len(spans) == most:
                return []
            end = self._end(start, min(size, start + cap))
            spans.append((start, end))
            start = self._with_space(end)
        return spans

    def evened(self, spans: list[tuple[int, int]], start: int) -> list[tuple[int, int]]:
        """No more spans than these, which go from `start` to the end, but of more even lengths."""
        even = (len(self.text) - start) / len(spans)
        least = min(map(_length, spans))
        if least < 0.8 * even:
            for share in CAPS:
                evener = self.cut(start, max(1, int(even * share)), len(spans))
                if evener and min(map(_length, evener)) > least:
                    return evener
        return spans

    def _end(self, start: int, limit: int) -> int:
        furthest = self._furthest(start, limit)
        if furthest == len(self.text):
            return furthest
        end = self._border(start, furthest)
        while end > start + 1 and not self._fit(start, end):  # `fits` is no simple measure of length
            end = self._border(start, start + max(1, (end - start) // 2))
        return end

    def _fit(self, start: int, end: int) -> bool:
        if (start, end) not in self.known:
            self.known[start, end] = self.fits(self.text[start:end].strip())
        return self.known[start, end]

    def _furthest(self, start: int, limit: int) -> int:
        """About the last place up to which the text from `start` fits; one character at least."""
        # What fits is about as long as the piece before: start there, step out further and further.
        step = min(self.guess, limit - start)
        stride = max(1, step // 8)
        low, high = start + 1, limit + 1  # low: fits, or must do; high: does not fit, or is past the end
        while step > 1 and not self._fit(start, start + step):
            high = start + step
            step, stride = max(step - stride, 1), max(1, step // 2)
        low = max(low, start + step)
        stride = max(1, step // 8)
        while low < min(high - 1, limit):
            further = min(low + stride, high - 1, limit)
            if not self._fit(start, further):
                high = further
                break
            low, stride = further, 2 * stride
        while high - low > max(1, (low - start) // 64):
            middle = (low + high) // 2
            if self._fit(start, middle):
                low = middle
            else:
                high = middle
        if low < limit:
            self.guess = max(1, low - start)
        return low

    def _border(self, start: int, furthest: int) -> int:
        """The best place to cut in `start + 1 .. furthest`."""
        full = furthest - start
        for borders, share in zip((self.paragraphs, self.sentences), LEAST, strict=False):
            end = _last_up_to(borders, self._with_space(furthest))
            if end is not None and end - start >= max(1, share * full):
                return min(end, furthest)
        least = start + max(1, int(LEAST[2] * full))
        for end in range(furthest, least, -1):
            if self.text[end].isspace() or self.text[end - 1].isspace():
                return end
        end = furthest  # not between a letter and the signs that belong to it
        while end > start + 1 and unicodedata.category(self.text[end])[0] == "M":
            end -= 1
        return end

    def _with_space(self, end: int) -> int:
        """The end of the white space that starts at `end`, as borders stand after it."""
        while end < len(self.text) and self.text[end].isspace():
            end += 1
        return end


def _last_up_to(borders: Sequence[int], end: int) -> int | None:
    place = bisect_right(borders, end)
    return borders[place - 1] if place else None
