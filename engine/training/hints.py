"""The large model's inner states as something to learn by themselves, and the projection learned beside them.

The projection is the training's own: it starts from the plan's seed, goes on from phase to phase, lies in
save points, and is left behind when the student is saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.errors import SettingsError
from engine.losses.needs import FEWEST_TOGETHER, PROJECTING, RepresentationLossName
from engine.losses.projected import centre_and_scale, projected_cosine, projected_mse, standardised
from engine.losses.representations import linear_cka
from engine.plan import DistillPlan
from engine.training.optimiser import Optimiser
from engine.training.ranks import Ranks

PROJECTED = {"cosine": projected_cosine, "mse": projected_mse}
SAMPLE = 64  # documents by which the student's states are standardised
STRIDE = 0.5  # largest learning rate, times the student's width: see `Projecting`
_PREFIX = "projection."  # of its tensors in a save point


@dataclass(frozen=True, slots=True, eq=False)
class Hints:
    """The teacher's states (learn, depths, width), standardised over *learn*, and how they are compared.

    depths: where in the models the states are taken.
    """

    loss_name: RepresentationLossName
    teacher: Tensor
    depths: tuple[float, ...]

    @classmethod
    def of(cls, loss_name: RepresentationLossName, teacher: Tensor, depths: tuple[float, ...]) -> Hints:
        """From the teacher's states as they are. CKA takes them so: it has a centre of its own."""
        if loss_name in PROJECTING:
            teacher = standardised(teacher, *centre_and_scale(teacher))
        return cls(loss_name, teacher, depths)

    @property
    def projects(self) -> bool:
        """Whether a projection is learned."""
        return self.loss_name in PROJECTING

    def sample(self) -> list[int]:
        """Some positions within *learn*, spread evenly."""
        n = len(self.teacher)
        return sorted({at * n // SAMPLE for at in range(SAMPLE)})

    def loss(self, states: Tensor, rows: Sequence[int], projection: Projection | None) -> Tensor:
        """Of the student's `states` (items, depths, width) of `rows`, (items,).

        CKA has no value for one item. Each gets that of the rows together, so that their mean is it; it is
        computed in each micro-batch and process by itself, and the cut into those does show in it. (Over the
        whole step it would cost a second forward pass of every row that lies in another micro-batch.)
        """
        wanted = self.teacher[list(rows)].to(states.device)
        if projection is None:
            return linear_cka(states, wanted).expand(len(rows))
        seen = standardised(states, projection.centre, projection.scale)
        return PROJECTED[self.loss_name](seen, wanted, projection.maps)


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Linear maps from the student's states to the teacher's, and what the student's are standardised by.

    maps (depths, teacher's width, student's width) fp32, trained. The student's states lie in a narrow cone
    too: centre and scale (depths, student's width) are of what they were before training, and stay.
    """

    maps: torch.nn.Parameter
    centre: Tensor
    scale: Tensor

    @classmethod
    def fresh(cls, states: Tensor, width: int, seed: int) -> Projection:
        """Random maps to `width` from standardised states, of which these are some; the same for a seed."""
        centre, scale = centre_and_scale(states)
        drawn = torch.randn((states.shape[1], width, states.shape[2]),
                            generator=torch.Generator().manual_seed(seed)) / states.shape[2] ** 0.5
        return cls(torch.nn.Parameter(drawn.to(states.device)), centre, scale)

    def with_maps(self, maps: Tensor) -> Projection:
        """The same with other maps, copied."""
        return Projection(torch.nn.Parameter(maps.detach().clone()), self.centre, self.scale)

    def tensors(self) -> dict[str, Tensor]:
        """Everything, by name."""
        return {"maps": self.maps.detach(), "centre": self.centre, "scale": self.scale}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], device: torch.device) -> Projection:
        """The inverse of `tensors`."""
        maps, centre, scale = (tensors[name].to(device) for name in ("maps", "centre", "scale"))
        return cls(torch.nn.Parameter(maps), centre, scale)


class Projecting:
    """One phase's training of a projection: its own AdamW, and the best of the phase.

    It warms up and cools down as the phase does, from a rate of its own. A step of AdamW moves every number
    of a row of the maps by the rate, so what comes out of it by up to the rate times the width: `STRIDE` over
    the width moves it by half a standard deviation of its goal at most, about. MiniLM (384 wide), mse, 18
    steps of one run: from 2.6 to .7; with a fifth of that to 1.3; with 16 times as much it swung up to 7.9.
    """

    def __init__(self, projection: Projection, steps: int, floor: float) -> None:
        self.projection = projection.with_maps(projection.maps)  # the caller's stays as it was before
        rate = STRIDE / projection.maps.shape[-1]
        self._optimiser = Optimiser([self.projection.maps], rate, steps, floor)
        self._best = self._optimiser.snapshot()

    def step(self, ranks: Ranks) -> None:
        """Apply the gradients of all processes; their norm is clipped apart from the adapter's."""
        ranks.add_gradients([self.projection.maps], in_pieces=False)
        self._optimiser.step()

    def remember(self) -> None:
        """The student is at its best: these maps belong to it."""
        self._best = self._optimiser.snapshot()

    def best(self) -> Projection:
        """That of the best student of the phase."""
        return self.projection.with_maps(self._best[0])

    def tensors(self) -> dict[str, Tensor]:
        """What a save point needs."""
        own = {**self.projection.tensors(), "best": self._best[0],
               **{f"optimiser.{name}": value for name, value in self._optimiser.tensors().items()}}
        return {_PREFIX + name: value for name, value in own.items()}

    def load(self, tensors: dict[str, Tensor], done: int) -> None:
        """Continue from `tensors()` after `done` steps."""
        start = f"{_PREFIX}optimiser."
        self._optimiser.load({name.removeprefix(start): value for name, value in tensors.items()
                              if name.startswith(start)}, done)
        self._best = [tensors[f"{_PREFIX}best"].to(self.projection.maps.device)]


def saved_projection(tensors: dict[str, Tensor], device: torch.device) -> Projection:
    """The projection of a save point."""
    return Projection.from_tensors({name.removeprefix(_PREFIX): value for name, value in tensors.items()
                                    if name.startswith(_PREFIX)}, device)


def enough_together(plan: DistillPlan, ranks: Ranks) -> None:
    """Refuse CKA where a process sees too few documents at once.

    Raises:
        SettingsError: the batch is shared out among so many.
    """
    if plan.wants_hidden and plan.representation_loss == "cka" and (
            plan.batch_size // ranks.world < FEWEST_TOGETHER):
        raise SettingsError(
            f"Linear CKA compares at least {FEWEST_TOGETHER} documents at once; of {plan.batch_size} in a "
            f"batch each of {ranks.world} processes sees fewer.",
            f"Set “batch_size” to {FEWEST_TOGETHER * ranks.world} or more, or start fewer processes.")
