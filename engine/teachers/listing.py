"""A model's likeliest tokens at every place of answers that are given: one pass, nothing is written anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.models.places import answer_positions, as_half, padded, states_at
from engine.models.scores import as_scored
from engine.records import FloatArray, ListedTokens
from engine.teachers.protocol import LISTED


@torch.inference_mode()
def list_answers(model: Any, vocabulary: int, prompts: Sequence[Sequence[int]],  # noqa: ANN401
                 answers: Sequence[Sequence[int]], temperatures: Sequence[float], depths: Sequence[float],
                 k: int = LISTED) -> list[tuple[ListedTokens, FloatArray | None]]:
    """What a causal language model would have said at each place of the answers.

    Args:
        model: its decoder is `model.base_model`.
        vocabulary: how many tokens there are; rows of the vocabulary matrix beyond are padding.
        prompts, answers: token ids; an answer ends with the token that ends a turn.
        temperatures: at which the lists are to be exact.
        depths: relative depths of the states wanted, averaged over the places.

    Returns:
        for each answer its lists and (depths, width) fp16, or None without depths.
    """
    device = model.device
    ids = [[*p, *a] for p, a in zip(prompts, answers, strict=True)]
    tokens, mask = padded(ids, device)
    out = model.base_model(input_ids=tokens, attention_mask=mask, use_cache=False,
                           output_hidden_states=bool(depths))
    rows, places = (where.to(device) for where in answer_positions([len(p) for p in prompts],
                                                                  [len(row) for row in ids]))
    head = model.get_output_embeddings().weight[:vocabulary]
    states = states_at(out.hidden_states, depths) if depths else []
    gathered, made, at = out.last_hidden_state[rows, places], [], 0
    for r, answer in enumerate(answers):
        here = slice(at, at + len(answer))
        at += len(answer)
        pooled = [state[r, places[here]].float().mean(0) for state in states]
        hidden = as_half(torch.stack(pooled)) if depths else None
        scores = as_scored(model.config, (gathered[here] @ head.T).float())
        made.append((_lists(scores, answer, temperatures, k), hidden))
    return made


def _lists(scores: Tensor, answer: Sequence[int], temperatures: Sequence[float], k: int) -> ListedTokens:
    """The `k` likeliest of scores (tokens, vocabulary), and what makes them exact at each temperature."""
    log_probs = torch.log_softmax(scores, dim=-1)
    listed, ids = log_probs.topk(min(k, scores.shape[-1]), dim=-1)
    normalisers = torch.stack([(log_probs / t).logsumexp(-1) for t in temperatures])
    return ListedTokens(ids.int().cpu().numpy(), listed.clamp_min(-40).half().cpu().numpy(),
                        tuple(temperatures), normalisers.cpu().numpy(), np.array(answer, dtype=np.int32))
