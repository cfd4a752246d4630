"""Parts the corpus: to learn from, to steer by, kept aside. Near-duplicates stay together."""

from __future__ import annotations

import random
from collections.abc import Sequence

from engine.corpus.table import n_of
from engine.errors import InputError, SettingsError
from engine.records import Corpus, Document, Parts

SHARES = (0.65, 0.15, 0.20)
FEWEST_DOCUMENTS = 60  # nine of them to steer by, a dozen kept aside
FEWEST_GROUPS = 3


def split(corpus: Corpus, *, seed: int, shares: Sequence[float] = SHARES) -> Parts:
    """The same parts for the same corpus, seed and shares (learn, steer, kept aside).

    Shares are of different texts: of a message forwarded a hundred times one is learned from, so a hundred
    copies must not fill a part. Groups are placed whole, those of most texts and then of most copies first
    (so those go to *learn*), each into the part that lacks most; equal ones in an order drawn by the seed.
    Parts are off by less than the largest group's texts, and every part holds something. Raises `InputError`
    with too few documents or groups.
    """
    if len(shares) != 3 or min(shares) <= 0:
        raise SettingsError(
            "The shares of learn, steer and kept aside must be three numbers above zero.",
            "The usual ones are 0.65, 0.15 and 0.20.",
        )
    members: dict[str, list[int]] = {}
    for i, document in enumerate(corpus.documents):
        members.setdefault(document.group, []).append(i)
    if len(corpus) < FEWEST_DOCUMENTS:
        raise InputError(too_few(len(corpus)), "Add more documents.")
    if len(members) < FEWEST_GROUPS:
        raise InputError(
            f"The {n_of(len(corpus), 'document')} are copies of only "
            f"{n_of(len(members), 'different text')}.",
            "Add documents that differ.",
        )
    order = sorted(members)
    random.Random(seed).shuffle(order)
    texts = {group: len({_place(corpus.documents[i]) for i in rows}) for group, rows in members.items()}
    order.sort(key=lambda group: (-texts[group], -len(members[group])))
    lacking = [share / sum(shares) * sum(texts.values()) for share in shares]
    parts: tuple[list[str], ...] = ([], [], [])
    for group in order:
        part = max(range(3), key=lambda p: lacking[p])
        parts[part].append(group)
        lacking[part] -= texts[group]
    _fill_empty(parts, members)
    learn, steer, kept_aside = (
        tuple(sorted(i for group in part for i in members[group])) for part in parts
    )
    return Parts(learn, steer, kept_aside)


def too_few(documents: int) -> str:
    """What to say of so many documents where they are fewer than `FEWEST_DOCUMENTS`."""
    return (f"{n_of(documents, 'document')} {'is' if documents == 1 else 'are'} too few to learn from and "
            f"still check: at least {FEWEST_DOCUMENTS} are needed (some hundreds work well).")


def _fill_empty(parts: Sequence[list[str]], members: dict[str, list[int]]) -> None:
    """Give an empty part the smallest group of the part with most groups."""
    for part in parts:
        if not part:
            giver = max(parts, key=len)
            smallest = min(giver, key=lambda group: len(members[group]))
            giver.remove(smallest)
            part.append(smallest)


def one_of_each_group(corpus: Corpus, rows: Sequence[int]) -> tuple[int, ...]:
    """The rows with near-duplicates counted once: the longest text of each group stands for it.

    Of a long document cut into pieces each piece counts; of its near-duplicates, the same pieces do not.
    """
    best: dict[tuple[str, str], int] = {}
    lengths: dict[int, int] = {}
    for i in rows:
        document = corpus.documents[i]
        lengths[i] = len(document.text)
        key = (document.group, _place(document))
        if key not in best or lengths[i] > lengths[best[key]]:
            best[key] = i
    return tuple(sorted(best.values()))


def _place(document: Document) -> str:
    """Which piece of a long document it is; empty for a whole one."""
    return document.id.removeprefix(document.parent) if document.parent else ""
