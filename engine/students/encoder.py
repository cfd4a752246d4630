"""A small model that only reads: a sentence encoder with an adapter and a head of one row a label.

Half a language model's work for each document, and no vocabulary: for labels only. The head is trained with
the adapter and starts from the meaning of the labels' names, not from chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.devices import DeviceChoice
from engine.errors import SettingsError
from engine.models.loading import load_encoder
from engine.models.places import padded
from engine.models.weights import ModelFolder
from engine.plan import StudentPlan
from engine.students.attention import suit_attention
from engine.students.base import (
    Student,
    adapted,
    hidden_states_of,
    with_adapter,
)
from engine.students.settings import StudentSettings, first_settings, fitting_settings
from engine.tasks.definition import Task
from engine.workspace import write_atomic

HEAD_FILE = "head.safetensors"
SCALE = 8.0  # of cosines, so that a softmax over labels can be sure


def _window(base: Any, tokenizer: Any) -> int:  # noqa: ANN401 - a transformers model, its tokenizer
    """How many tokens it reads. RoBERTa's kin count places from behind the padding token's number on."""
    padding = getattr(getattr(base, "embeddings", None), "position_embeddings", None)
    skipped = 0 if padding is None or padding.padding_idx is None else padding.padding_idx + 1
    return min(base.config.max_position_embeddings - skipped, tokenizer.model_max_length)


class EncoderStudent(Student):
    """Scores labels by the mean state of a document's tokens; see `Student` for what it offers."""

    def __init__(self, model: PeftModel, tokenizer: Any, settings: StudentSettings, device: str,  # noqa: ANN401
                 rows: Tensor) -> None:
        self.model, self.tokenizer, self.settings = model, tokenizer, settings
        self.device = torch.device(device)
        self.decoder = model.get_base_model()
        self.states_of = hidden_states_of
        self.rows = torch.nn.Parameter(rows.to(self.device))
        self._window = _window(model.get_base_model(), tokenizer)

    @property
    def foretells(self) -> bool:
        """See `Student`: it sees what follows."""
        return False

    @classmethod
    def fresh(cls, folder: ModelFolder, plan: StudentPlan, task: Task, choice: DeviceChoice,
              seed: int) -> EncoderStudent:
        """A new student: base weights, an adapter that changes nothing yet, a head made of the labels' names.

        Raises:
            SettingsError: it would have to write, or to be cut to fewer layers.
        """
        if task.writes:
            raise SettingsError(f"{folder.title} reads and cannot write: it can choose categories only.",
                                "Choose another small model for facts or short texts.")
        if plan.layers or plan.four_bit:
            raise SettingsError(f"{folder.title} is small already: it is used whole.",
                                "Leave “layers” and “four_bit” out.")
        base, tokenizer = load_encoder(folder, choice)
        settings = first_settings(folder, plan, task, choice, encoder=True, label_words=task.names)
        made = cls(adapted(base, plan, seed, writes=False), tokenizer, settings, choice.device,
                   torch.zeros(len(task.labels), base.config.hidden_size))
        with torch.no_grad():
            words = [f"{label.name}: {label.definition}" if label.definition else label.name
                     for label in task.labels]
            means = made._means([made._ids(text) for text in words], ())[0].float()
            # What all labels have in common tells none of them apart.
            made.rows.copy_(torch.nn.functional.normalize(means - means.mean(0) * (len(words) > 1), dim=-1))
        return made

    @classmethod
    def from_folder(cls, path: Path, base: ModelFolder, choice: DeviceChoice) -> EncoderStudent:
        """A saved student on its base weights. Raises as `Student.from_folder` does."""
        settings = fitting_settings(path, base)
        model, tokenizer = load_encoder(base, choice)
        return cls(with_adapter(model, path), tokenizer, settings, choice.device,
                   load_file(str(path / HEAD_FILE))["rows"])

    def save(self, path: Path) -> None:
        """Adapter, head and settings; the settings are written last."""
        path.mkdir(parents=True, exist_ok=True)
        rows = {"rows": self.rows.detach().float().cpu().contiguous()}
        write_atomic(path / HEAD_FILE, lambda file: save_file(rows, str(file)))
        super().save(path)

    def encode(self, document: str) -> list[int]:
        """Token ids of the prompt, with the encoder's own marks; cut where its window ends."""
        return self._ids(self.prompt(document))

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, truncation=True, max_length=self._window)

    def forward(self, ids: Sequence[Sequence[int]], depths: Sequence[float] = (),
                ) -> tuple[Tensor, Tensor | None]:
        """Label scores, and means of states over the document's tokens; see `Student.forward`."""
        means, states = self._means(ids, depths)
        return SCALE * torch.nn.functional.normalize(means.float(), dim=-1) @ self.rows.T, states

    def _means(self, ids: Sequence[Sequence[int]], depths: Sequence[float]) -> tuple[Tensor, Tensor | None]:
        tokens, mask = padded(ids, self.device)
        suit_attention(self.decoder, tokens.shape[1])
        out = self.decoder(input_ids=tokens, attention_mask=mask, output_hidden_states=bool(depths))

        def mean(state: Tensor) -> Tensor:
            return (state * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        states = torch.stack([mean(s) for s in self._at(out, depths)], dim=1) if depths else None
        return mean(out.last_hidden_state), states

    def adapter_parameters(self) -> list[torch.nn.Parameter]:
        """The adapter's parameters, then the head."""
        return [*super().adapter_parameters(), self.rows]

    def sizes(self) -> tuple[int, int]:
        """(trained parameters, all parameters)."""
        trained, everything = super().sizes()
        return trained, everything + self.rows.numel()
