"""Turning documents into vectors with a sentence encoder. Does not: run in the page process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.devices import choose_device
from engine.errors import WeightsError
from engine.models.folders import ModelFolder
from engine.progress import Counted


def embed(
    texts: Sequence[str],
    folder: ModelFolder | Path,
    *,
    batch_size: int = 64,
    on_progress: Counted | None = None,
    device: str | None = None,
) -> NDArray[np.float32]:
    """Unit vectors of the texts, float32, shape (n, width); width is 384 for MiniLM.

    Texts are read up to the encoder's limit (256 tokens for MiniLM); the order is kept. Computes in
    fp32: the model is small, and neighbours should not depend on the machine.
    Source: Reimers and Gurevych, Sentence-BERT, EMNLP 2019. Raises `WeightsError`.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    path = folder.path if isinstance(folder, ModelFolder) else folder
    choice = choose_device(device)
    torch.set_num_threads(choice.threads)
    try:
        model = SentenceTransformer(
            str(path), device=choice.device, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"The encoder “{path.name}” could not be opened.",
            "Install it again: python -m engine models get all-minilm-l6-v2",
        ) from error
    width = model.get_embedding_dimension() or 0
    order = sorted(
        range(len(texts)), key=lambda i: -len(texts[i])
    )  # like lengths together: less padding
    vectors = np.zeros((len(texts), width), dtype=np.float32)
    for start in range(0, len(texts), batch_size):
        rows = order[start : start + batch_size]
        vectors[rows] = model.encode(
            [texts[i] for i in rows],
            batch_size=batch_size,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        if on_progress:
            on_progress(min(start + batch_size, len(texts)), len(texts))
    return vectors
