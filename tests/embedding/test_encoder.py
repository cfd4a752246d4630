"""The real sentence encoder, where installed: unit vectors, in order, alike for alike texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.embedding.encoder import embed
from engine.errors import WeightsError
from engine.models.weights import installed
from engine.workspace import Workspace

TEXTS = [
    "Flood water is rising in our street",
    "The river burst its banks and homes are under water",
    "A wildfire is burning through the forest",
    "This new album is fire",
    "",
]


@pytest.fixture(scope="module")
def minilm() -> Path:
    """The installed encoder's folder."""
    for model in installed(Workspace.default().models):
        if model.name == "all-minilm-l6-v2":
            return model.path
    pytest.skip("all-minilm-l6-v2 is not installed (python -m engine models get all-minilm-l6-v2)")


def test_vectors_are_unit_float32_in_order_whatever_the_batch(minilm: Path) -> None:
    seen: list[tuple[int, int]] = []
    vectors = embed(
        TEXTS, minilm, batch_size=2, on_progress=lambda *step: seen.append(step), device="cpu"
    )
    assert vectors.shape == (5, 384) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors, embed(TEXTS, minilm, device="cpu"), atol=1e-5)
    assert seen == [(2, 5), (4, 5), (5, 5)]
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] > vectors[0] @ vectors[3]


def test_no_texts_give_no_rows(minilm: Path) -> None:
    assert embed([], minilm, device="cpu").shape == (0, 384)


def test_a_folder_without_an_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="could not be opened"):
        embed(["x"], tmp_path, device="cpu")
