"""Who takes part in the speed benchmark: the studio, TRL's GKD trainer, a plain Hugging Face `Trainer`.

Each takes the same `Matter` and returns a `Showing`; `tests.benchmarks.distil` runs every one in a process of
its own and compares what comes back.
"""

from __future__ import annotations

import csv
import importlib
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import DataCollatorForSeq2Seq, PrinterCallback, Trainer, TrainingArguments

from engine.cache.answers import AnswerCache
from engine.devices import DeviceChoice, choose_device
from engine.evaluation.cost import PeakMemory
from engine.events import EventLog
from engine.jobs.worker import work
from engine.models.loading import load_causal_lm
from engine.models.weights import require
from engine.phase_plan import PhasePlan
from engine.plan import AskPlan, DistillPlan, StudentPlan
from engine.progress import Counted
from engine.prompts.composing import compose, option_orders
from engine.prompts.template import Template, student_text
from engine.prompts.verbalisers import assign
from engine.records import Corpus, Document, Parts, TeacherSignal, take
from engine.students.base import Student
from engine.students.predicting import length_batches, predict
from engine.studio import Studio
from engine.tasks.definition import Task
from engine.teachers.asking import Asker, ask
from engine.teachers.opening import open_teacher
from engine.teachers.signals import first_signal, letter_pull
from engine.training.gates import Gate
from engine.training.phased import PhasedTraining
from engine.training.subjects import Labels
from engine.workspace import Workspace, read_json

BATCH = 8
ORDERS = 2
TOKENS_A_LOOK = 2048
LORA = StudentPlan()  # rank and alpha of everybody's adapter, and the small model's short prompt


@dataclass(frozen=True, slots=True)
class Matter:
    """What every rival gets. `steps` stops after so many optimiser steps; None goes to the end."""

    task: Task
    template: Template
    documents: tuple[Document, ...]
    truth: tuple[str, ...]  # scores, and does nothing else
    parts: Parts
    epochs: int
    rate: float
    steps: int | None
    seed: int
    signal: TeacherSignal | None = None

    def ids(self, part: Sequence[int], encode: Callable[[str], list[int]]) -> list[list[int]]:
        """Token ids of the small model's own prompt."""
        return [encode(student_text(LORA.prompt, self.task.question, d.text, LORA.max_chars))
                for d in take(self.documents, part)]


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """The large model's answers: in two orders with bias removed, and as they come out in the first order."""

    signal: TeacherSignal
    raw: np.ndarray
    seconds: float
    asked: int
    from_cache: int


@dataclass(slots=True, eq=False)
class Showing:
    """What one rival did. `says` (kept aside,): the label it gives each document.

    documents, tokens, places: trained on, counted at the model's door (a document counts in each pass; places
    are tokens and padding); flop: see `tests.benchmarks.distil`; peak_gb: of the whole process.
    """

    who: str
    documents: int = 0
    tokens: int = 0
    places: int = 0
    steps: int = 0
    load_s: float = 0.0
    train_s: float = 0.0
    flop: float = 0.0
    peak_gb: float = 0.0
    note: str = ""
    says: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def speed(self) -> float:
        """Documents a second of training."""
        return self.documents / self.train_s

    def count(self, model: torch.nn.Module, teacher: torch.nn.Module | None = None) -> None:
        """From now on count what passes through the decoder with gradients wanted."""
        each = 4 * _weights(model) + (2 * _weights(teacher) if teacher is not None else 0)

        def seen(_: torch.nn.Module, args: tuple, given: dict[str, Any]) -> None:
            if not torch.is_grad_enabled():
                return
            ids = given["input_ids"] if "input_ids" in given else args[0]
            mask = given.get("attention_mask")
            real = ids.numel() if mask is None else int(mask.sum())
            self.documents += len(ids)
            self.places += ids.numel()
            self.tokens += real
            self.flop += each * real
        model.get_base_model().model.register_forward_pre_hook(seen, with_kwargs=True)


def answers(matter: Matter, teacher: str) -> Answered:
    """The large model's answers to every document, through the workspace's cache."""
    began, workspace = time.monotonic(), Workspace.default()
    opened, _ = open_teacher(teacher, workspace)
    asker = Asker(opened, AskPlan(template=matter.template).max_chars, AnswerCache(workspace.answers))
    made = ask(asker, matter.documents, matter.task, matter.template, n_orders=ORDERS,
               on_progress=_dots("asking"))
    opened.close()
    signal = first_signal(made, letter_pull(made, matter.parts.learn, matter.seed), ())
    raw = made.orders[0][made.log_probs[:, 0].argmax(axis=1)]
    return Answered(signal, raw, time.monotonic() - began, made.log_probs.shape[0] * made.log_probs.shape[1],
                    made.from_cache)


def from_cache(matter: Matter, student: str) -> Showing:
    """The engine: one phase over all documents from cached answers, looks at *steer* included."""
    with _measured(f"ANON, {student}") as (shown, folder, choice), tempfile.TemporaryDirectory() as run:
        passes = float(matter.epochs)
        if matter.steps:
            passes = min(passes, matter.steps * BATCH / len(matter.parts.learn))
        phase = PhasePlan(name="cache", title="From the cache", slice="all", passes=passes,
                          learning_rate=matter.rate)
        plan = DistillPlan(project="benchmark", corpus="benchmark", task=matter.task, seed=matter.seed,
                           ask=AskPlan(template=matter.template), phases=(phase,), batch_size=BATCH,
                           student=LORA.model_copy(update={"model": student}), micro_batch=BATCH)
        began, corpus = time.monotonic(), Corpus("benchmark", matter.documents)
        pupil = Student.fresh(folder(student), plan.student, matter.task, choice, matter.seed)
        shown.load_s = time.monotonic() - began
        shown.count(pupil.model)
        subject = _Timed(plan, corpus, matter.parts, matter.signal, None)
        training = PhasedTraining(plan, subject, pupil, Path(run), EventLog(Path(run) / "events.jsonl"),
                                  lambda: None)
        began = time.monotonic()
        (result,) = training.run()
        shown.train_s, shown.steps = time.monotonic() - began, result["steps"]
        shown.note = (f"{subject.spent:.1f} s of it were looks at the n {result['n']} documents that steer; "
                      f"{'kept' if result['kept'] else 'NOT KEPT'}: {result['because']}")
        aside = take(matter.documents, matter.parts.kept_aside)
        shown.says = predict(pupil, [d.text for d in aside]).argmax(axis=1)
    return shown


class _Timed(Labels):
    """What is taught, with the seconds that looks at *steer* took."""

    spent = 0.0

    def look(self, student: Student) -> Gate:
        began = time.monotonic()
        gate = super().look(student)
        self.spent += time.monotonic() - began
        return gate


def gkd(matter: Matter, teacher: str, student: str) -> Showing:
    """TRL's GKD trainer with its teacher live; see the captions in `tests.benchmarks.distil`."""
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"  # it warns that its place may change; the version is pinned
    # By name: an import statement would make them dependencies of the tests.
    datasets, trl = importlib.import_module("datasets"), importlib.import_module("trl.experimental.gkd")
    with _measured(f"GKD, {student}") as (shown, folder, choice), tempfile.TemporaryDirectory() as run:
        began = time.monotonic()
        large, _ = load_causal_lm(folder(teacher), choice)
        small, tokenizer = load_causal_lm(folder(student), choice)
        (order,) = option_orders(len(matter.task.labels), 1)
        prompts = compose(matter.template, matter.task, matter.documents, order,
                          AskPlan(template=matter.template).max_chars)
        turns = [[{"role": "user", "content": p.text}] for p in prompts]
        chats = [tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True) + p.opening
                 for turn, p in zip(turns, prompts, strict=True)]
        tokens, words = _label_words(matter.task, tokenizer)
        rows = [{"prompt": chats[i], "messages": [*turns[i], {
            "role": "assistant", "content": f"{prompts[i].opening} {words[matter.signal.choice[i]]}"}]}
            for i in matter.parts.learn]
        settings = trl.GKDConfig(**_settings(matter, choice, run), lmbda=0.0, beta=0.0, temperature=1.0,
                                 seq_kd=False, gradient_checkpointing=False)
        trainer = trl.GKDTrainer(small, large, settings, train_dataset=datasets.Dataset.from_list(rows),
                                 processing_class=tokenizer, peft_config=_lora())
        shown.load_s = time.monotonic() - began
        shown.count(trainer.model, large)
        _train(trainer, shown)
        ids = [tokenizer.encode(chats[i], add_special_tokens=False) for i in matter.parts.kept_aside]
        shown.says = _choices(trainer.model, tokenizer, ids, tokens)
    return shown


def plain_trainer(matter: Matter, student: str) -> Showing:
    """A stock `Trainer` on the large model's first choices, with the small model's own prompt."""
    with _measured(f"plain Trainer, {student}") as (shown, folder, choice), \
            tempfile.TemporaryDirectory() as run:
        began = time.monotonic()
        base, tokenizer = load_causal_lm(folder(student), choice)
        tokens, words = _label_words(matter.task, tokenizer)

        def encode(text: str) -> list[int]:
            return tokenizer.encode(text, add_special_tokens=False)

        rows = []
        for i, prompt in zip(matter.parts.learn, matter.ids(matter.parts.learn, encode), strict=True):
            answer = [*encode(f" {words[matter.signal.choice[i]]}"), tokenizer.eos_token_id]
            rows.append({"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer})
        torch.manual_seed(matter.seed)
        model = get_peft_model(base, _lora())
        trainer = Trainer(model, TrainingArguments(**_settings(matter, choice, run)), train_dataset=rows,
                          data_collator=DataCollatorForSeq2Seq(tokenizer))
        shown.load_s = time.monotonic() - began
        shown.count(model)
        _train(trainer, shown)
        shown.says = _choices(model, tokenizer, matter.ids(matter.parts.kept_aside, encode), tokens)
    return shown


def whole_road(matter: Matter, teacher: str, student: str) -> tuple[dict[str, Any], float, float]:
    """The *Balanced* preset from a file to a packed small model, nothing in its cache.

    Returns the run's report with the seconds of its stages, the seconds in all, and the peak in GB.
    """
    with tempfile.TemporaryDirectory() as home, PeakMemory() as memory:
        studio, began = Studio(Workspace(Path(home), Workspace.default().home)), time.monotonic()
        file = Path(home) / "tweets.csv"
        with open(file, "w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([("tweet_id", "text", "label"), *(
                (matter.documents[i].id, matter.documents[i].original, matter.truth[i])
                for i in matter.parts.learn)])
        project = studio.create_project("Everything")
        studio.use_documents(project.id, [file])
        studio.save_task(project.id, matter.task)
        studio.change(project.id, teacher=teacher)
        run = studio.prepare(studio.draft_plan(project.id, "balanced", student=student, seed=matter.seed))
        if work(run, studio.workspace) != "done":
            raise SystemExit(studio.status(run.id).sentence)
        seconds, report = time.monotonic() - began, studio.report(run.id)
        report["stages"] = {name: read_json(run.stage(name))["seconds"]
                            for name in ("asking", "training", "scoring")}
    return report, seconds, memory.peak_gb


@contextmanager
def _measured(who: str) -> Iterator[tuple[Showing, Callable[[str], Any], DeviceChoice]]:
    """A showing whose peak of memory is taken; how to find a model; and what to compute with."""
    shown, choice, models = Showing(who), choose_device(), Workspace.default().models
    with PeakMemory() as memory, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # what one library has to tell another
        yield shown, lambda name: require(models, name), choice
    card = choice.device.startswith("cuda")
    shown.peak_gb = torch.cuda.max_memory_allocated() / 1e9 if card else memory.peak_gb


def _settings(matter: Matter, choice: DeviceChoice, run: str) -> dict[str, Any]:
    """Of both rivals that rest on `Trainer`: batch, rate and its course as ours, everything else stock."""
    return {"output_dir": run, "per_device_train_batch_size": BATCH, "num_train_epochs": matter.epochs,
            "max_steps": matter.steps or -1, "learning_rate": matter.rate, "lr_scheduler_type": "cosine",
            "warmup_steps": 0.1, "adam_beta2": 0.99, "seed": matter.seed,
            "bf16": choice.dtype == "bfloat16", "use_cpu": choice.device == "cpu",
            "dataloader_pin_memory": choice.device != "cpu", "report_to": "none", "save_strategy": "no",
            "logging_strategy": "no", "disable_tqdm": True}


def _lora() -> LoraConfig:
    return LoraConfig(r=LORA.rank, lora_alpha=LORA.alpha, lora_dropout=0.0, target_modules="all-linear",
                      task_type="CAUSAL_LM")


def _train(trainer: Trainer, shown: Showing) -> None:
    trainer.remove_callback(PrinterCallback)
    began = time.monotonic()
    trainer.train()
    shown.train_s, shown.steps = time.monotonic() - began, trainer.state.global_step


def _label_words(task: Task, tokenizer: Any) -> tuple[list[int], list[str]]:
    """For each label the token that tells it, and the answer in full, which begins with that token."""
    found = assign(task.names, lambda text: tokenizer.encode(text, add_special_tokens=False))
    return list(found.tokens), [name if word.endswith("…") else word
                                for name, word in zip(task.names, found.words, strict=True)]


@torch.inference_mode()
def _choices(model: Any, tokenizer: Any, ids: Sequence[list[int]], tokens: list[int]) -> np.ndarray:
    """The likeliest label after each prompt, read as the studio reads its own student."""
    model.eval()
    base, said = model.get_base_model(), np.empty(len(ids), dtype=np.int64)
    rows_of_head = base.get_output_embeddings().weight[tokens].float()
    for rows in length_batches([len(row) for row in ids], TOKENS_A_LOOK):
        batch = tokenizer.pad({"input_ids": [ids[i] for i in rows]}, padding_side="right",
                              return_tensors="pt").to(base.device)
        states = base.model(**batch, use_cache=False).last_hidden_state
        last = states[torch.arange(len(rows)), batch["attention_mask"].sum(dim=1) - 1]
        said[rows] = (last.float() @ rows_of_head.T).argmax(dim=1).cpu().numpy()
    return said


def _weights(model: torch.nn.Module) -> int:
    """Weights that every token passes: all but the vocabulary's and the adapter's."""
    return sum(p.numel() for name, p in model.named_parameters()
               if not any(part in name for part in ("embed_tokens", "lm_head", "lora_")))


def _dots(title: str) -> Counted:
    """Tell of a long wait, every 64 prompts."""
    def tell(done: int, total: int) -> None:
        if done % 64 == 0 or done == total:
            print(f"  {title}: {done} of {total} prompts", flush=True)
    return tell
