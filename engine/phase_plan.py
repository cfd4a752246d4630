"""One phase of training as a plan tells it, and what of several phases could not work. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import SettingsError

Slice = Literal["confident", "all", "hard"]
COOLED = 0.1  # share of the learning rate that is left when training has cooled down
SLICE_SHARES: dict[Slice, float] = {"confident": 0.7, "all": 1.0, "hard": 0.7}
"""Share of *learn* in each slice: a choice for *confident*, a guess for *hard*, which depends on answers."""


class PhasePlan(BaseModel):
    """One phase of training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    title: str
    slice: Slice
    passes: float = Field(gt=0, le=50, description="Passes over the slice.")
    learning_rate: float = Field(gt=0, le=0.1, description="The highest of the phase.")
    cools_to: float = Field(COOLED, gt=0, le=1, description="Share of the learning rate left at its end.")
    outputs: float = Field(1.0, ge=0, description="Weight of the loss on outputs.")
    text: float = Field(0.0, ge=0, description="Weight of the loss on words; for answers in writing.")
    representations: float = Field(0.0, ge=0, description="Weight of the loss on representations.")
    temperature: float = Field(1.0, ge=0.5, le=10)
    train_above: float = Field(0.0, ge=0, lt=1, description="Train the adapter above this relative depth.")
    taid: bool = Field(False, description="Move the target from student to teacher as mistakes fall (TAID).")
    ask_again: bool = Field(False, description="Ask the large model again before this phase.")
    reads: bool = Field(False, description="Learn the documents' own words, before any answer.")


def phase_problems(phases: Sequence[PhasePlan], losses: Sequence[str], *,
                   writes: bool) -> list[SettingsError]:
    """What about phases could not work, or would do nothing.

    `losses`: names of the weights that there are for the kind of question; `writes`: it is answered in
    writing.
    """
    problems = _reading_problems(phases)
    for i, phase in enumerate(phases):
        if not phase.reads and not any(getattr(phase, name) > 0 for name in losses):
            problems.append(SettingsError(
                f"The phase {phase.name} has no loss: it would learn nothing.",
                "Give it a weight for outputs, text or representations."))
        idle = [name for name, is_idle in (
            ("text", phase.text > 0 and not (writes or phase.reads)),
            ("taid", phase.taid and not phase.outputs),
            ("temperature", phase.temperature != 1 and not phase.outputs)) if is_idle]
        if idle:
            problems.append(SettingsError(
                f"In the phase {phase.name} nothing would come of “{'”, “'.join(idle)}”: "
                "“text” is for answers in writing, the others are for the loss on outputs.",
                "Leave that out, or give “outputs” a weight."))
        if phase.name in {earlier.name for earlier in phases[:i]}:
            problems.append(SettingsError(f"Two phases are called {phase.name}.",
                                          "Give each phase a name of its own."))
    if sum(phase.ask_again for phase in phases) > 1:
        problems.append(SettingsError(
            "Documents in doubt are asked about again before one phase only: a second time would be the "
            "same question.", "Leave “ask_again” out of all phases but one."))
    return problems


def _reading_problems(phases: Sequence[PhasePlan]) -> list[SettingsError]:
    """Reading is a phase of its own, before all that teach."""
    reading = [phase for phase in phases if phase.reads]
    problems = [SettingsError(
        f"The phase {phase.name} reads the documents, and learns nothing else meanwhile.",
        "Give it all documents, a weight for “text” alone, and neither “taid” nor “ask_again”.")
        for phase in reading if phase.slice != "all" or not phase.text or phase.outputs
        or phase.representations or phase.taid or phase.ask_again]
    if reading and (reading != list(phases[:len(reading)]) or len(reading) == len(phases)):
        problems.append(SettingsError("What a small model reads after it was taught makes it forget.",
                                      "Put phases with “reads” first, and others behind them."))
    return problems
