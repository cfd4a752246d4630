"""Lists of likeliest tokens: what comes back is what was kept, and what was made otherwise is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from engine.cache.signals import load_written, save_written
from engine.cache.token_shards import TokenShards
from engine.errors import RunError
from engine.records import ListedTokens, WrittenSignal, text_digest

ABOUT = {"teacher": "one", "temperatures": [1.0, 2.0], "depths": [0.5]}
RNG = np.random.default_rng(0)


def listing(n: int, k: int = 4) -> tuple[ListedTokens, np.ndarray]:
    return ListedTokens(RNG.integers(0, 99, (n, k)).astype(np.int32),
                        RNG.normal(size=(n, k)).astype(np.float16), (1.0, 2.0),
                        RNG.normal(size=(2, n)).astype(np.float32),
                        RNG.integers(0, 99, n).astype(np.int32)), RNG.normal(size=(1, 3)).astype(np.float16)


def same(a: ListedTokens, b: ListedTokens) -> bool:
    arrays = ("ids", "log_probs", "normalisers", "written")
    return a.temperatures == b.temperatures and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays)


def key(n: int) -> str:
    return text_digest(str(n))


def test_what_was_kept_comes_back_by_its_key_from_whatever_shard(tmp_path: Path) -> None:
    made = {key(n): listing(n + 1) for n in range(7)}
    store = TokenShards.within(tmp_path, ABOUT)
    store.put({k: made[k] for k in list(made)[:4]})
    store.put({k: made[k] for k in list(made)[4:]})
    store.put({})
    for again in (store, TokenShards.within(tmp_path, ABOUT)):
        found = again.get([key(6), key(99), key(0), key(3)])
        assert set(found) == {key(6), key(0), key(3)}
        for name, (listed, hidden) in found.items():
            assert same(listed, made[name][0]) and np.array_equal(hidden, made[name][1])
    assert not TokenShards.within(tmp_path, {**ABOUT, "teacher": "two"}).get(list(made))


def test_a_shard_of_another_making_is_refused(tmp_path: Path) -> None:
    store = TokenShards.within(tmp_path, ABOUT)
    store.put({key(0): listing(2)})
    shard = next(store.folder.glob("shard-*.safetensors"))
    save_file(load_file(shard), shard, metadata={"made": "elsewhere"})
    with pytest.raises(RunError, match="other settings") as refused:
        TokenShards.within(tmp_path, ABOUT)
    assert "Delete that folder" in refused.value.fix
    shard.write_bytes(b"damaged")
    with pytest.raises(RunError, match="cannot be read"):
        TokenShards.within(tmp_path, ABOUT)
    shard.unlink()
    (store.folder / "about.json").write_text(json.dumps({**ABOUT, "depths": []}))
    with pytest.raises(RunError, match="another one"):
        TokenShards.within(tmp_path, ABOUT)


def test_a_shard_with_one_changed_byte_is_refused(tmp_path: Path) -> None:
    store = TokenShards.within(tmp_path, ABOUT)
    store.put({key(0): listing(2), key(1): listing(3)})
    shard = next(store.folder.glob("shard-*.safetensors"))
    held = bytearray(shard.read_bytes())
    begin = 8 + int.from_bytes(held[:8], "little")
    refused = 0
    for place in range(begin, len(held), 7):
        changed = held.copy()
        changed[place] ^= 0x40
        shard.write_bytes(changed)
        try:
            found = TokenShards.within(tmp_path, ABOUT).get([key(1)])
            assert not found  # its key is another one now: it is read once more
        except RunError as error:
            assert "was changed" in error.what
            refused += 1
        except UnicodeDecodeError:
            pytest.fail("a damaged key is told in words")
    assert refused > 10
    shard.write_bytes(held)
    assert TokenShards.within(tmp_path, ABOUT).get([key(1)])


def test_runs_that_write_at_once_do_not_write_over_each_other(tmp_path: Path) -> None:
    one, two = TokenShards.within(tmp_path, ABOUT), TokenShards.within(tmp_path, ABOUT)
    made = {key(n): listing(n + 1) for n in range(6)}
    one.put({k: made[k] for k in list(made)[:2]})
    two.put({k: made[k] for k in list(made)[2:4]})
    next(one.folder.glob("shard-*.safetensors")).unlink()  # one is lost: the next must not take its place
    left = TokenShards.within(tmp_path, ABOUT)
    left.put({k: made[k] for k in list(made)[4:]})
    found = TokenShards.within(tmp_path, ABOUT).get(list(made))
    assert len(found) == 4 and all(same(found[k][0], made[k][0]) for k in found)


def test_answers_in_writing_are_kept_beside_their_run(tmp_path: Path) -> None:
    lists = (listing(3)[0], None, listing(1)[0])
    signal = WrittenSignal(("Río — 12 muertos", "", "x"), np.array([0.5, 0.0, 1.0]), np.ones(3, int), lists,
                           RNG.normal(size=(3, 1, 4)).astype(np.float16), (0.5,))
    save_written(tmp_path / "s", signal)
    again = load_written(tmp_path / "s")
    assert again.texts == signal.texts and again.depths == (0.5,) and again.tokens[1] is None
    assert same(again.tokens[0], lists[0]) and same(again.tokens[2], lists[2])
    assert np.array_equal(again.hidden, signal.hidden) and np.array_equal(again.sureness, signal.sureness)
    save_written(tmp_path / "t", WrittenSignal(("a", ""), np.array([1.0, 0.0]), np.ones(2, int)))
    assert load_written(tmp_path / "t").tokens == () and load_written(tmp_path / "t").hidden is None
