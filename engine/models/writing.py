"""A model writes: greedy, in batches of like length, until it ends its turn or the JSON object is closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from engine.errors import RunError
from engine.records import Written


class _Closed(StoppingCriteria):
    """Stops a row whose JSON object is complete: what would follow is talk."""

    def __init__(self, tokenizer: Any, prompt_width: int, openings: Sequence[str]) -> None:  # noqa: ANN401
        self._tokenizer, self._width, self._openings = tokenizer, prompt_width, openings

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: object) -> torch.Tensor:  # noqa: ARG002
        texts = self._tokenizer.batch_decode(input_ids[:, self._width:], skip_special_tokens=True)
        done = [closed(opening + text) for opening, text in zip(self._openings, texts, strict=True)]
        return torch.tensor(done, device=input_ids.device)


class _Sound(LogitsProcessor):
    """Refuses scores that are not numbers: of them the first word of the vocabulary would be read."""

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        if torch.isnan(scores).any():
            raise RunError("The model gave numbers that make no sense (not finite) while it wrote.",
                           "Set ANON_DTYPE=float32 and start again, or choose another model.")
        return scores


def closed(text: str) -> bool:
    """Whether a text holds a whole JSON object: braces outside of strings come out even."""
    depth, inside, escaped, seen = 0, False, False, False
    for sign in text:
        if escaped:
            escaped = False
        elif inside:
            escaped, inside = sign == "\\", sign != '"'
        elif sign == '"':
            inside = seen
        elif sign == "{":
            depth, seen = depth + 1, True
        elif sign == "}" and seen:
            depth -= 1
            if depth == 0:
                return True
    return False


def write(model: Any, tokenizer: Any, rows: Sequence[Sequence[int]], openings: Sequence[str],  # noqa: ANN401
          json: bool, max_new_tokens: int, end: int | None = None) -> list[Written]:
    """What the model writes after each row of token ids; its opening stands in front of the text.

    Padded on the left, so that every row goes on at its own last token. `finished` is False where the limit
    cut the text off. `end`: a token that ends a turn beside the model's own.

    Raises:
        RunError: its scores are not finite.
    """
    width, device = max(map(len, rows)), model.device
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    tokens = torch.full((len(rows), width), pad, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for r, row in enumerate(rows):
        tokens[r, width - len(row):] = torch.tensor(row)
        mask[r, width - len(row):] = 1
    ends = _ends(model, tokenizer, end)
    stops = StoppingCriteriaList([_Closed(tokenizer, width, openings)] if json else [])
    with torch.inference_mode():
        out = model.generate(
            input_ids=tokens.to(device), attention_mask=mask.to(device), max_new_tokens=max_new_tokens,
            do_sample=False, num_beams=1, pad_token_id=pad, eos_token_id=ends, stopping_criteria=stops,
            logits_processor=LogitsProcessorList([_Sound()]),
            temperature=None, top_p=None, top_k=None, repetition_penalty=1.0)
    made = []
    for r, opening in enumerate(openings):
        ids = out[r, width:].tolist()
        stop = next((i for i, token in enumerate(ids) if token in ends), None)
        text = opening + tokenizer.decode(ids if stop is None else ids[:stop], skip_special_tokens=True)
        made.append(Written(text, stop is not None or (json and closed(text))))
    return made


def _ends(model: Any, tokenizer: Any, end: int | None) -> list[int]:  # noqa: ANN401
    """Tokens that end the model's turn."""
    ends = model.generation_config.eos_token_id
    several = ends if isinstance(ends, list) else [ends]
    return sorted({token for token in (*several, tokenizer.eos_token_id, end) if token is not None})
