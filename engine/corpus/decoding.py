"""Bytes to text: byte-order marks, UTF-8, UTF-16 without a mark, else the likeliest older encoding.

A statistical guess that may be wrong says so in a warning: the page shows decoded rows beside it.
"""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from engine.corpus.sources import Source
from engine.corpus.table import n_of
from engine.errors import InputError

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# The letters (and signs) beyond ASCII that are most frequent in the languages written with each
# encoding. Order settles ties.
OLDER = (
    ("cp1252", "Western European", "áéíóúñüçàèêãõâîôïëöäßåøæìòùÁÉÍÓÚÑÜÇÀÈÖÄØÅ¿¡«»’‘“”–—…€ºª°"),
    ("cp1256", "Arabic", "اليمونرتبدعةفسقحكهجأشطصخىإآؤئءغذزضظث؟،ًپچگ"),
    ("cp1251", "Cyrillic", "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфОЕАИНТСРВЛКМДПіїєґў«»—–№"),
    ("cp1254", "Turkish", "ıişğçöüâİŞĞÇÖÜ’“”"),
    ("cp1250", "Central European", "áéíóúýčďěňřšťůžąćęłńśźżőűăşţđČŘŠŽŁŚŻ„”–ľôäöü"),
    ("cp1253", "Greek", "αοιετσνηυρπκμλςωδγχθφβξζψάέίόύήώΑΟΙΕΤΣΝΠΚ«»"),
    ("cp1255", "Hebrew", "יוהלאתרבמשנחקעדכפםגצסזטןךףץ"),
    ("cp1258", "Vietnamese", "ăâêôơưđáàéèíìóòúùý"),
    ("cp874", "Thai", "านรอกเงมยลวดทสตะปบคหแจพชขใไโ่้ิี็ัาำ"),
    (
        "shift_jis",
        "Japanese",
        "のにはをたがでてとしれさあいるもなっりかアンスルトイラーク、。日一人大年国",
    ),
    (
        "gb18030",
        "Chinese (simplified)",
        "的一是不了在人有我他这中大来上国个到说们为子和地灾水，。、",
    ),
    ("big5", "Chinese (traditional)", "的一是不了在人有我他這中大來上國個到說們為子和地災水，。、"),
    ("euc_kr", "Korean", "이다는에의가을를고하로한은사지도기서인대"),
)
BLOCK = 1 << 20  # bytes read at once
START = 2_000_000  # characters that tell one format from another
SAMPLE = 60_000  # characters looked at for a statistical guess
MOSTLY_UTF8 = 0.05  # broken places allowed for each good multi-byte character
BINARY = 0.05  # share of control characters above which bytes are not text


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a file: how its letters are stored, and what the reader should know about that.

    Nothing is held: every call reads the source again, so that a large file costs no memory.
    """

    source: Source
    encoding: str
    warnings: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.source.size

    @property
    def text(self) -> str:
        """All of it, as one string."""
        return "".join(self.blocks())

    def start(self, characters: int = START) -> str:
        """The first characters."""
        kept, size = [], 0
        for block in self.blocks():
            kept.append(block)
            size += len(block)
            if size >= characters:
                break
        return "".join(kept)[:characters]

    def blocks(self) -> Iterator[str]:
        """The text in blocks, line ends as they are, NUL characters and a byte-order mark taken out."""
        yield from _decoded(self.source, self.encoding, "replace")

    def lines(self, end: str | None = None) -> Iterator[str]:
        r"""Its lines, ends kept. `end="\n"`: only these end a line; None: `\r` and `\r\n` too."""
        with io.TextIOWrapper(self.source.open(), self.encoding, "replace", newline=end or "") as lines:
            first = True
            for line in lines:
                if first:
                    line, first = line.removeprefix("\ufeff"), False
                yield line.replace("\0", "") if "\0" in line else line


def open_text(source: Source, encoding: str | None = None) -> Text:
    """The text of `source`, read as `encoding` if given, else as its content tells.

    Raises `InputError` if the encoding is unknown or does not fit, or if the bytes are not text.
    """
    if encoding:
        _check_forced(source, encoding)
        found = Text(source, encoding)
    else:
        found = _marked(source) or _utf16_unmarked(source) or _utf8(source) or _older(source)
    return _with_nuls_told(found)


def _decoded(source: Source, encoding: str, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    first = True
    with source.open() as opened:
        while True:
            raw = opened.read(BLOCK)
            block = decoder.decode(raw, final=not raw)
            if first and block:
                block, first = block.removeprefix("\ufeff"), False
            if block:
                yield block.replace("\0", "")
            if not raw:
                return


def _check_forced(source: Source, encoding: str) -> None:
    fix = "Choose another encoding, or let it be guessed."
    try:
        for _ in _decoded(source, encoding, "strict"):
            pass
    except LookupError as error:
        raise InputError(f"There is no text encoding called “{encoding}”.", fix) from error
    except (UnicodeError, TypeError, AttributeError, ValueError) as error:  # "hex" and "idna" are codecs too
        raise InputError(f"The file cannot be read as {encoding}.", fix) from error


def _fits(source: Source, encoding: str) -> bool:
    try:
        for _ in _decoded(source, encoding, "strict"):
            pass
    except UnicodeDecodeError:
        return False
    return True


def _lost(source: Source, encoding: str) -> tuple[int, int]:
    """Places that cannot be read in this encoding, and characters beyond ASCII that can."""
    broken = good = 0
    for block in _decoded(source, encoding, "replace"):
        if not block.isascii():
            broken += block.count("\ufffd")
            good += sum(map(len, re.findall(r"[^\x00-\x7f\ufffd]+", block)))
    return broken, good


def _marked(source: Source) -> Text | None:
    head = source.head(4)
    for mark, encoding in MARKS:
        if head.startswith(mark):
            broken = _lost(source, encoding)[0]
            return Text(source, encoding, (_broken(broken, encoding),) if broken else ())
    return None


def _utf16_unmarked(source: Source) -> Text | None:
    """Spaces, line ends and Latin letters put a NUL into every second byte."""
    sample = source.head(SAMPLE)
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    nuls = even + odd
    if nuls < 4 or nuls < 0.02 * len(sample) or max(even, odd) < 0.95 * nuls:
        return None
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    if not _fits(source, encoding):
        return None
    text = Text(source, encoding)
    return None if _controls(text.start(SAMPLE)) > BINARY else text


def _utf8(source: Source) -> Text | None:
    broken, good = _lost(source, "utf-8")
    if not broken:
        return Text(source, "utf-8")
    if broken <= MOSTLY_UTF8 * good:
        return Text(source, "utf-8", (_broken(broken, "UTF-8"),))
    return None


def _broken(count: int, encoding: str) -> str:
    return (
        f"{n_of(count, 'place')} could not be read as {encoding} and "
        f"{'shows' if count == 1 else 'show'} as \ufffd."
    )


def _older(source: Source) -> Text:
    sample = _telling_lines(source)
    scores = [
        (score, -order)
        for order, (name, _, frequent) in enumerate(OLDER)
        if (score := _likelihood(sample, name, frequent)) is not None
    ]
    for _, order in sorted(scores, reverse=True):
        name, people, _ = OLDER[-order]
        if _fits(source, name):
            return Text(source, name, (_guessed(people, name),))
    broken = _lost(source, "cp1252")[0]
    return Text(source, "cp1252", (_guessed("Western European", "cp1252"), _broken(broken, "cp1252")))


def _guessed(people: str, name: str) -> str:
    return (
        f"The file does not say how its letters are stored; {people} ({name}) fits best. "
        "If letters look wrong below, choose another encoding."
    )


def _telling_lines(source: Source) -> bytes:
    """Whole lines that hold bytes beyond ASCII, up to the sample size."""
    kept, size = [], 0
    with source.open() as opened:
        while size <= SAMPLE and (block := opened.readlines(BLOCK)):
            for line in re.split(rb"[\r\n]+", b"".join(block)):
                if not line.isascii():
                    kept.append(line[:SAMPLE])
                    size += len(line)
                    if size > SAMPLE:
                        break
    return b"\n".join(kept)


def _likelihood(sample: bytes, encoding: str, frequent: str) -> float | None:
    """How much `sample` reads like a language of this encoding, about 0..1; None: it cannot be."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return None
    counts = Counter(character for character in text if character > "\x7f")
    total = sum(counts.values())
    if not total:
        return None
    # A multi-byte encoding turns two bytes into one character; anything decodes as *some* of those.
    expected = sum(n for character, n in counts.items() if character in frequent) / total
    odd = sum(
        n
        for character, n in counts.items()
        if unicodedata.category(character) in ("Cc", "Co", "Cn", "So", "Sm", "Sc", "No", "Lm")
    )
    # "nIÑo", "дНКЗ": a capital straight after a small letter hardly ever happens in real words.
    capitals = len(re.findall(r"(?<=[a-zà-ÿа-яα-ω])[À-ÞА-ЯΑ-Ω]", text))
    inside = len(re.findall(r"(?<=\w)[^\w\s\x00-\x7f’‘'ًٌٍَُِّْ่้ิี็ัื](?=\w)", text))
    return expected - (odd + capitals + inside) / total


def _controls(text: str) -> float:
    """Share of control characters other than white space and NUL in the first part of a text."""
    sample = text[:SAMPLE]
    bad = sum(
        1
        for character in sample
        if (character < " " and character not in "\t\n\r\f\v\0\x1a")
        or "\x7f" <= character <= "\x84"
    )
    return bad / max(1, len(sample))


def _with_nuls_told(text: Text) -> Text:
    nuls = size = 0
    with text.source.open() as opened:
        while raw := opened.read(BLOCK):
            nuls, size = nuls + raw.count(0), size + len(raw)
    if text.encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32")):
        # Every Latin letter holds zero bytes here: only whole characters of value zero count.
        decoder = codecs.getincrementaldecoder(text.encoding)("replace")
        nuls = size = 0
        with text.source.open() as opened:
            while raw := opened.read(BLOCK):
                block = decoder.decode(raw)
                nuls, size = nuls + block.count("\0"), size + len(block)
    if _controls(text.start(SAMPLE)) > BINARY or nuls > 0.2 * size:
        raise InputError(
            "This file does not hold text that can be read: it looks like a program's own format.",
            "Export it as CSV (UTF-8) from the program that made it.",
        )
    if not nuls:
        return text
    note = f"{n_of(nuls, 'NUL character')} (invisible, of no meaning) taken out."
    return replace(text, warnings=(*text.warnings, note))


def storable(text: str) -> str:
    """Text that can be stored: half characters (lone surrogates) replaced, NULs taken out."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    text = text.replace("\0", "")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
