"""The forms that private details take: what a phone number, a coordinate, a document's number looks like.

All forms are looked for in a text whose digits and signs were made plain by `TWINS`.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator

Span = tuple[int, int]

# Digits of other scripts, typographic signs and spaces as their plain twins, one sign for one sign.
TWINS = {
    first + value: ord(str(value)) for first in (0x660, 0x6F0, 0x966, 0x9E6, 0xFF10) for value in range(10)
} | str.maketrans(
    "＠＋－．（）：，٫٬،\u2010\u2011\u2012\u2013\u2212\xa0\u202f\u2009′’″”“", '@+-.():,.,,-----   \'\'"""'
)

DIGIT = re.compile(r"\d")
EMAIL = re.compile(r"(?<![\w.+%@-])[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
HANDLE = re.compile(r"(?<![\w@-])(?<!\w[.+])@\w{1,40}(?:@[\w-]+(?:\.[\w-]+)+)?|(?<=\w)@[^\W\d]\w{2,39}")
SPELLED = re.compile(
    r"(?<![\w.+-])[\w.+-]+ ?[(\[{<] ?(?:at|arroba|arobase|@) ?[)\]}>] ?[\w-]+"
    r"(?:(?:\.| ?[(\[{<] ?(?:dot|punto|point|ponto|\.) ?[)\]}>] ?| (?:dot|punto|point) )[\w-]+)*"
    r"|(?<![\w.+-])[\w.+-]+ (?:at|arroba) \w+ (?:dot|punto) (?:com|org|net|info|gov|edu|[a-z]{2})(?!\w)"
    r"|(?<![\w.+-])[\w.+-]+ arroba \w+(?:\.[\w-]+)+",
    re.I,
)
MAY_SPELL = re.compile(r"[(\[{<] ?(?:at|arr?obase?|arroba) ?[)\]}>]| (?:dot|punto|arroba) ", re.I)

ADDRESS = re.compile(r"(?:https?://|\bwww\.|\bgoo\.gl/|\bmaps\.app\.goo\.gl/)[^\s<>\"]+", re.I)
_DECIMAL = r"[-+]?\d{1,3}\.\d{3,}"
_MAP_LINK = re.compile(
    rf"{_DECIMAL}(?:,|%2C|/|;|!4d|&\w*lon\w*=|&\w*lng=)\+?{_DECIMAL}|goo\.gl/maps|maps\.app\.goo\.gl/\w", re.I
)
_DMS = r"\d{1,3} ?[°º] ?\d{1,2}(?:\.\d+)? ?'(?: ?\d{1,2}(?:[.,]\d+)? ?(?:\"|''))?"  # 18° 32' 21.5"
_PAIR = re.compile(  # 18.5392, -72.3364 with N, S, E, W, O (oeste, ouest) or without
    r"(?<![\d.,])(?:(?<!\w)[NS] ?)?[-+]?\d{1,3}\.\d{3,}(?: ?[°º])?(?: ?[NS](?!\w))?"
    r"(?: ?[,;/|] ?| )(?:[EWO] ?)?[-+]?\d{1,3}\.\d{3,}(?: ?[°º])?(?: ?[EWO](?!\w))?(?!\.?\d)",
    re.I,
)
_PLACES = tuple(  # a sign that is quick to look for, and the form
    (re.compile(sign), form if isinstance(form, re.Pattern) else re.compile(form))
    for sign, form in (
        (r"\d\.\d{3}", _PAIR),
        (r"\d,\d{4}", r"(?<![\d.,])[-+]?\d{1,3},\d{4,} ?[;/ ] ?[-+]?\d{1,3},\d{4,}(?!\d)"),
        (
            r"\d\.\d{2,} ?[°º]? ?[NS]",
            r"(?<![\w.])\d{1,2}\.\d{2,} ?[°º]? ?[NS](?: ?[,;/] ?| |)\d{1,3}\.\d{2,} ?[°º]? ?[EWO](?!\w)",
        ),
        (
            "[°º]",
            rf"(?:\b[NS] ?)?{_DMS} ?[NS]?(?: ?[,;/] ?| |)(?:[EWO] ?)?{_DMS}(?: ?[EWO](?!\w))?"
            rf"|\b[NSEWO] ?{_DMS}|{_DMS} ?[NSEWO](?!\w)",
        ),
        (
            "(?i:lat)|خط",
            r"(?<!\w)(?:(?i:lat(?:itude?|itud)?)|خط العرض)(?:[ .:=\"']|de){0,6}[-+]?\d{1,2}[.,]\d{2,}"
            r"[^\d\n]{0,18}?"
            r"(?:(?i:lon(?:g|gitude?|gitud)?|lng)|خط الطول)(?:[ .:=\"']|de){0,6}[-+]?\d{1,3}[.,]\d{2,}"
            r"(?: ?[°º]? ?[EWO](?!\w))?",
        ),
        (
            r"[2-9CFGHJMPQRVWX]{4}\+[2-9CFGHJMPQRVWX]{2}",  # plus codes
            r"(?<!\w)(?=[2-9CFGHJMPQRVWX+]*[2-9])(?=[2-9+]*[CFGHJMPQRVWX])"
            r"[2-9CFGHJMPQRVWX]{4,8}\+[2-9CFGHJMPQRVWX]{2,3}(?!\w)",
        ),
    )
)

_STRONG = (
    r"passports?|passeport|pasaporte|passaporte|d\.?n\.?i\.?|c[ée]dula|cedula de identidad|c\.? ?i\.?n\.?|"
    r"c\.?p\.?f\.?|c\.?n\.?i\.?c\.?|curp|aadhaar|ssn|(?-i:N\.?I\.?[EFN]\.?|RUT)|social security|"
    r"(?:national |voter |refugee )?id(?:entity|entification)? (?:card|number|no)|national id|"
    r"carte d'identit[ée]|pi[èe]ce d'identit[ée]|carnet|matricule|"
    r"(?:case|file|dossier|registration|unhcr|hcr|individual|ration card|visa|license|licence|licen[cs]ia)"
    r"(?= ?(?:no|nr|num|n[°ºo]|id|#|number|n[úu]mero|:))|"
    r"(?:expediente|dossier|caso|cas)(?= ?(?:no|nr|num|n[°ºo]|#|n[úu]m))|"
    r"(?:bank )?(?:account|acct|a/c)(?= ?(?:no|nr|num|#|:|is))|cuenta(?= ?(?:no|nr|n[°ºo]|#|n[úu]m|:))|"
    r"جواز(?: (?:ال)?سفر)?|(?:ال)?هوية|الرقم (?:الوطني|القومي)|رقم (?:الملف|القضية|البطاقة)|بطاقة"
)
_LABELLED = re.compile(
    rf"(?<![\w/@#])(?:(?P<strong>{_STRONG})|(?P<weak>id|c\.i\.?|(?-i:CI|PAN)))(?!\w)"
    r"(?P<between>(?: ?(?:card|numbers?|n[°ºo]|nos?|nr|nro|num|n[úu]m(?:ero)?|de identidad"
    r"|(?:ال)?(?:رقم|وطنية)|is|es|est|id|[:#=.'\"(-])(?![^\W\d])){0,5}) ?"
    r"(?P<code>(?=[a-z]{0,5}[-/ ]?\d)[a-z]{0,5}[-/ ]?\d[\da-z]*(?:[-/.][\da-z]+){0,5}(?: \d{4}){0,3})(?!\w)",
    re.I,
)
_CODES = re.compile(  # a UNHCR case; a social security number
    r"(?<![\w-])(?:\d{3}-\d{2}[A-Z]\d{5}|(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4})(?![\w-])"
)
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?!\w)")
_IBAN_SAID = re.compile(r"(?i:iban)\W{0,4}([A-Z]{2} ?\d{2}(?: ?[A-Z]?\d+| [A-Z]){2,9})(?!\w)")
_TWEET = re.compile(r"(?:tweet|status|post|event|message|glide|user|video)(?:'s|s)?[ _-]?$", re.I)

_PHONE = re.compile(
    r"(?<![\w$€£¥#+])(?<!\d[.,/:-])(?<![A-Za-z]-)(?:\(? ?\+ ?|\()?"
    r"\d(?:[ .\-/()]{0,3}\d){6,40}(?![\w%])(?!,\d)"
)
_PHONE_LINK = re.compile(r"(?:wa\.me/|whatsapp\.com/send\?phone=|(?:tel|sms|callto):)(\+?[\d-]{7,18})", re.I)
_UNSPACED = re.compile(r"(?:\+\d{1,3} )?\(?\d(?:[.\-()]{0,2}\d|\) \d){6,14}(?!\d)")
_LOCAL = re.compile(  # forms that nothing else has
    r"(?:1[-. ])?(?:\(\d{2,5}\)[ -]?\d{3,4}[ -]?\d{3,4}|\d{3}(?:[-.]\d{3}[-.]| \d{3}-)\d{4})"
    r"|0\d{2,4}[- ]\d{3}[- ]?\d{3,4}|0[1-9]\d{8,9}|0[1-9](?:([ .-])\d\d)(?:\1\d\d){3}"
)
_CALLING = re.compile(  # what stands before a number that one may call
    r"(?<!\w)(?:tel(?:e?ph?one?|[ée]fonos?|[ée]phone[rz]?|efone|efon|efòn|p|f|fs)?|t[ée]l|phones?|ph|fone|fono"
    r"|cell?(?:ular)?|mob(?:ile)?|m[óo]vil|portable|land ?line|call(?:ed|ing|s)?|dial|ring|text|sms|fax"
    r"|whats?app|wsp|viber|signal|hot ?lines?|help ?lines?|reach (?:me|us|him|her|them)"
    r"|contact(?:o|ar|ez|er)?|contato|numbers?|nimewo|n[úu]m(?:ero|eri)?|num[ée]ro|marcar|marque|comunicarse"
    r"|l[íi]nea|ll[aá]m(?:ar|e|en|a|ame|anos|enos|adme)|ligar?|ligue|chiam(?:a|are|ate)"
    r"|appel(?:er|ez|le|les)|joindre|rele|hubungi|тел(?:ефон)?|звоните|फोन|संपर्क"
    r"|[وبفل]?(?:ا?ل)?(?:هاتف|تلفون|تليفون|جوال|موبايل|محمول|رقم|واتس ?ا?ب?)(?:ي|ه|ها|هم|نا|كم)?"
    r"|[وبفل]?(?:ا?ل)?(?:اتصال|تواصل|اتصلوا?|تواصلوا?))"
    r"\.?(?!\w)(?:[^\d\n.!?$€£]|\.(?! )){0,80}$",
    re.I,
)
_CALLED = re.compile(  # … is the number to call
    r" ?(?:[,(-]|\b(?:es|is|est)\b) ?(?:\w+ ){0,2}?(?:phone|tel|n[úu]m|cell?|mobile|whatsapp|رقم|هاتف)", re.I
)
CODED = re.compile(r"(?<![\w/.])[A-Za-z]{0,5}[-/ ]?\d[\w/.-]{3,}")
_DATE = re.compile(
    r"(?<!\d)(?<!\d[-/.])(?:(?:19|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|[12]\d|3[01])\2(?:(?:19|20)\d\d|\d\d))(?![-/.]?\d)"
)
_YEARS = re.compile(r"(?:\d{1,2}\W+){0,2}(?:19|20)\d\d(?:\W+(?:\d{1,2}|(?:19|20)\d\d))*")
_THOUSANDS = re.compile(r"\d{1,3}(?:([ .])\d{3})(?:\1\d{3})*")
GLIDE = re.compile(r"\b[A-Z]{2}-\d{4}-\d{6}-[A-Z]{3}\b")
_MONEY = re.compile(r"(?:[$€£¥₱₹]|\b(?:USD|EUR|GBP|PHP|INR|HTG|Rs\.?|US|MXN|BRL)) ?$", re.I)
_UNIT = re.compile(
    r" ?(?:[$€£¥₱₹%]|(?:usd|eur|dollars?|d[óo]lares|euros?|pesos|people|persons?|personas|personnes|pessoas"
    r"|dead|deaths|killed|muertos|morts|mortos|injured|heridos|families|familias|homes|houses|displaced"
    r"|acres|hectares|km|m|شخص|قتيل)\b)",
    re.I,
)


def places(flat: str, links: list[Span]) -> Iterator[Span]:
    """Coordinates, plus codes, and those of the `links` that point to a place on a map."""
    for start, end in links:
        if _MAP_LINK.search(flat, start, end):
            yield start, end
    for sign, form in _PLACES:
        if not sign.search(flat):
            continue
        for match in form.finditer(flat):
            if form is not _PAIR or _on_earth(match[0]):
                yield match.span()


def _on_earth(pair: str) -> bool:
    """Whether two decimals can be a latitude and a longitude, and are not thousands (1.200, 3.500)."""
    first, second = re.findall(r"\d+\.\d+", pair)
    if min(float(first), float(second)) > 90 or max(float(first), float(second)) > 180:
        return False
    short = len(first.split(".")[1]) == len(second.split(".")[1]) == 3
    return not (short and "0" in (first[-1], second[-1]) and not re.search(r"[-+NSEWO]", pair, re.I))


def numbers(flat: str, closed: list[Span]) -> Iterator[Span]:
    """Numbers of documents, cases and accounts, outside the `closed` spans."""
    for match in _IBAN.finditer(flat):
        groups = match[0].split(" ")  # words in capitals may stand behind it
        whole = (" ".join(groups[:n]) for n in range(len(groups), 0, -1))
        if code := next((code for code in whole if _is_iban(code.replace(" ", ""))), ""):
            yield match.start(), match.start() + len(code)
    for match in _IBAN_SAID.finditer(flat):
        yield match.span(1)
    for match in _CODES.finditer(flat):
        if not _within(match.span(), closed):
            yield match.span()
    for match in _LABELLED.finditer(flat):
        code = match["code"]
        digits = _digits(code)
        if digits < 4 or _DATE.search(code) or _YEARS.fullmatch(code) or _within(match.span("code"), closed):
            continue
        if match["weak"]:
            bare = not match["between"].strip() and code.isdecimal()  # Boise, ID 83701
            if digits < (7 if bare else 5) or digits > 15 or _TWEET.search(flat[: match.start()][-12:]):
                continue
        yield match.span("code")


def _is_iban(code: str) -> bool:
    if not 15 <= len(code) <= 34:
        return False
    return int("".join(str(int(sign, 36)) for sign in code[4:] + code[:4])) % 97 == 1


def phones(flat: str, region: str | None, closed: list[Span]) -> Iterator[Span]:
    """Phone numbers outside the `closed` spans (`region`: see `privacy.find`)."""
    for match in _PHONE_LINK.finditer(flat):
        yield match.span(1)
    last = -100  # where the last phone number ended: “… or 3412-5678” goes on with another
    for match in _PHONE.finditer(flat):
        if _within(match.span(), closed):
            continue
        for start, end in _parts(flat, *match.span()):
            for span in _international(flat[start:end]) or (
                ((0, end - start),) if _is_local(flat, start, end, region, last) else ()
            ):
                yield start + span[0], start + span[1]
                last = start + span[1]


def _parts(flat: str, start: int, end: int) -> list[Span]:
    """A run of digits and signs, parted where it holds several numbers or a count after one."""
    piece = flat[start:end]
    cut = next((m for m in re.finditer(" ?/ ?|  +", piece) if _digits(piece[: m.start()]) >= 7), None)
    if cut and _digits(piece[cut.end() :]) >= 7:
        return _parts(flat, start, start + cut.start()) + _parts(flat, start + cut.end(), end)
    if _digits(piece) > 15:
        return [(start + m.start(), start + m.end()) for m in _UNSPACED.finditer(piece)]
    tail = re.search(r"[-.)].* (\d{1,3})$", piece) or re.search(r" (\d)$", piece)
    if tail and _digits(piece[: tail.start(1)]) >= 7:  # 3412-5678 3 children
        end = start + tail.start(1) - 1
    if piece[0] == "(" and ")" not in piece:
        start += 1
    return [(start, end)]


def _digits(piece: str) -> int:
    return sum(map(str.isdecimal, piece))


def _international(piece: str) -> list[Span]:
    """Where in the piece a number with its country code stands (+ or 00, as long as that country's are)."""
    if "+" not in piece and not re.match(r"00[1-9]", piece):
        return []
    from phonenumbers import Leniency, PhoneNumberMatcher

    dialled = piece if "+" in piece else f" +{piece[2:]}"
    return [
        (0 if "+" not in piece else match.start, match.end)
        for match in PhoneNumberMatcher(dialled, None, leniency=Leniency.POSSIBLE)
    ]


def _is_local(flat: str, start: int, end: int, region: str | None, last: int) -> bool:
    """Whether digits without a country code are a phone number: by their form or what stands before."""
    piece = flat[start:end]
    if (
        _DATE.search(piece)
        or _YEARS.fullmatch(piece)
        or re.fullmatch(r"\d+\.\d+ \d+\.\d+", piece)
        or _UNIT.match(flat, end)
    ):
        return False
    if _MONEY.search(flat[max(0, start - 6) : start]):
        return False
    if _LOCAL.fullmatch(piece):
        return True
    if _THOUSANDS.fullmatch(piece) and (piece.endswith("00") or "." in piece):
        return False
    if _digits(piece) > 15:
        return False
    if start - last <= 12 and not re.search(r"[\d\n$€£]|\. ", flat[last:start]):
        return True
    if _CALLING.search(flat[max(0, start - 110) : start]) or _CALLED.match(flat, end):
        return True
    if not region:
        return False
    from phonenumbers import Leniency, PhoneNumberMatcher

    return any(PhoneNumberMatcher(piece, region.upper(), leniency=Leniency.VALID))


def _within(span: Span, closed: list[Span]) -> bool:
    """Whether a span touches one of the sorted, separate spans that stay as they are."""
    i = bisect(closed, span[0], key=lambda other: other[0])
    return (i > 0 and closed[i - 1][1] > span[0]) or (i < len(closed) and closed[i][0] < span[1])
