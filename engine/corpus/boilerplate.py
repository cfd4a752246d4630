"""Lines that stand under many texts and say nothing of them: signatures, newsletters, rights."""

from __future__ import annotations

import re

PHRASES = re.compile(
    r"""(?:
    sent\ (?:from|via)\ my\ [\w\ ]{2,30} | envoy[ée]\ (?:de|depuis)\ mon\ [\w\ ]{2,30}
    | enviado\ desde\ mi\ [\w\ ]{2,30} | get\ outlook\ for\ \w+
    | (?:subscribe|sign\ up)\ (?:to|for)\ (?:our|the|my)\ [^\n]{0,80}
    | suscr[íi]b(?:ete|ase)\ a\ (?:nuestr[oa]|mi)\ [^\n]{0,80} | abonnez-vous\ [àa]\ (?:notre|ma)\ [^\n]{0,80}
    | (?:©|\(c\)|copyright)\ ?[^\n]{0,80} | (?:[^\n.!?]{0,40}[ ,])?all\ rights\ reserved
    | todos\ los\ derechos\ reservados | tous\ droits\ r[ée]serv[ée]s
    | follow\ us\ on\ [^\n]{2,60} | s[íi]guenos\ en\ [^\n]{2,60} | suivez-nous\ sur\ [^\n]{2,60}
    | share\ this(?:\ (?:article|story|post))? | click\ here\ (?:to|for)\ [^\n]{2,60}
    | advertisement | publicidad | publicit[ée]
    | this\ (?:e-?mail|message)(?:\ and\ any\ attachments?)?
      \ (?:is|are|may\ be|contains?)\ confidential[^\n]{0,400}
    )[.!]*""",
    re.IGNORECASE | re.VERBOSE,
)
LAST = re.compile(rf"(?<=[.!?…])\s+{PHRASES.pattern}\s*$", re.IGNORECASE | re.VERBOSE)
TELLING = re.compile(
    r"my |mon |mi |outlook|newsletter|to our|to the|to my|for our|nuestr|notre|ma |©|\(c\)|copyright|rights|"
    r"derechos|droits|follow us|guenos|suivez|share this|click here|advertis|publici|confidential",
    re.IGNORECASE,
)


def without_boilerplate(text: str) -> str:
    """The text without such lines and without such a last sentence; unchanged if nothing else is left."""
    if not TELLING.search(text):
        return text
    lines = text.split("\n")
    kept = [line for line in lines if not PHRASES.fullmatch(line.strip())]
    bare = "\n".join(kept) if len(kept) < len(lines) else text
    bare = LAST.sub("", bare)
    return bare if bare.strip() else text
