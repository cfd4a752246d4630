"""Save points: whole or not there, the newest wins, a finished phase needs none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.training.checkpoints import (
    as_tensors,
    finish_phase,
    finished_phase,
    from_tensors,
    load_state,
    phase_folder,
    save_state,
)


def test_a_save_point_comes_back_and_the_one_before_is_gone(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None
    for step in (3, 7):
        save_state(tmp_path, {"master.0": torch.full((2, 3), float(step))}, {"step": step, "kl": 0.5})
    tensors, cursor = load_state(tmp_path)
    assert cursor["step"] == 7 and torch.equal(tensors["master.0"], torch.full((2, 3), 7.0))
    assert [p.name for p in tmp_path.glob("state-*")] == ["state-7.safetensors"]


def test_dying_before_the_cursor_is_written_leaves_the_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_state(tmp_path, {"master.0": torch.zeros(2)}, {"step": 3})
    with monkeypatch.context() as patch:
        def die(*_: object) -> None:
            raise KeyboardInterrupt
        patch.setattr("engine.training.checkpoints.write_json", die)
        with pytest.raises(KeyboardInterrupt):
            save_state(tmp_path, {"master.0": torch.ones(2)}, {"step": 9})
    tensors, cursor = load_state(tmp_path)
    assert cursor["step"] == 3 and torch.equal(tensors["master.0"], torch.zeros(2))


def test_the_same_step_again_replaces_it(tmp_path: Path) -> None:
    for value in (1.0, 2.0):
        save_state(tmp_path, {"x": torch.tensor([value])}, {"step": 0})
    assert float(load_state(tmp_path)[0]["x"]) == 2.0


def test_lists_of_weights_keep_their_order() -> None:
    weights = [torch.tensor([float(i)]) for i in range(12)]  # "best.10" sorts before "best.2" as text
    assert [float(w) for w in from_tensors("best", as_tensors("best", weights))] == list(range(12))
    assert from_tensors("best", {"bestof.0": torch.zeros(1)}) is None


def test_a_finished_phase_keeps_its_weights_and_result(tmp_path: Path) -> None:
    folder = phase_folder(tmp_path, 1, "breadth")
    assert folder.name == "2-breadth" and finished_phase(folder) is None
    save_state(folder, {"x": torch.zeros(1)}, {"step": 1})
    finish_phase(folder, [torch.tensor([float(i)]) for i in range(11)], {"kept": True})
    weights, result = finished_phase(folder)
    assert [float(w) for w in weights] == list(range(11)) and result == {"kept": True}
    assert load_state(folder) is None and not list(folder.glob("state-*"))
