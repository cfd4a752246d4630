"""Answers of large models in one SQLite file, keyed by content: asking again costs nothing.

An answer is written as soon as its batch is done, so an interrupted run has lost at most one batch.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import RunError, disk_errors_in_words
from engine.records import Answer, Written

_SCHEMA = """
create table if not exists answers (
    key text primary key, labels integer not null, log_probs blob not null,
    depths integer not null, hidden blob
) without rowid;
create table if not exists texts (
    key text primary key, text text not null, finished integer not null
) without rowid;"""


class AnswerCache:
    """A dictionary on disk from answer key to `Answer`. Safe for several processes at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with disk_errors_in_words("the answers of the large model"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._open() as db:
                db.executescript(_SCHEMA)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            db = sqlite3.connect(self.path, timeout=60)
            try:
                with db:
                    yield db
            finally:
                db.close()
        except sqlite3.DatabaseError as error:
            if "full" in str(error):
                raise OSError(28, str(error)) from error
            raise RunError(f"The store of answers ({self.path.name}) cannot be used: {error}.",
                           "If it is damaged, delete that file: the large model is then asked anew.",
                           "Documents, instructions and finished runs are safe.") from error

    def _rows(self, table: str, columns: str, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Rows of these keys, in pieces that SQLite takes."""
        with self._open() as db:
            for start in range(0, len(keys), 500):
                chunk = list(keys[start:start + 500])
                marks = ",".join("?" * len(chunk))
                yield from db.execute(f"select key, {columns} from {table} where key in ({marks})", chunk)

    def get(self, keys: Sequence[str]) -> dict[str, Answer]:
        """The answers that are there; keys without one are left out."""
        return {key: Answer(np.frombuffer(log_probs, dtype=np.float32, count=n).copy(),
                            np.frombuffer(hidden, dtype=np.float16).reshape(depths, -1).copy()
                            if hidden is not None else None)
                for key, n, log_probs, depths, hidden in self._rows(
                    "answers", "labels, log_probs, depths, hidden", keys)}

    def put(self, answers: Mapping[str, Answer]) -> None:
        """Keep answers; one transaction."""
        rows = [(key, len(a.log_probs), a.log_probs.astype(np.float32).tobytes(),
                 0 if a.hidden is None else len(a.hidden),
                 None if a.hidden is None else a.hidden.astype(np.float16).tobytes())
                for key, a in answers.items()]
        with disk_errors_in_words("the answers of the large model"), self._open() as db:
            db.executemany("insert or replace into answers values (?, ?, ?, ?, ?)", rows)

    def get_texts(self, keys: Sequence[str]) -> dict[str, Written]:
        """What was written before; keys without a text are left out."""
        return {key: Written(text, bool(finished))
                for key, text, finished in self._rows("texts", "text, finished", keys)}

    def put_texts(self, texts: Mapping[str, Written]) -> None:
        """Keep what was written; one transaction."""
        rows = [(key, written.text, int(written.finished)) for key, written in texts.items()]
        with disk_errors_in_words("the answers of the large model"), self._open() as db:
            db.executemany("insert or replace into texts values (?, ?, ?)", rows)
