"""A large model on this machine: it scores options in one prefill a prompt, and it writes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from engine.devices import DeviceChoice
from engine.errors import TeacherError
from engine.models.folders import reading_digest
from engine.models.loading import load_causal_lm
from engine.models.packing import pack
from engine.models.places import as_half, states_at
from engine.models.scores import as_scored
from engine.models.vocabularies import token_count
from engine.models.weights import ModelFolder
from engine.models.writing import write
from engine.prompts.verbalisers import assign
from engine.records import Answer, FloatArray, ListedTokens, Prompt, Written, text_digest
from engine.tasks.definition import LETTERS
from engine.teachers.listing import list_answers
from engine.teachers.prefixes import SharedPrefix, shared_beginning


class LocalTeacher:
    """Scores the options' letters, or a word of each category, with the next-token distribution.

    Prompts are user turns in the model's own chat form. Batches are formed from prompts of like length,
    padded on the right, and read at each prompt's own last token; what all of them begin with is computed
    once (`reuse=False` computes it for each, to compare).
    """

    def __init__(self, folder: ModelFolder, choice: DeviceChoice, *, reuse: bool = True) -> None:
        self.name = folder.name
        # What decides its answers: weights, how texts become tokens, how a turn is written, number format.
        reads = f"{folder.digest}|{reading_digest(folder.path)}"
        self.weights = text_digest(f"{reads}|no thinking")
        self.digest = text_digest(f"{reads}|{choice.dtype}|no thinking")
        self._model, self._tokenizer = load_causal_lm(folder, choice)
        if not self._tokenizer.chat_template:
            raise TeacherError(f"“{self.name}” has no chat form: it was not trained to follow instructions.",
                               "Choose a model whose name ends in “Instruct”.")
        self._tokens = token_count(self._tokenizer.get_vocab())
        self.packed = pack(self._model)
        self._device = torch.device(choice.device)
        self._letters = [self._single_token(letter) for letter in LETTERS]
        self._words: dict[tuple[str, ...], tuple[int, ...]] = {}
        # Some models keep other things than keys and values for what they have read.
        plain = not getattr(self._model, "_is_stateful", False) and "sliding_attention" not in (
            getattr(self._model.config, "layer_types", None) or ())
        self.shared = SharedPrefix(self._model.base_model, self._device) if reuse and plain else None

    def _single_token(self, letter: str) -> int:
        ids = self._tokenizer.encode(letter, add_special_tokens=False)
        if len(ids) != 1:
            raise TeacherError(f"{self.name} does not write the letter {letter} as one token.",
                               "Choose another large model.")
        return ids[0]

    def answer_tokens(self, prompt: Prompt) -> list[int]:
        """The token read for each *position* of a prompt."""
        if prompt.answer == "letter":
            return self._letters[:len(prompt.order)]
        if prompt.labels not in self._words:
            self._words[prompt.labels] = assign(
                prompt.labels, lambda t: self._tokenizer.encode(t, add_special_tokens=False)).tokens
        return [self._words[prompt.labels][label] for label in prompt.order]

    def encode(self, prompt: Prompt) -> list[int]:
        """Token ids of one user turn in chat form and the answer's opening, ready for its next token."""
        text = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt.text}], tokenize=False,
            add_generation_prompt=True, enable_thinking=False) + prompt.opening
        # The chat form already holds the special tokens; a second BOS would shift everything.
        return self._tokenizer.encode(text, add_special_tokens=False)

    def _fitting(self, prompts: Sequence[Prompt], room: int = 0) -> list[list[int]]:
        """Token ids of each prompt, with room left for as many more. Raises where the model's window ends."""
        ids = [self.encode(p) for p in prompts]
        longest, window = max(map(len, ids)), self._model.config.max_position_embeddings
        if longest + room > window:
            answer = f" and its answer may be {room:,} more" if room else ""
            raise TeacherError(f"A prompt is {longest:,} tokens long{answer}; {self.name} reads "
                               f"at most {window:,}.", "Shorten the instructions or the documents.")
        return ids

    @torch.inference_mode()
    def answer(self, prompts: Sequence[Prompt], depths: tuple[float, ...]) -> list[Answer]:
        """One forward pass over the batch; see `Teacher.answer`."""
        ids = self._fitting(prompts)
        done, past = self.shared.of(ids) if self.shared else (0, None)
        last = torch.tensor([len(row) - done - 1 for row in ids], device=self._device)
        width = int(last.max()) + 1
        tokens = torch.zeros((len(ids), width), dtype=torch.long)
        for r, row in enumerate(ids):
            tokens[r, :len(row) - done] = torch.tensor(row[done:])
        tokens = tokens.to(self._device)
        places = torch.arange(done + width, device=self._device)
        mask = (places[None, :] <= last[:, None] + done).long()
        out = self._model.base_model(input_ids=tokens, attention_mask=mask, use_cache=past is not None,
                                     cache=past, position_ids=places[None, done:],
                                     output_hidden_states=bool(depths))
        rows = torch.arange(len(ids), device=self._device)
        final = out.last_hidden_state[rows, last]
        # Only the answers' rows of the vocabulary matrix are needed, not all 150,000.
        read = torch.tensor([self.answer_tokens(p) for p in prompts], device=self._device)
        head = self._model.get_output_embeddings().weight
        logits = as_scored(self._model.config, torch.einsum("iw,ilw->il", final.float(), head[read].float()))
        log_probs = torch.log_softmax(logits, dim=-1).cpu().numpy()
        hidden = None
        if depths:
            states = states_at(out.hidden_states, depths)
            hidden = as_half(torch.stack([state[rows, last] for state in states], dim=1).float())
        return [Answer(log_probs[r], None if hidden is None else np.ascontiguousarray(hidden[r]))
                for r in range(len(ids))]

    def tokens(self, prompts: Sequence[Prompt]) -> list[int]:
        """Tokens that it reads for each prompt; a beginning that it reads once for all is not counted."""
        ids = [self.encode(p) for p in prompts]
        shared = shared_beginning(ids) if self.shared else 0
        return [len(row) - shared for row in ids]

    def write(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Written]:
        """What it writes after each prompt; see `Teacher.write`."""
        return write(self._model, self._tokenizer, self._fitting(prompts, max_new_tokens),
                     [p.opening for p in prompts], prompts[0].answer == "json", max_new_tokens)

    def list_tokens(self, prompts: Sequence[Prompt], texts: Sequence[str], temperatures: tuple[float, ...],
                    depths: tuple[float, ...]) -> list[tuple[ListedTokens, FloatArray | None]]:
        """Its likeliest tokens at each place of these answers; see `Teacher.list_tokens`."""
        answers = [[*self._tokenizer.encode(text, add_special_tokens=False), self._tokenizer.eos_token_id]
                   for text in texts]
        ids = self._fitting(prompts, max(map(len, answers)))
        return list_answers(self._model, self._tokens, ids, answers, temperatures, depths)

    def covers(self, prompts: Sequence[Prompt]) -> list[bool]:
        """Every prompt: the model is here."""
        return [True] * len(prompts)

    def close(self) -> None:
        """Drop the weights so that the student has the memory."""
        self.shared = None
        del self._model
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
