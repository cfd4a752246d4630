"""Documents as columns behave as the tuple of documents they stand for."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.corpus.columns import SCHEMA, DocumentColumns
from engine.records import Corpus, Document

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
META = st.dictionaries(TEXT, TEXT, max_size=2)
DOCUMENTS = st.lists(st.builds(Document, TEXT, TEXT, TEXT, TEXT, META, TEXT), max_size=12)


def columns(documents: list[Document]) -> DocumentColumns:
    rows = [{"id": d.id, "text": d.text, "original": None if d.original == d.text else d.original,
             "group": d.group, "meta": json.dumps(dict(d.meta)) if d.meta else None,
             "parent": d.parent or None} for d in documents]
    return DocumentColumns(pa.Table.from_pylist(rows, SCHEMA))


@settings(max_examples=60, deadline=None)
@given(DOCUMENTS, st.slices(12))
def test_as_a_tuple(documents: list[Document], at: slice) -> None:
    made = columns(documents)
    assert len(made) == len(documents)
    assert list(made) == documents
    assert made[at] == tuple(documents)[at]
    assert made == tuple(documents) and tuple(documents) == made
    assert all(made[i] == made[i - len(made)] == d for i, d in enumerate(documents))
    assert Corpus("c", made).digest == Corpus("c", tuple(documents)).digest


def test_beyond_the_end_and_unlike_others() -> None:
    made = columns([Document("a", "t", "t", "g")])
    with pytest.raises(IndexError):
        made[1]
    assert made != (Document("a", "u", "t", "g"),)
    assert made != "a"
