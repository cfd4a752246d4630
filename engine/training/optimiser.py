"""AdamW on full-precision copies of the adapter, for a student that computes in a shorter format.

A step of 1e-3 on a bf16 weight is often smaller than the gap to the next bf16 number and would be lost;
the copies remember it (Micikevicius et al., "Mixed Precision Training", 2018).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from engine.errors import RunError
from engine.phase_plan import COOLED
from engine.training.sharding import put, put_all, whole

WARM_UP = 0.1
CLIP = 1.0


class Optimiser:
    """One phase's AdamW. `tensors()` and `load()` give and take its whole state, bit for bit."""

    def __init__(self, parameters: Sequence[torch.nn.Parameter], rate: float, steps: int,
                 floor: float = COOLED) -> None:
        self.parameters = list(parameters)
        self.masters = [p.detach().float().clone() for p in self.parameters]
        self.rate, self.steps, self.floor, self.done = rate, max(1, steps), floor, 0
        self._fused = not any(isinstance(master, DTensor) for master in self.masters)
        # Fused: one sweep over each tensor instead of ten; hundreds of small ones are a tenth of a step.
        self._adam = torch.optim.AdamW(self.masters, lr=rate, betas=(0.9, 0.99), weight_decay=0.0,
                                       fused=self._fused)

    def rate_at(self, step: int) -> float:
        """Linear warm-up, then a cosine down to `floor` times the rate."""
        warm = max(1, round(WARM_UP * self.steps))
        if step < warm:
            return self.rate * (step + 1) / warm
        share = (step - warm) / max(1, self.steps - warm)
        return self.rate * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))

    def step(self) -> float:
        """Apply the gathered gradients (clipped to norm 1) and clear them; returns the norm before.

        Raises:
            RunError: the gradients are not finite; the weights are as they were.
        """
        for master, parameter in zip(self.masters, self.parameters, strict=True):
            master.grad = None if parameter.grad is None else parameter.grad.float()
            parameter.grad = None
        norm = whole(torch.nn.utils.clip_grad_norm_(self.masters, CLIP))
        if not torch.isfinite(norm):
            raise RunError("The numbers of the training stopped making sense (not finite).",
                           "Set ANON_DTYPE=float32, or choose a smaller learning rate, and start again.",
                           "Everything up to the last save point is kept.")
        self._adam.param_groups[0]["lr"] = self.rate_at(self.done)
        self._adam.step()
        self.done += 1
        self._publish()
        return float(norm)

    @torch.no_grad()
    def _publish(self) -> None:
        for master, parameter in zip(self.masters, self.parameters, strict=True):
            parameter.copy_(master)

    def snapshot(self) -> list[Tensor]:
        """A copy of the weights as they are now."""
        return [master.detach().clone() for master in self.masters]

    @torch.no_grad()
    def restore(self, weights: Sequence[Tensor]) -> None:
        """Put weights from `snapshot` back."""
        put_all(self.masters, weights)
        self._publish()

    def tensors(self) -> dict[str, Tensor]:
        """Weights and moments by name; with `done` this is everything a resume needs."""
        state: dict[str, Tensor] = {}
        for i, master in enumerate(self.masters):
            state[f"master.{i}"] = whole(master.detach())
            for name, value in self._adam.state.get(master, {}).items():
                state[f"{name}.{i}"] = whole(torch.as_tensor(value))
        return state

    def load(self, state: dict[str, Tensor], done: int) -> None:
        """Continue from `tensors()` after `done` steps."""
        self.done = done
        self.restore([state[f"master.{i}"] for i in range(len(self.masters))])
        for i, master in enumerate(self.masters):
            if f"exp_avg.{i}" in state:
                moments = {name: torch.zeros_like(master) for name in ("exp_avg", "exp_avg_sq")}
                for name, target in moments.items():
                    put(target, state[f"{name}.{i}"])
                # As torch's own loading does: a fused step counts on the device, another in main memory.
                where = master.device if self._fused else torch.device("cpu")
                self._adam.state[master] = {"step": state[f"step.{i}"].to(where, copy=True), **moments}
