"""The phases of a run by how thorough it is to be, by kind of question and by the small model. Torch-free."""

from __future__ import annotations

import math

from engine.losses.needs import RepresentationLossName
from engine.phase_plan import COOLED, PhasePlan
from engine.plan import Preset
from engine.tasks.definition import WRITTEN, TaskKind

KNOWN_WIDTH = 576  # of SmolLM2 135M, on which the presets' rates were chosen
HEALING = 0.5  # weight of inner representations where a cut student heals
RATE_SHARES = tuple(0.5 ** k for k in range(6))  # the last for all wider than 9,216

READING = PhasePlan(name="reading", title="Reading", slice="all", passes=1.0, learning_rate=5e-4, outputs=0.0,
                    text=1.0, reads=True)


def rate_share(width: int | None) -> float:
    """The share of the presets' learning rates for a student so wide: halved with each doubling, from 577 on.

    Adam's best rate falls with the width (Yang et al., "Tensor Programs V", 2022: as 1 / width). Measured on
    Qwen2.5-Coder-0.5B (896 wide): at the whole rate a phase over all documents lost what the one before had
    taught, at half of it not.
    """
    if width is None or width <= KNOWN_WIDTH:
        return 1.0
    return RATE_SHARES[min(math.ceil(math.log2(width / KNOWN_WIDTH)), len(RATE_SHARES) - 1)]


def representation_loss_for(kind: TaskKind, *, heals: bool) -> RepresentationLossName:
    """How inner representations are compared: relationally, but by cosine where a cut student heals.

    Measured where one category is chosen (600 tweets of unseen events, agreement with the large model): 12 of
    Qwen2.5-Coder-0.5B's 24 layers .63 by cosine, .57 relationally (one seed); a whole SmolLM2 .606 by cosine,
    .617 relationally (three seeds).
    """
    return "cosine" if heals and kind == "single_label" else "relational"


def phases_for(preset: Preset, kind: TaskKind = "single_label", *, tokens: bool = True, rate: float = 1.0,
               heals: bool = False, asks_again: bool = True, reads: bool = True) -> tuple[PhasePlan, ...]:
    """The three phases of ANON, easy to hard, in three lengths; before the longest, one that reads.

    `tokens`: for answers in writing, whether the small model writes with the large one's tokens and can learn
    its likeliest ones; else it learns the words alone. `rate`: the share of the usual learning rates that the
    small model's width allows (`rate_share`). `heals`: it was cut to fewer layers;
    the first phase mends that, at the whole rate, and more by inner representations than is usual
    (`representation_loss_for`). `asks_again`: before the hard cases, where one category is
    chosen. `reads`: it is a language model, and reads the documents first where one category is chosen and
    time does not matter: measured when each phase cooled down, it came closer to the large model (1,714
    tweets, three seeds: 1.8 points of agreement, −1.8 to +5.3) for a quarter more training, and macro-F1
    gained nothing.
    """
    foundations, breadth, hard = {"quick": (2.0, 2.5, 0.5), "balanced": (2.0, 3.5, 0.5),
                                  "thorough": (4.0, 9.0, 1.0)}[preset]
    usual = _chosen(foundations, breadth, hard, asks_again) if kind == "single_label" else _others(
        kind, (foundations, breadth, hard), tokens)
    first, *others = usual
    first = first.model_copy(update={"learning_rate": first.learning_rate * (1.0 if heals else rate)})
    if representation_loss_for(kind, heals=heals) == "cosine":
        first = first.model_copy(update={"representations": HEALING, "cools_to": COOLED})

    def slower(phase: PhasePlan) -> PhasePlan:
        return phase.model_copy(update={"learning_rate": phase.learning_rate * rate})
    taught = (first, *map(slower, others))
    first_reads = reads and preset == "thorough" and kind == "single_label" and not heals
    return (slower(READING), *taught) if first_reads else taught


def _chosen(foundations: float, breadth: float, hard: float, asks_again: bool) -> tuple[PhasePlan, ...]:
    """The phases where one category is chosen.

    The loss on representations is some 1.5 nats, that on answers .2 to .3. At weights of .3 and .1 it ruled:
    agreement on events that nobody learned from was .53 against .58 by answers alone; at .05, .60 (one seed).
    The first phase does not cool down: what it learned of the sure documents is not to set before the
    others are seen. Measured where nothing is asked again (`python -m tests.benchmarks.schedules`; 600
    tweets to learn from, 500 others, two seeds, as many passes; agreement and nats from the large model):
    so, and without hard cases, .676 and .269; cooling in each of three phases .647 and .284; all at once
    .656 and .288. Hard cases without new answers gained nothing: half or more of their passes went to all.
    """
    return (
        PhasePlan(name="foundations", title="Foundations", slice="confident", passes=foundations,
                  learning_rate=1e-3, cools_to=1.0, representations=0.05),
        PhasePlan(name="breadth", title="Breadth", slice="all", passes=breadth, learning_rate=7e-4),
        PhasePlan(name="hard-cases", title="Hard cases", slice="hard", passes=hard,
                  learning_rate=3e-4, ask_again=asks_again),
    )


def _others(kind: TaskKind, passes: tuple[float, float, float], tokens: bool) -> tuple[PhasePlan, ...]:
    """The phases of the other kinds: nothing is asked again; what is written needs smaller steps."""
    writes = kind in WRITTEN
    losses = {"outputs": 1.0 if tokens else 0.0, "text": 0.2 if tokens else 1.0} if writes else {}
    rates = (5e-4, 4e-4, 2e-4) if writes else (1e-3, 7e-4, 3e-4)
    steps = (("foundations", "Foundations", "confident", 0.3), ("breadth", "Breadth", "all", 0.1),
             ("hard-cases", "Hard cases", "hard", 0.0))
    return tuple(PhasePlan(name=name, title=title, slice=part, passes=length, learning_rate=rate,
                           representations=0.0 if writes and not tokens else relations, **losses)
                 for (name, title, part, relations), length, rate in zip(steps, passes, rates, strict=True))
