"""Plain text: one document a line when lines look like messages, else one a paragraph."""

from __future__ import annotations

import re
from statistics import median

from engine.corpus.decoding import Decoded
from engine.corpus.table import Table, n_of

LONG_LINE = 600  # characters: a line longer than this is prose, not a message
PIECE = 1_500  # characters: a paragraph longer than twice this is cut at ends of sentences
SENTENCE_END = (".", "!", "?", "…", ":", ";", '"', "”", "»", ")", "。", "！", "？", "؟", "۔", "।")


def table_from_plain(decoded: Decoded) -> Table:
    """One column, `text`. Paragraph mode says so in a warning."""
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")
    lines = [line.strip() for line in text.split("\n")]
    filled = [line for line in lines if line]
    if _are_messages(lines, filled):
        return _table(decoded, filled, (), pieces=False)
    paragraphs = [
        " ".join(map(str.strip, block.split("\n"))).strip()
        for block in re.split(r"\n\s*\n", text.strip("\n"))
    ]
    paragraphs = [paragraph for paragraph in paragraphs if paragraph]
    pieces = [piece for paragraph in paragraphs for piece in _cut(paragraph)]
    note = "This reads as one longer text, not as a list of messages: "
    if len(paragraphs) == 1 and len(pieces) > 1:
        note += f"it was cut at ends of sentences into {n_of(len(pieces), 'document')}."
    else:
        note += "each paragraph became a document"
        cut = len(pieces) > len(paragraphs)
        note += ", and very long ones were cut at ends of sentences" if cut else ""
        note += f" ({n_of(len(pieces), 'document')})."
    return _table(decoded, pieces, (note,), pieces=True)


def _are_messages(lines: list[str], filled: list[str]) -> bool:
    if not filled:
        return True
    if max(map(len, filled)) > 3 * LONG_LINE or median(map(len, filled)) > LONG_LINE:
        return False
    # Prose with hard line breaks: most lines run on into the next one, in blocks.
    running_on = sum(
        1
        for line, following in zip(lines, lines[1:], strict=False)
        if line and following and not line.endswith(SENTENCE_END) and following[0].islower()
    )
    followed = sum(
        1 for line, following in zip(lines, lines[1:], strict=False) if line and following
    )
    return followed < 3 or running_on < 0.4 * followed


def _cut(paragraph: str) -> list[str]:
    if len(paragraph) <= 2 * PIECE:
        return [paragraph]
    pieces, piece = [], ""
    for sentence in re.split(r"(?<=[.!?。！？؟।])\s+", paragraph):
        while len(sentence) > 2 * PIECE:  # no end of sentence in sight: cut at a space
            at = sentence.rfind(" ", PIECE // 2, PIECE)
            at = at if at > 0 else PIECE
            pieces += [p for p in (piece, sentence[:at].strip()) if p]
            piece, sentence = "", sentence[at:].strip()
        if piece and len(piece) + len(sentence) > PIECE:
            pieces.append(piece)
            piece = sentence
        else:
            piece = f"{piece} {sentence}".strip()
    return pieces + [piece] if piece else pieces


def _table(decoded: Decoded, texts: list[str], warnings: tuple[str, ...], *, pieces: bool) -> Table:
    return Table(
        "txt",
        decoded.encoding,
        None,
        None,
        None,
        ("text",),
        [(t,) for t in texts],
        (*decoded.warnings, *warnings),
        pieces_of_one=pieces,
    )
