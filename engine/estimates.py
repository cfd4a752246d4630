"""Time, memory and disk of a run before anything is spent, each with what it is based on. Torch-free."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.devices import cpu_flops, machine_summary
from engine.models.catalogue import find_card
from engine.models.folders import installed, is_installed
from engine.models.shape import depth_of
from engine.models.vocabularies import share_tokens
from engine.plan import ENCODER, SLICE_SHARES, DistillPlan
from engine.prompts.template import render
from engine.records import Corpus
from engine.tasks.answer_form import room_for
from engine.teachers.protocol import teacher_kind
from engine.workspace import Workspace, read_json, write_json

GPU_FLOPS = 20e12
SHARE_OF_FLOPS = {"ask": 0.8, "train": 0.3, "predict": 0.45}
"""What each kind of work gets out of the machine: measured on two cores; less where models are small."""
CHARS_A_TOKEN = 3.6
CHAT_TOKENS = 25  # that a chat form puts around a prompt
STUDENT_TOKENS = 8
WRITING = 4.0  # times the time that a token takes to be written, not read, several answers at once


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number with its unit and what it rests on."""

    value: float
    words: str
    basis: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """The card above *Start*. `problems` are reasons not to start, in words; empty when there are none."""

    time: Estimate
    memory: Estimate
    disk: Estimate
    money: Estimate
    problems: tuple[str, ...]


def preflight(plan: DistillPlan, corpus: Corpus, workspace: Workspace) -> Preflight:
    """What a plan will cost on this machine."""
    sizes = {m.name: m.bytes_on_disk for m in installed(workspace.models)}
    seconds, basis = _seconds(plan, corpus, workspace)
    memory = _memory(plan, sizes)
    available, free = psutil.virtual_memory().available / 1e9, _free(workspace.home)
    disk = 0.08 + 4.0 * len(corpus) * 1e-6 * 1000 / 1000
    problems = []
    needed = [plan.student.model]
    if teacher_kind(plan.ask.teacher) == "local":
        needed.append(plan.ask.teacher)
    if plan.wants_hidden or plan.task.kind == "generate":
        needed.append(ENCODER)
    for name in needed:
        if not is_installed(workspace.models, name):
            title = card.title if (card := find_card(name)) else name
            problems.append(f"The model {title} is not on this machine yet: fetch it first.")
    problems += _words_not_shared(plan, workspace) + _not_for_students(plan, workspace)
    if memory > available:
        problems.append(f"It needs about {memory:.1f} GB of memory; {available:.1f} GB are free.")
    if disk > free:
        problems.append(f"It needs {disk:.1f} GB of disk; {free:.1f} GB are free.")
    if len(corpus) < 60:
        problems.append(f"{len(corpus)} documents are too few to learn from and still check: "
                        "add documents until there are at least 60.")
    return Preflight(
        Estimate(seconds, _duration(seconds), basis),
        Estimate(memory, f"{memory:.1f} GB", f"weights, adapter and one batch; {available:.1f} GB are free"),
        Estimate(disk, f"{disk:.1f} GB", f"adapters, answers and report; {free:.0f} GB are free"),
        Estimate(0.0, "nothing", "every model runs on this machine"), tuple(problems))


def _words_not_shared(plan: DistillPlan, workspace: Workspace) -> list[str]:
    """The likeliest tokens of one model mean nothing to another with other tokens."""
    token_by_token = plan.wants_tokens and plan.output_loss != "sorted_distance"
    shared = share_tokens(workspace.models, plan.ask.teacher, plan.student.model)
    if not token_by_token or shared is not False:
        return []
    return [f"{plan.student.model} does not write with the same tokens as {plan.ask.teacher}, so it cannot "
            "learn that one's likeliest tokens: set the weight of outputs to 0 and that of text to 1, "
            "choose the sorted distance, or a small model of the same family."]


def _not_for_students(plan: DistillPlan, workspace: Workspace) -> list[str]:
    """What a small model of this kind, or this machine, cannot do."""
    found = next((m for m in installed(workspace.models) if m.name == plan.student.model), None)
    problems = []
    if found and found.roles == ("encoder",):
        if plan.writes:
            problems.append(f"{found.title} reads and cannot write: choose another small model for facts or "
                            "short texts.")
        if plan.student.layers or plan.student.four_bit:
            problems.append(f"{found.title} is small already: leave “layers” and “four_bit” out of the plan.")
    elif plan.student.four_bit and not machine_summary().gpu:
        problems.append("Weights in 4 bits need a graphics card of NVIDIA (CUDA): leave “four_bit” out.")
    depth = depth_of(workspace.models, plan.student.model)
    if depth and (plan.student.layers or 0) > depth:
        problems.append(f"{plan.student.model} has {depth} layers and cannot keep {plan.student.layers}: "
                        "choose fewer.")
    return problems


def asking_time(workspace: Workspace, teacher: str, calls: int, tokens: float) -> Estimate:
    """How long `calls` questions of so many tokens take a large model on this machine."""
    if teacher_kind(teacher) == "recorded":
        return Estimate(0.0, "no waiting, since its answers are recorded", "recorded")
    path = workspace.cache / "speeds.json"
    known = (read_json(path) if path.exists() else {}).get(f"ask:{teacher}")
    seconds = calls / (known["per_second"] if known else _rate("ask", teacher, tokens))
    return Estimate(seconds, _duration(seconds), "measured" if known else "guessed")


def note_speed(workspace: Workspace, what: str, name: str, per_second: float, run: str) -> None:
    """Remember a measured speed (documents or prompts a second) for later estimates on this machine."""
    path = workspace.cache / "speeds.json"
    known = read_json(path) if path.exists() else {}
    known[f"{what}:{name}"] = {"per_second": round(per_second, 4), "run": run}
    write_json(path, known)


def _seconds(plan: DistillPlan, corpus: Corpus, workspace: Workspace) -> tuple[float, str]:
    path = workspace.cache / "speeds.json"
    known = read_json(path) if path.exists() else {}
    tokens = sum(min(len(d.text), plan.ask.max_chars) for d in corpus.documents) / CHARS_A_TOKEN
    per_document = tokens / max(1, len(corpus))
    measured, learn = [], 0.65 * len(corpus)
    seconds = 25.0 + 0.02 * len(corpus)  # loading, sentence vectors, bag of words, packing
    if teacher_kind(plan.ask.teacher) == "local":
        again = plan.ask.again_share * 0.65 if any(p.ask_again for p in plan.phases) else 0.0
        asked = plan.ask.budget if plan.ask.candidates else plan.ask.orders
        if plan.task.kind == "multi_label":
            asked = len(plan.task.labels)
        elif plan.writes:
            asked = 1 + WRITING * room_for(plan.task) / max(1.0, per_document + _around(plan))
        prompts = len(corpus) * (asked + again * plan.ask.again_orders)
        speed = known.get(f"ask:{plan.ask.teacher}")
        measured.append(bool(speed))
        rate = speed["per_second"] if speed else _rate("ask", plan.ask.teacher, per_document + _around(plan))
        seconds += prompts / rate
    passes = sum(p.passes * SLICE_SHARES[p.slice] for p in plan.phases)
    gates = sum(p.passes for p in plan.phases) * plan.gates_per_pass * 0.15 * len(corpus)
    trained, read = known.get(f"train:{plan.student.model}"), known.get(f"predict:{plan.student.model}")
    measured.append(bool(trained))
    length = per_document + STUDENT_TOKENS
    train_rate = trained["per_second"] if trained else _rate("train", plan.student.model, length)
    read_rate = read["per_second"] if read else _rate("predict", plan.student.model, length)
    seconds += passes * learn / train_rate + (gates + 2.2 * len(corpus)) / read_rate
    if all(measured):
        return seconds, "from the speed measured on this machine in earlier runs"
    return seconds, "from the sizes of the models and a quick test of this machine; sharper after a first run"


def _around(plan: DistillPlan) -> float:
    """Tokens of the instructions and categories around a document, about."""
    text = plan.ask.template.text
    if plan.task.kind == "single_label":
        text = render(text, plan.task, "", range(len(plan.task.labels)))
    return len(text) / CHARS_A_TOKEN + CHAT_TOKENS


def _rate(work: str, model: str, tokens: float) -> float:
    """Documents a second, guessed from the model's size and a product timed on this machine."""
    card = find_card(model)
    parameters = card.parameters if card else 1e9
    flops = GPU_FLOPS if machine_summary().gpu else cpu_flops()
    each = (6 if work == "train" else 2) * parameters * max(1.0, tokens)
    return SHARE_OF_FLOPS[work] * flops / each


def _memory(plan: DistillPlan, sizes: dict[str, int]) -> float:
    """Peak in GB: the larger of asking and training; the teacher is unloaded before the student trains."""
    def weights(name: str) -> float:
        card = find_card(name)
        return sizes.get(name, 2.0 * card.parameters if card else 2e9) / 1e9
    asking = weights(plan.ask.teacher) * 1.15 + 1.2 if teacher_kind(plan.ask.teacher) == "local" else 0.0
    training = weights(plan.student.model) * 2 + 1.2 + 0.06 * plan.micro_batch
    return max(asking, training)


def _free(folder: Path) -> float:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free / 1e9


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 1.5:
        return "about a minute"
    if minutes < 90:
        return f"about {minutes:.0f} minutes"
    return f"about {minutes / 60:.1f} hours"
