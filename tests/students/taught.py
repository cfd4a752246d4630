"""A tiny model that was taught to answer: a large model asked live, only small; and questions for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from engine.models.folders import weights_digest
from engine.models.loading import load_causal_lm
from engine.phase_plan import PhasePlan
from engine.plan import ENCODER, AskPlan
from engine.prompts.template import Template
from engine.prompts.verbalisers import assign
from engine.tasks.definition import Task
from engine.workspace import read_json, write_json
from tests.conftest import INSTALLED
from tests.students.tiny import CPU, KEYWORDS, TASK, Made, documents, write_model

LARGE = "tiny-large"
ASKED = AskPlan(teacher=LARGE, max_chars=400, template=Template(
    id="each", kind="multi_label", answer="yes_no",
    text="{{ document }} about {{ label.name }} ? yes or no :"))
SEVERAL = Task(id="several", kind="multi_label", question="Which of these apply?", labels=TASK.labels)
LINE = Task(id="line", kind="generate", question="What happened?", max_words=6)
WRITTEN = AskPlan(teacher=LARGE, max_chars=400, template=Template(
    id="line", kind="generate", answer="text", text="{{ document }} about :"))
ONE = (PhasePlan(name="one", title="One", slice="confident", passes=3, learning_rate=2e-2,
                 representations=0.3),
       PhasePlan(name="two", title="Two", slice="hard", passes=2, learning_rate=1e-2, taid=True))


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that was taught to write what a document is about: a real teacher, only small."""
    models = tmp_path_factory.mktemp("large")
    folder = write_model(models, LARGE, seed=3)
    model, tokenizer = load_causal_lm(folder, CPU)
    texts, truth = documents(300, seed=5)
    yes_no = assign(("Yes", "No"), lambda t: tokenizer.encode(t, add_special_tokens=False)).tokens
    rows = []
    for text, label in zip(texts, truth, strict=True):
        first = next(word for word in text.split() if word in KEYWORDS[label])
        prompt = tokenizer.encode(f"{text} about : . ", add_special_tokens=False)
        rows.append((prompt, [*tokenizer.encode(f"{TASK.names[label]} {first}"), tokenizer.eos_token_id]))
        asked = (label + len(rows)) % 3
        question = f"{text} about {TASK.names[asked]} ? yes or no : . "
        rows.append((tokenizer.encode(question, add_special_tokens=False), [yes_no[int(asked != label)]]))
    model.train()
    adam = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for step in range(240):
        loss = torch.zeros(())
        for prompt, answer in rows[step * 10 % 600:][:10]:
            ids = torch.tensor([prompt + answer])
            logits = model(input_ids=ids).logits[0, len(prompt) - 1:-1]
            loss = loss + torch.nn.functional.cross_entropy(logits, torch.tensor(answer)) / 10
        adam.zero_grad()
        loss.backward()
        adam.step()
    model.save_pretrained(folder.path)
    write_json(folder.path / "manifest.json", {
        **read_json(folder.path / "manifest.json"), "digest": weights_digest(folder.path)})
    return folder.path


@pytest.fixture
def large(made: Made, taught: Path) -> Made:
    """A workspace with a large model that is asked live."""
    shutil.copytree(taught, made.workspace.models / LARGE)
    for name in (ENCODER,):
        if (INSTALLED / name / "manifest.json").is_file():
            (made.workspace.models / name).symlink_to(INSTALLED / name)
    return made


def with_encoder(made: Made) -> Made:
    if not (made.workspace.models / ENCODER).exists():
        pytest.skip(f"{ENCODER} is not installed (make models)")
    return made
