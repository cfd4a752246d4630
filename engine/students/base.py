"""The small model: a causal language model with an adapter, scoring all labels in one forward pass.

Its prompt is short, unlike the teacher's (prompt distillation: Snell et al., "Learning by Distilling
Context", 2022), is saved with it, and is used byte for byte the same in training and afterwards.
"""

from __future__ import annotations

import math
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor

from engine.devices import DeviceChoice
from engine.errors import SettingsError, disk_errors_in_words
from engine.models.loading import load_causal_lm
from engine.models.places import answer_positions, padded, states_at
from engine.models.scores import as_scored
from engine.models.vocabularies import token_count
from engine.models.weights import ModelFolder
from engine.plan import StudentPlan
from engine.prompts.verbalisers import assign, scored_names
from engine.students.attention import suit_attention
from engine.students.decoder_ops import simplify
from engine.students.joined import join
from engine.students.pruning import keep_layers, lower
from engine.students.settings import StudentSettings, first_settings, fitting_settings
from engine.tasks.definition import Task, TaskKind

ADAPTER = "lora_"  # in the name of every trained parameter
StatesOf = Callable[[Any], Sequence[Tensor]]
"""A model's output → its states: embeddings, after each layer but the last, and at last after the norm."""
_LAYER = re.compile(r"\.(?:layers?|h|blocks?)\.(\d+)\.")


def hidden_states_of(out: Any) -> Sequence[Tensor]:  # noqa: ANN401 - a model's output
    """The states as transformers gathers them."""
    return out.hidden_states


class Student:
    """Base weights (frozen) plus LoRA on every linear layer; the vocabulary matrix is never adapted.

    Where labels are chosen it answers in one look: the score of a label is that of a word that stands for it.
    Where several labels may apply, each is scored against the word “none”. Other answers are written.
    """

    def __init__(self, model: PeftModel, tokenizer: Any, settings: StudentSettings,  # noqa: ANN401
                 device: str) -> None:
        self.model, self.tokenizer, self.settings = model, tokenizer, settings
        self.device = torch.device(device)
        self.decoder = model.get_base_model().base_model
        self.states_of: StatesOf = hidden_states_of
        self._window = getattr(self.decoder.config, "max_position_embeddings", None) or sys.maxsize
        words = model.get_base_model().get_output_embeddings().weight
        # A vocabulary matrix may be padded beyond the tokens there are (151,936 rows for 151,665).
        self.head = words[:token_count(tokenizer.get_vocab())].detach()
        rows = torch.tensor(settings.label_tokens, device=words.device, dtype=torch.long)
        # (labels, width): the only rows of the vocabulary matrix that a classification needs. In fp32: in 16
        # bits scores lie on a grid so wide that the two best of one in a hundred documents are equal.
        self._label_rows = words[rows].detach().float()

    @property
    def kind(self) -> TaskKind:
        """What kind of question it answers."""
        return self.settings.kind

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels it scores; none where it writes."""
        return self.settings.labels

    @property
    def several(self) -> bool:
        """Whether several labels may apply to a document, each yes or no by itself."""
        return self.kind == "multi_label"

    @property
    def foretells(self) -> bool:
        """Whether it foretells the words of a text, as a language model does."""
        return True

    @classmethod
    def fresh(cls, folder: ModelFolder, plan: StudentPlan, task: Task, choice: DeviceChoice,
              seed: int) -> Student:
        """A new student: base weights and an adapter that changes nothing yet."""
        base, tokenizer = load_causal_lm(folder, choice, four_bit=plan.four_bit)
        kept = lower(base.config.num_hidden_layers, plan.layers) if plan.layers else None
        if kept:
            base = keep_layers(base, kept)
        words = assign(scored_names(task), lambda text: tokenizer.encode(text, add_special_tokens=False))
        settings = first_settings(
            folder, plan, task, choice, label_tokens=words.tokens, label_words=words.words, layers=kept,
            begins_with=begins_with(tokenizer))
        return cls(adapted(base, plan, seed), tokenizer, settings, choice.device)

    @classmethod
    def from_folder(cls, path: Path, base: ModelFolder, choice: DeviceChoice) -> Student:
        """A saved student on its base weights.

        Raises:
            RunError: the folder holds no student, or the base weights are not the ones it was trained on.
        """
        settings = fitting_settings(path, base)
        # In the bits it was trained in, where they are to be had; elsewhere in those of the whole weights.
        four_bit = settings.four_bit and choice.device.split(":")[0] == "cuda"
        model, tokenizer = load_causal_lm(base, choice, four_bit=four_bit)
        if settings.layers:
            model = keep_layers(model, settings.layers)
        return cls(with_adapter(model, path), tokenizer, settings, choice.device)

    def save(self, path: Path) -> None:
        """Adapter (safetensors) and settings; the settings are written last."""
        # Folders of this machine are nobody's business at home; and peft must not look on the network
        # whether the vocabulary, which is never adapted, is still the same.
        self.model.peft_config["default"].base_model_name_or_path = self.settings.base_model
        with disk_errors_in_words("the small model"):
            self.model.save_pretrained(str(path), safe_serialization=True, save_embedding_layers=False)
        self.settings.save(path)

    def prompt(self, document: str) -> str:
        """The exact text the student reads for one document."""
        return self.settings.text(document)

    def encode(self, document: str) -> list[int]:
        """Token ids of the prompt, behind what this model expects in front of every text.

        Of a document that does not fit into its window, with room for an answer in writing, less is read.

        Raises:
            SettingsError: there is no room for any of the document.
        """
        return self._fitting(self.settings, document, self.settings.most_tokens)

    def encode_document(self, document: str) -> list[int]:
        """Token ids of a document by itself, cut as in the prompt, behind what stands in front of every text.
        """
        return self._fitting(self.settings.model_copy(update={"prompt": "{{ document }}"}), document, 0)

    def _fitting(self, reads: StudentSettings, document: str, room: int) -> list[int]:
        chars = reads.max_chars
        while chars > 0:
            ids = [*reads.begins_with,
                   *self.tokenizer.encode(reads.text(document, chars), add_special_tokens=False)]
            if len(ids) + room <= self._window:
                return ids
            chars = min(chars - 1, min(chars, len(document)) * (self._window - room) // len(ids))
        raise SettingsError(
            f"{reads.base_model} reads at most {self._window:,} tokens at once, which its prompt "
            "and its answer fill without a document.", "Choose another small model, or a shorter question.")

    def encode_answer(self, text: str) -> list[int]:
        """Token ids of an answer in writing, its end included."""
        return [*self.tokenizer.encode(text, add_special_tokens=False), self.tokenizer.eos_token_id]

    def forward(self, ids: Sequence[Sequence[int]], depths: Sequence[float] = (),
                ) -> tuple[Tensor, Tensor | None]:
        """Label scores and hidden states of each prompt's last token.

        Args:
            ids: token ids, one list a document; padded here to the longest of the batch only.
            depths: relative depths of the hidden states wanted.

        Returns:
            logits (items, labels) fp32; states (items, depths, width) or None.
        """
        last, out = self._run(ids, bool(depths))
        rows = torch.arange(len(ids), device=self.device)
        # Answer positions are gathered to 2-D before the vocabulary matrix, of which only the labels'
        # rows are multiplied: 7 columns instead of 49,152.
        logits = self.scored(out.last_hidden_state[rows, last].float() @ self._label_rows.T)
        if self.several:
            logits = logits[:, :-1] - logits[:, -1:]
        if not depths:
            return logits, None
        return logits, torch.stack([state[rows, last] for state in self._at(out, depths)], dim=1)

    def read(self, ids: Sequence[Sequence[int]], prompt_lengths: Sequence[int],
             depths: Sequence[float] = ()) -> tuple[Tensor, Tensor | None]:
        """Last states at the places that predict the answers' tokens; and means of states over them.

        Args:
            ids: token ids of prompt and answer, one list a document.
            prompt_lengths: how many of each are the prompt's.
            depths: relative depths of the mean states wanted.

        Returns:
            (tokens, width) of all answers, one behind the other: times `head`, and `scored`, they are scores
            over the vocabulary; means (items, depths, width) or None.
        """
        _, out = self._run(ids, bool(depths))
        rows, places = (where.to(self.device) for where in
                        answer_positions(prompt_lengths, [len(row) for row in ids]))
        gathered = out.last_hidden_state[rows, places]
        if not depths:
            return gathered, None
        counts = torch.bincount(rows, minlength=len(ids)).clamp_min(1)[:, None]
        means = [torch.zeros(len(ids), state.shape[-1], device=self.device)
                 .index_add(0, rows, state[rows, places].float()) / counts for state in self._at(out, depths)]
        return gathered, torch.stack(means, dim=1)

    def scored(self, products: Tensor) -> Tensor:
        """Products with rows of the vocabulary matrix as this model's own head would give them, fp32."""
        return as_scored(self.decoder.config, products.float())

    def _run(self, ids: Sequence[Sequence[int]], with_states: bool) -> tuple[Tensor, Any]:
        tokens, mask = padded(ids, self.device)
        suit_attention(self.decoder, tokens.shape[1])
        return mask.sum(dim=1) - 1, self.decoder(input_ids=tokens, attention_mask=mask, use_cache=False,
                                                 output_hidden_states=with_states)

    def _at(self, out: Any, depths: Sequence[float]) -> list[Tensor]:  # noqa: ANN401 - a model's output
        return states_at(self.states_of(out), depths)

    def adapter_parameters(self) -> list[torch.nn.Parameter]:
        """The trained parameters, in a fixed order."""
        return [p for name, p in sorted(self.model.named_parameters()) if ADAPTER in name]

    def train_above(self, depth: float) -> list[torch.nn.Parameter]:
        """Train the adapter from this relative depth (0..1) upwards only; returns what is trained.

        What lies below keeps what it has learned, and costs no gradient.
        """
        layers = getattr(self.model.get_base_model().config, "num_hidden_layers", 0)
        first = min(math.ceil(depth * layers), layers - 1)  # the highest always learns
        for name, parameter in self.model.named_parameters():
            if ADAPTER in name:
                found = _LAYER.search(name)
                parameter.requires_grad_(found is None or int(found[1]) >= first)
        return [p for p in self.adapter_parameters() if p.requires_grad]

    def sizes(self) -> tuple[int, int]:
        """(trained parameters, all parameters)."""
        trained = sum(p.numel() for p in self.adapter_parameters())
        return trained, sum(p.numel() for p in self.model.parameters())


def begins_with(tokenizer: Any) -> list[int]:  # noqa: ANN401 - a transformers tokenizer
    """Tokens a model expects in front of every text: none for most, one for Llama's and Gemma's kin.

    Without it those read a text as if they had come in in the middle; and programs that run an exported
    model put it there by themselves.
    """
    bare, whole = (tokenizer.encode("a", add_special_tokens=special) for special in (False, True))
    where = next((at for at in range(len(whole)) if whole[at:at + len(bare)] == bare), 0)
    return whole[:where]


def adapted(base: Any, plan: StudentPlan, seed: int, writes: bool = True) -> PeftModel:  # noqa: ANN401
    """The base, a transformers model, with a fresh adapter on all linear layers but the vocabulary matrix."""
    torch.manual_seed(seed)
    lora = LoraConfig(r=plan.rank, lora_alpha=plan.alpha, lora_dropout=0.0, target_modules="all-linear",
                      use_dora=plan.adapter == "dora", use_rslora=plan.adapter == "rslora",
                      task_type="CAUSAL_LM" if writes else "FEATURE_EXTRACTION")
    # Adapters in the base's own number format: mixed ones cost a conversion of every activation.
    # The optimiser keeps fp32 copies (see engine.training.optimiser).
    with _quiet():
        model = get_peft_model(base, lora, autocast_adapter_dtype=False)
    join(model)
    simplify(model)
    return model.eval()  # for good: a dropout of its own would draw numbers that no save point knows


def with_adapter(base: Any, path: Path) -> PeftModel:  # noqa: ANN401 - a transformers model
    """The base with the adapter saved in a folder."""
    with _quiet():
        model = PeftModel.from_pretrained(base, str(path), autocast_adapter_dtype=False)
    join(model)
    simplify(model)
    return model.eval()  # for good: a dropout of its own would draw numbers that no save point knows


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep from the user what one library has to tell another about its future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.filterwarnings("ignore", "fan_in_fan_out is set")  # GPT-2's layers lie the other way round
        yield

