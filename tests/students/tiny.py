"""A two-layer random model with a word tokenizer, short documents, and a recorded teacher for them.

Real parts, only small: the whole road runs on them in seconds.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from engine.cache.keys import prompt_key
from engine.cache.signals import save_vectors
from engine.corpus.ingest import ingest
from engine.corpus.store import load_corpus, save_corpus
from engine.devices import DeviceChoice
from engine.jobs.folder import RunFolder
from engine.models.folders import ModelFolder, open_folder, weights_digest
from engine.phase_plan import PhasePlan
from engine.plan import AskPlan, DistillPlan, StudentPlan, save_plan
from engine.projects import create_project, save_project
from engine.prompts.composing import compose, option_orders
from engine.prompts.template import Template
from engine.records import Answer, Corpus, Document
from engine.tasks.definition import Label, Task
from engine.tasks.presets import save_task
from engine.teachers.opening import RECORDINGS
from engine.teachers.protocol import DEPTHS
from engine.teachers.recorded import save_recording
from engine.workspace import Workspace, write_json

CPU = DeviceChoice("cpu", "float32", 1, "test")
MODEL, TEACHER = "tiny-student", "recorded:tiny"
TASK = Task(id="own-question", question="What is this about?", labels=(
    Label(name="flood", definition="water where it should not be", actionable=True),
    Label(name="fire", definition="something burns", actionable=True),
    Label(name="other", definition="anything else")))
KEYWORDS = (("flood", "water", "river", "rain", "dam", "boat"),
            ("fire", "smoke", "burning", "flames", "ash", "heat"),
            ("music", "film", "game", "party", "coffee", "holiday"))
FILLER = [f"{a}{b}" for a in ("ba", "de", "ki", "lo", "mu", "ra", "se", "ti") for b in
          ("n", "r", "st", "lk", "mp", "sh", "x", "dd")]
FIRST = Template(id="first", text="{{ document }}\n{{ question }}\n{% for o in options %}{{ o.letter }} "
                                  "{{ o.name }}: {{ o.definition }}\n{% endfor %}")
AGAIN = Template(id="again", text="Read with care. " + FIRST.text)
HIDDEN_WIDTH = 12
CHAT = "{% for m in messages %}{{ m['content'] }} . {% endfor %}"


def write_model(models: Path, name: str = MODEL, *, seed: int = 0, layers: int = 2) -> ModelFolder:
    """Put a random Llama with a word tokenizer into `models/name`, as an installed model."""
    import torch
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = models / name
    words = ["[UNK]", "[END]", *(w for row in KEYWORDS for w in row), "other", *FILLER,
             *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "This", "message", "is", "about", ":", ".", ","]
    tokenizer = Tokenizer(WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    torch.manual_seed(seed)
    LlamaForCausalLM(LlamaConfig(
        vocab_size=len(words), hidden_size=32, intermediate_size=48, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
        initializer_range=0.15, tie_word_embeddings=True, bos_token_id=None, eos_token_id=1,
        pad_token_id=None)).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]", "eos_token": "[END]",
         "chat_template": CHAT}))
    write_json(folder / "manifest.json", {"name": name, "digest": weights_digest(folder),
                                          "source": "folder", "roles": ["teacher", "student"],
                                          "bytes": 100_000})
    return open_folder(folder)


def documents(n: int = 90, seed: int = 0) -> tuple[list[str], list[int]]:
    """Texts of filler words around keywords of one label, and that label's index; other is rarer."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(n):
        label = int(rng.choice(3, p=(0.45, 0.4, 0.15)))
        words = [*rng.choice(FILLER, size=int(rng.integers(4, 10))), *rng.choice(KEYWORDS[label], 4)]
        rng.shuffle(words)
        texts.append(" ".join(words))
        labels.append(label)
    return texts, labels


def corpus_of(texts: Sequence[str]) -> Corpus:
    """A corpus in memory, each document its own group."""
    return Corpus("made", tuple(Document(f"d{i}", t, t, f"g{i}") for i, t in enumerate(texts)))


def record_teacher(folder: Path, corpus: Corpus, truth: Sequence[int], name: str = "tiny",
                   hidden: bool = True) -> None:
    """Record a teacher that knows the keywords, leans towards letter A, and is unsure now and then."""
    rng = np.random.default_rng(7)
    answers: dict[str, Answer] = {}
    directions = rng.normal(size=(3, len(DEPTHS), HIDDEN_WIDTH))
    for template in (FIRST, AGAIN):
        for order in option_orders(len(TASK.labels), 2):
            for prompt, label in zip(compose(template, TASK, corpus.documents, order, 1200), truth,
                                     strict=True):
                score = rng.normal(scale=0.9, size=3)
                score[order.index(label)] += 2.4
                score[0] += 0.8
                state = (directions[label] + 0.5 * rng.normal(size=directions[label].shape))
                answers[prompt_key(prompt)] = Answer(
                    (score - np.log(np.exp(score).sum())).astype(np.float32),
                    state.astype(np.float16) if hidden else None)
    save_recording(folder, name, answers, {"model": "Tiny", "date": "2026-01-01",
                                           "teacher_digest": "tiny-digest", "depths": list(DEPTHS)})


def phases(passes: float = 1.0, representations: float = 0.3) -> tuple[PhasePlan, ...]:
    """The three phases, short."""
    return (PhasePlan(name="foundations", title="Foundations", slice="confident", passes=passes,
                      learning_rate=2e-2, representations=representations),
            PhasePlan(name="breadth", title="Breadth", slice="all", passes=passes, learning_rate=1e-2),
            PhasePlan(name="hard-cases", title="Hard cases", slice="hard", passes=passes,
                      learning_rate=5e-3, ask_again=True))


READING = PhasePlan(name="reading", title="Reading", slice="all", passes=1.0, learning_rate=1e-2, outputs=0.0,
                    text=1.0, reads=True)
"""A phase before them that reads."""


@dataclass(frozen=True)
class Made:
    """A workspace ready to run."""

    workspace: Workspace
    project: str
    corpus: Corpus
    truth: list[int]

    def plan(self, **changes: object) -> DistillPlan:
        """A plan for it."""
        fields = {"project": self.project, "corpus": self.corpus.id, "task": TASK,
                  "ask": AskPlan(teacher=TEACHER, template=FIRST, again_template=AGAIN, orders=2,
                                 again_orders=2),
                  "student": StudentPlan(model=MODEL, rank=4, alpha=8), "phases": phases(),
                  "batch_size": 8, "micro_batch": 8, "anchors": 8, "anchor_refresh": 6, "device": "cpu"}
        return DistillPlan(**{**fields, **changes})

    def run(self, name: str = "run", **changes: object) -> RunFolder:
        """A run folder with its plan, not started."""
        run = RunFolder(self.workspace.project(self.project).runs / name)
        save_plan(run.plan, self.plan(**changes))
        return run


def make_workspace(home: Path, n: int = 90, gold: bool = True) -> Made:
    """Model, project, documents with labels for scoring, recorded teacher, sentence vectors."""
    workspace = Workspace(home)
    write_model(workspace.models)
    texts, truth = documents(n)
    table = home / "documents.csv"
    rows = [f"{i},{text},{TASK.names[label]}" if gold else f"{i},{text}"
            for i, (text, label) in enumerate(zip(texts, truth, strict=True))]
    table.write_text("\n".join(["id,text,label" if gold else "id,text", *rows]) + "\n", encoding="utf-8")
    read = ingest([table])
    project = create_project(workspace, "Tiny")
    folder = workspace.project(project.id).corpora / read.corpus.id
    save_corpus(folder, read)
    save_project(workspace, project.model_copy(update={
        "corpus": read.corpus.id, "task": TASK.id,
        "gold_column": read.golds[0].column if read.golds else ""}))
    save_task(workspace.project(project.id).tasks, TASK)
    corpus = load_corpus(folder)
    assert len(corpus) == n
    record_teacher(workspace.models / RECORDINGS, corpus, truth)
    vectors = np.random.default_rng(1).normal(size=(n, 8)).astype(np.float32)
    save_vectors(workspace.cache / "vectors" / f"{corpus.digest}.safetensors", vectors)
    return Made(workspace, project.id, corpus, truth)


@cache
def _built(home: Path) -> Made:
    return make_workspace(home)


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread and fp32: small models gain nothing from more, and answers are then the same everywhere."""
    monkeypatch.setattr("engine.devices.usable_cores", lambda: 1)
    monkeypatch.setenv("ANON_DTYPE", "float32")
    monkeypatch.setenv("TQDM_DISABLE", "1")


@pytest.fixture(scope="session")
def tiny_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the workspace is built once."""
    return tmp_path_factory.getbasetemp() / "tiny-home"


@pytest.fixture
def made(tiny_home: Path, tmp_path: Path) -> Iterator[Made]:
    """A workspace of one's own, ready to run."""
    built = _built(tiny_home)
    home = tmp_path / "home"
    shutil.copytree(tiny_home, home)
    yield Made(Workspace(home), built.project, built.corpus, built.truth)


@pytest.fixture
def tiny_model(made: Made) -> ModelFolder:
    """The random model."""
    return open_folder(made.workspace.models / MODEL)
