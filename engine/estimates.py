"""Time, memory and disk of a run before anything is spent, each with what it is based on. Torch-free."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from engine.corpus.splits import FEWEST_DOCUMENTS, SHARES, too_few
from engine.devices import bytes_a_weight, cpu_flops, machine_summary
from engine.errors import EngineError
from engine.losses.needs import PROJECTING
from engine.models.catalogue import find_card
from engine.models.folders import ModelFolder, installed, is_installed
from engine.models.shape import depth_of, inner_width_of, width_of, window_of
from engine.models.tokens import token_counter
from engine.models.vocabularies import share_tokens
from engine.phase_plan import SLICE_SHARES
from engine.plan import ENCODER, TURNED_ROUND, DistillPlan
from engine.prompts.template import before_document, render_any, student_text
from engine.prompts.verbalisers import assign, scored_names
from engine.records import Corpus
from engine.speeds import Work, measured_speed
from engine.tasks.answer_form import room_for
from engine.tasks.definition import TaskKind
from engine.teachers.protocol import DEPTHS, LISTED, teacher_kind
from engine.workspace import Workspace

GPU_FLOPS = 20e12
SHARE_OF_FLOPS = 0.8  # that large products get out of a machine
BODY = 0.8  # of a model's parameters: the others are its vocabulary, looked up and not multiplied
PRODUCTS: dict[Work, int] = {"ask": 2, "train": 4, "predict": 2}
"""Operations for each parameter and token: forward, and as many back through frozen weights (LoRA)."""
STARTING: dict[Work, float] = {"ask": 0.0, "train": 0.08, "predict": 0.02}
"""Seconds a document that starting many small operations takes, however fast they are; on a CPU. Measured on
two kinds of processor: one of 78 billion operations a second and core, one with AMX, five times faster."""
GPU_STARTS = 0.2  # of that time on a graphics card
LEARN, STEER, _ = SHARES  # of the documents
CHARS_A_TOKEN = 3.6
CHAT_TOKENS = 25  # that a chat form puts around a prompt
STUDENT_TOKENS = 8
LONGEST = 20  # texts whose tokens are counted to find the longest
USUAL_WIDTH, USUAL_DEPTH = 2_048, 24  # of a model that does not say
PROCESS = 1.4  # GB: libraries, documents, an adapter and its moments
KEPT, KEPT_INSIDE = 8, 4
"""Numbers kept for the way back, a token and layer: so many times the width, and the width within.
Measured with eight documents of 40 to 330 tokens, bf16: SmolLM2 .8 MB a token, Qwen2.5-Coder-0.5B 1.3; these
say .6 and 1.3."""
SCORED = 0.7  # GB: scores over the vocabulary and their gradient, as many at once as there may be
IN_MEMORY = 6  # times the projection: itself, gradient, two moments, the best, the one before the phase
ON_DISK = 8  # two save points of four; and one is kept with each phase
STORED = 1.4  # bytes on disk for each of inner states kept with an answer: measured
BYTES_A_TOKEN = 6  # a kept token and its probability
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
    here = {model.name: model for model in installed(workspace.models)}
    student, lengths = here.get(plan.student.model), text_lengths(corpus)
    seconds, basis = _seconds(plan, lengths, workspace)
    longest = _longest_read(plan, corpus, lengths, student)
    memory = _memory(plan, here, longest, workspace) + IN_MEMORY * _projection(plan, workspace)
    available, free = psutil.virtual_memory().available / 1e9, _free(workspace.home)
    disk = _disk(plan, corpus, workspace)
    problems = []
    for name in needed_models(plan):
        if not is_installed(workspace.models, name):
            title = card.title if (card := find_card(name)) else name
            problems.append(f"The model {title} is not on this machine yet: fetch it first.")
    problems += _words_not_shared(plan, workspace) + _not_for_students(plan, student, workspace)
    problems += _not_its_words(plan, student, longest, workspace)
    if memory > available:
        problems.append(f"It needs about {memory:.1f} GB of memory; {available:.1f} GB are free.")
    if disk > free:
        problems.append(f"It needs {disk:.1f} GB of disk; {free:.1f} GB are free.")
    documents = len({d.whole for d in corpus.documents})  # not pieces of long ones
    if documents < FEWEST_DOCUMENTS:
        problems.append(too_few(documents))
    return Preflight(
        Estimate(seconds, _duration(seconds), basis),
        Estimate(memory, f"{memory:.1f} GB", "weights, adapter and a batch of the longest "
                 f"documents; {available:.1f} GB are free"),
        Estimate(disk, f"{disk:.1f} GB", f"adapters, answers and report; {free:.0f} GB are free"),
        Estimate(0.0, "nothing", "every model runs on this machine"), tuple(problems))


def needed_models(plan: DistillPlan) -> list[str]:
    """Models that must be on this machine: the small one, the large one unless recorded, the encoder."""
    needed = [plan.student.model]
    if teacher_kind(plan.ask.teacher) == "local":
        needed.append(plan.ask.teacher)
    if plan.wants_vectors or plan.task.kind == "generate":
        needed.append(ENCODER)
    return needed


def _words_not_shared(plan: DistillPlan, workspace: Workspace) -> list[str]:
    """The likeliest tokens of one model mean nothing to another with other tokens."""
    token_by_token = plan.wants_tokens and plan.output_loss != "sorted_distance"
    shared = share_tokens(workspace.models, plan.ask.teacher, plan.student.model)
    if not token_by_token or shared is not False:
        return []
    return [f"{plan.student.model} does not write with the same tokens as {plan.ask.teacher}, so it cannot "
            "learn that one's likeliest tokens: set the weight of outputs to 0 and that of text to 1, "
            "choose the sorted distance, or a small model of the same family."]


def _not_for_students(plan: DistillPlan, student: ModelFolder | None, workspace: Workspace) -> list[str]:
    """What a small model of this kind, or this machine, cannot do."""
    problems = []
    if student and student.is_encoder:
        if plan.writes:
            problems.append(f"{student.title} reads and cannot write: choose another small model for facts "
                            "or short texts.")
        if any(phase.reads for phase in plan.phases):
            problems.append(f"{student.title} guesses no next words: leave phases with “reads” out.")
        if plan.student.layers or plan.student.four_bit:
            problems.append(f"{student.title} is small already: leave “layers” and “four_bit” out of the "
                            "plan.")
    elif plan.student.four_bit and not machine_summary().gpu:
        problems.append("Weights in 4 bits need a graphics card of NVIDIA (CUDA): leave “four_bit” out.")
    depth = depth_of(workspace.models, plan.student.model)
    if depth and (plan.student.layers or 0) > depth:
        problems.append(f"{plan.student.model} has {depth} layers and cannot keep {plan.student.layers}: "
                        "choose fewer.")
    return problems


def _not_its_words(plan: DistillPlan, student: ModelFolder | None, longest: int,
                   workspace: Workspace) -> list[str]:
    """Categories that a small model has no word for, and texts longer than it reads."""
    if student is None or student.is_encoder:  # it has a row for each, and cuts what is too long
        return []
    try:
        counter = token_counter(student.path)
        if not plan.writes:
            assign(scored_names(plan.task), counter.encode)
    except EngineError as error:
        return [f"{error.what} {error.fix}"]
    window = window_of(workspace.models, student.name)
    if not window or longest <= window:
        return []
    return [f"{student.title} reads {window:,} tokens at once, and the longest text is {longest:,} "
            "with its answer: choose another small model, or a smaller “max_chars” of the student."]


def _longest_read(plan: DistillPlan, corpus: Corpus, lengths: NDArray[np.integer],
                  student: ModelFolder | None) -> int:
    """Tokens of the longest text that the small model reads, with its answer; guessed if it is not here."""
    about, room = plan.student, room_for(plan.task) if plan.writes else 0
    read = [student_text(about.prompt, plan.task.question, corpus.documents[i].text, about.max_chars)
            for i in np.argsort(lengths)[-LONGEST:]]
    try:
        counted = max(token_counter(student.path).count_many(read), default=0) if student else 0
    except EngineError:  # said by `_not_its_words`
        counted = 0
    guessed = max(map(len, read), default=0) / CHARS_A_TOKEN
    return room + (counted or round(guessed))


def asking_time(workspace: Workspace, teacher: str, kind: TaskKind, calls: int, tokens: float) -> Estimate:
    """How long `calls` questions of so many tokens take a large model on this machine."""
    if teacher_kind(teacher) == "recorded":
        return Estimate(0.0, "no waiting, since its answers are recorded", "recorded")
    speed = measured_speed(workspace, "ask", kind, teacher, tokens)
    seconds = calls / (speed or _rate("ask", teacher, tokens))
    return Estimate(seconds, _duration(seconds), "measured" if speed else "guessed")


def text_lengths(corpus: Corpus) -> NDArray[np.integer]:
    """Characters of each document or piece, (documents,): counted once, since there may be a million."""
    return np.fromiter((len(document.text) for document in corpus.documents), np.int64, len(corpus))


def tokens_asked(plan: DistillPlan, lengths: NDArray[np.integer]) -> float:
    """Mean length of a question to the large model; a token it writes counts as several that it reads.

    `lengths`: from `text_lengths`, here and below.
    """
    writes = WRITING * room_for(plan.task) if plan.writes else 0.0
    return _mean_tokens(lengths, plan.ask.max_chars) + _around(plan) + writes


def tokens_learned(plan: DistillPlan, lengths: NDArray[np.integer]) -> float:
    """Mean length of what the small model reads of a document."""
    return _mean_tokens(lengths, plan.student.max_chars) + STUDENT_TOKENS


def tokens_answered(plan: DistillPlan, lengths: NDArray[np.integer]) -> float:
    """Mean length of a document that the small model answers, in tokens read, as `tokens_asked`."""
    return tokens_learned(plan, lengths) + (WRITING * room_for(plan.task) if plan.writes else 0.0)


def _mean_tokens(lengths: NDArray[np.integer], most: int) -> float:
    return float(np.minimum(lengths, most).mean()) / CHARS_A_TOKEN if len(lengths) else 0.0


def _seconds(plan: DistillPlan, lengths: NDArray[np.integer], workspace: Workspace) -> tuple[float, str]:
    n, kind, student, measured = len(lengths), plan.task.kind, plan.student.model, []

    def rate(work: Work, model: str, tokens: float) -> float:
        speed = measured_speed(workspace, work, kind, model, tokens)
        if work != "predict":  # the least of it
            measured.append(bool(speed))
        return speed or _rate(work, model, tokens)

    seconds = 25.0 + 0.02 * n  # loading, sentence vectors, bag of words, packing
    if teacher_kind(plan.ask.teacher) == "local":
        again = plan.ask.again_share * LEARN if plan.asks_again else 0.0
        asked = float(plan.task.questions)
        if kind == "single_label":
            asked = plan.ask.budget if plan.ask.candidates else float(plan.ask.orders)
            if not plan.ask.candidates and plan.ask.orders == 1 and n:
                asked += min(1.0, TURNED_ROUND / n)
        again *= max(plan.ask.again_orders, 2)
        seconds += n * (asked + again) / rate("ask", plan.ask.teacher, tokens_asked(plan, lengths))
    passes = sum(p.passes * SLICE_SHARES[p.slice] for p in plan.phases)
    looks = sum(p.passes for p in plan.phases) * plan.gates_per_pass * STEER * n
    train = rate("train", student, tokens_learned(plan, lengths))
    answer = rate("predict", student, tokens_answered(plan, lengths))
    seconds += passes * LEARN * n / train
    # Every document is answered; those kept aside once more when reloaded, and after each earlier phase.
    # Who writes is looked at word by word (a third of a training step) and writes about those kept aside.
    seconds += (looks + n) / (3 * train) + 0.4 * n / answer if plan.writes else (looks + 2.6 * n) / answer
    if all(measured):
        return seconds, "from the speed measured on this machine in earlier runs"
    return seconds, "from the sizes of the models and a quick test of this machine; sharper after a first run"


def _around(plan: DistillPlan) -> float:
    """Tokens of the instructions that are read with each document, about: not those read once for all."""
    once = 0 if plan.writes else len(before_document(plan.ask.template, plan.task))
    return (len(render_any(plan.ask.template, plan.task, "")) - once) / CHARS_A_TOKEN + CHAT_TOKENS


def _rate(work: Work, model: str, tokens: float) -> float:
    """Documents a second, guessed from the model's size and a product timed on this machine."""
    card = find_card(model)
    parameters = card.parameters if card else 1e9
    gpu = machine_summary().gpu
    each = PRODUCTS[work] * BODY * parameters * max(1.0, tokens)
    products = each / (SHARE_OF_FLOPS * (GPU_FLOPS if gpu else cpu_flops()))
    return 1 / (products + STARTING[work] * (GPU_STARTS if gpu else 1.0))


def _memory(plan: DistillPlan, here: Mapping[str, ModelFolder], longest: int,
            workspace: Workspace) -> float:
    """Peak in GB: the larger of asking and training. The teacher is unloaded before the student trains, and
    comes back beside it where a phase asks again. `longest`: tokens of the longest text learned from.
    """
    def weights(name: str) -> float:
        card = find_card(name)
        guess = 2.0 * card.parameters if card else 2e9
        stored = here[name].bytes_on_disk if name in here else guess  # in 16 bits
        return stored / 1e9 * bytes_a_weight() / 2
    asking = weights(plan.ask.teacher) * 1.15 + 1.2 if teacher_kind(plan.ask.teacher) == "local" else 0.0
    if asking and plan.asks_again:
        asking += weights(plan.student.model) * 1.15
    model = plan.student.model
    width = width_of(workspace.models, model) or USUAL_WIDTH
    inner = inner_width_of(workspace.models, model) or 4 * width
    layers = plan.student.layers or depth_of(workspace.models, model) or USUAL_DEPTH
    kept = layers * (KEPT * width + KEPT_INSIDE * inner) * bytes_a_weight()
    read = min(longest, window_of(workspace.models, model) or longest)
    at_once = min(plan.batch_size, plan.micro_batch) * read
    scored = SCORED if any(phase.reads or phase.text or plan.writes for phase in plan.phases) else 0.0
    return max(asking, weights(model) * 1.15 + PROCESS + kept * at_once / 1e9 + scored)


def _disk(plan: DistillPlan, corpus: Corpus, workspace: Workspace) -> float:
    """GB: texts and answers; inner states, kept for every question and once more with the run; tokens."""
    each = 4_000.0
    if plan.wants_hidden and teacher_kind(plan.ask.teacher) == "local":
        width = width_of(workspace.models, plan.ask.teacher) or USUAL_WIDTH
        each += 2 * len(DEPTHS) * width * (1 + STORED * (0 if plan.writes else plan.task.questions))
    if plan.wants_tokens:
        each += 2 * BYTES_A_TOKEN * LISTED * room_for(plan.task) / 2
    return 0.08 + each * len(corpus) / 1e9 + (ON_DISK + len(plan.phases)) * _projection(plan, workspace)


def _projection(plan: DistillPlan, workspace: Workspace) -> float:
    """GB of the maps between both models' inner states, in 32 bits; 0 where none are learned."""
    if plan.hint_loss not in PROJECTING:
        return 0.0
    widths = (width_of(workspace.models, name) or USUAL_WIDTH
              for name in (plan.ask.teacher, plan.student.model))
    return 4.0 * len(DEPTHS) * math.prod(widths) / 1e9


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
