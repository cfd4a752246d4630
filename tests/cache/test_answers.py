"""Answers on disk: the same bytes back, several writers at once, damage told in words."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.cache.answers import AnswerCache
from engine.cache.keys import answer_key, prompt_key
from engine.errors import RunError
from engine.records import Answer, Prompt

PROMPT = Prompt("Which?", (0, 1), ("a", "b"))


def answer(seed: int, hidden: bool = True) -> Answer:
    rng = np.random.default_rng(seed)
    return Answer(
        rng.normal(size=5).astype(np.float32), rng.normal(size=(3, 16)).astype(np.float16) if hidden else None
    )


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    kept = {f"k{i}": answer(i, hidden=i % 2 == 0) for i in range(1200)}  # more than one query's worth
    AnswerCache(tmp_path / "a" / "answers.sqlite").put(kept)
    found = AnswerCache(tmp_path / "a" / "answers.sqlite").get([*kept, "not there"])
    assert found.keys() == kept.keys()
    for key, was in kept.items():
        assert (found[key].log_probs == was.log_probs).all() and found[key].log_probs.dtype == np.float32
        assert (found[key].hidden is None) == (was.hidden is None)
        if was.hidden is not None:
            assert (found[key].hidden == was.hidden).all() and found[key].hidden.dtype == np.float16
    found["k0"].log_probs[0] = 1.0  # writable: nobody need copy it again


def test_the_newest_answer_stands(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "answers.sqlite")
    cache.put({"k": answer(1)})
    cache.put({"k": answer(2, hidden=False)})
    assert (cache.get(["k"])["k"].log_probs == answer(2).log_probs).all() and cache.get(["k"])[
        "k"
    ].hidden is None
    assert cache.get([]) == {}


WRITER = """
import sys, numpy as np
from pathlib import Path
from engine.cache.answers import AnswerCache
from engine.records import Answer
me = sys.argv[2]
for i in range(40):
    mine = {f"{me}-{i}-{j}": Answer(np.full(4, i, dtype=np.float32)) for j in range(5)}
    AnswerCache(Path(sys.argv[1])).put(mine
                                       | {"shared": Answer(np.full(4, i, dtype=np.float32))})
"""


def test_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), me]) for me in ("a", "b")]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    wanted = [f"{me}-{i}-{j}" for me in "ab" for i in range(40) for j in range(5)]
    found = AnswerCache(path).get([*wanted, "shared"])
    assert len(found) == 401 and found["shared"].log_probs.tolist() == [39.0] * 4


def test_a_damaged_file_is_told_in_words_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    AnswerCache(path).put({f"k{i}": answer(i) for i in range(200)})
    whole = path.read_bytes()
    path.write_bytes(b"this is no database at all, but long enough to be looked at" * 20)
    with pytest.raises(RunError, match="answers.sqlite") as refused:
        AnswerCache(path)
    assert "delete that file" in refused.value.fix and path.read_bytes().startswith(b"this is no")
    path.write_bytes(whole[: len(whole) // 2])  # cut short by a full disk, say
    with pytest.raises(RunError):
        AnswerCache(path).get([f"k{i}" for i in range(200)])


def test_every_part_of_a_question_is_in_its_name() -> None:
    word = replace(PROMPT, answer="word")
    different = [
        PROMPT,
        replace(PROMPT, text="Which??"),
        replace(PROMPT, opening="So:"),
        word,
        replace(PROMPT, order=(0, 1, 2), labels=("a", "b", "c")),
        replace(word, labels=("a", "c")),
        replace(word, order=(1, 0)),
    ]
    assert len({prompt_key(p) for p in different}) == len(different)
    assert prompt_key(PROMPT) == prompt_key(replace(PROMPT, labels=("c", "d")))  # letters are letters
    keys = {
        answer_key("teacher", PROMPT, ()),
        answer_key("teacher", PROMPT, (0.5, 1.0)),
        answer_key("other", PROMPT, ()),
        answer_key("teacher", PROMPT, (0.5,)),
    }
    assert len(keys) == 4
