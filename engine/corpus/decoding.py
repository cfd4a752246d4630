"""Bytes to text: byte-order marks, UTF-8, UTF-16 without a mark, else the likeliest older encoding.

A statistical guess that may be wrong says so in a warning: the page shows decoded rows beside it.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

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
SAMPLE = 60_000  # characters looked at for a statistical guess
MOSTLY_UTF8 = 0.05  # broken places allowed for each good multi-byte character
BINARY = 0.05  # share of control characters above which bytes are not text


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file, the encoding it was read with, and what the reader should know."""

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


def decode(data: bytes, encoding: str | None = None) -> Decoded:
    """Decode `data`, with `encoding` if given, else by its content; NUL characters are taken out.

    Raises `InputError` if the encoding is unknown or does not fit, or if the bytes are not text.
    """
    if encoding:
        decoded = Decoded(_forced(data, encoding), encoding)
    else:
        decoded = _marked(data) or _utf16_unmarked(data) or _utf8(data) or _older(data)
    return _without_nul(decoded)


def _forced(data: bytes, encoding: str) -> str:
    fix = "Choose another encoding, or let it be guessed."
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except LookupError as error:
        raise InputError(f"There is no text encoding called “{encoding}”.", fix) from error
    except UnicodeError as error:
        raise InputError(f"The file cannot be read as {encoding}.", fix) from error


def _marked(data: bytes) -> Decoded | None:
    for mark, encoding in MARKS:
        if data.startswith(mark):
            try:
                return Decoded(data.decode(encoding).removeprefix("\ufeff"), encoding)
            except UnicodeDecodeError:
                text = data.decode(encoding, "replace").removeprefix("\ufeff")
                if encoding.startswith("utf-8"):
                    encoding = "utf-8-sig"
                return Decoded(text, encoding, (_broken(text.count("\ufffd"), encoding),))
    return None


def _utf16_unmarked(data: bytes) -> Decoded | None:
    """Spaces, line ends and Latin letters put a NUL into every second byte."""
    sample = data[:SAMPLE]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    nuls = even + odd
    if nuls < 4 or nuls < 0.02 * len(sample) or max(even, odd) < 0.95 * nuls:
        return None
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if _controls(text) > BINARY else Decoded(text.removeprefix("\ufeff"), encoding)


def _utf8(data: bytes) -> Decoded | None:
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        pass
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    good = sum(map(len, re.findall(r"[^\x00-\x7f\ufffd]+", text)))
    if broken <= MOSTLY_UTF8 * good:
        return Decoded(text, "utf-8", (_broken(broken, "UTF-8"),))
    return None


def _broken(count: int, encoding: str) -> str:
    return (
        f"{n_of(count, 'place')} could not be read as {encoding} and "
        f"{'shows' if count == 1 else 'show'} as \ufffd."
    )


def _older(data: bytes) -> Decoded:
    sample = _telling_lines(data)
    scores = [
        (score, -order)
        for order, (name, _, frequent) in enumerate(OLDER)
        if (score := _likelihood(sample, name, frequent)) is not None
    ]
    for _, order in sorted(scores, reverse=True):
        name, people, _ = OLDER[-order]
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        return Decoded(text, name, (_guessed(people, name),))
    text = data.decode("cp1252", "replace")
    broken = text.count("\ufffd")
    return Decoded(
        text, "cp1252", (_guessed("Western European", "cp1252"), _broken(broken, "cp1252"))
    )


def _guessed(people: str, name: str) -> str:
    return (
        f"The file does not say how its letters are stored; {people} ({name}) fits best. "
        "If letters look wrong below, choose another encoding."
    )


def _telling_lines(data: bytes) -> bytes:
    """Whole lines that hold bytes beyond ASCII, up to the sample size."""
    kept, size = [], 0
    for line in re.split(rb"[\r\n]+", data):
        if not line.isascii():
            kept.append(line)
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


def _without_nul(decoded: Decoded) -> Decoded:
    text = decoded.text
    nuls = text.count("\0")
    if _controls(text) > BINARY or nuls > 0.2 * len(text):
        raise InputError(
            "This file does not hold text that can be read: it looks like a program's own format.",
            "Export it as CSV (UTF-8) from the program that made it.",
        )
    if not nuls:
        return decoded
    note = f"{n_of(nuls, 'NUL character')} (invisible, of no meaning) taken out."
    return Decoded(text.replace("\0", ""), decoded.encoding, (*decoded.warnings, note))
