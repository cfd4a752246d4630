"""Several processes training one student: who does which rows, and what is added up between them.

Every process knows the whole batch, so each takes its rows and divides by the count of all of them; gradients
are then *added*, not averaged, which is exact whatever the shares. The first process alone writes files,
asks the large model and hears wishes. Started by `accelerate launch` or `torchrun`; without either this is
one process, and nothing here costs anything.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from engine.errors import RunError
from engine.training.sharding import wanted as sharding_wanted

LONGEST_WAIT = timedelta(days=7)  # the others wait while the first asks the large model
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among `world` of them; `rank` 0 is the first.

    `sharded`: the student's weights lie in pieces over all of them, so that all must compute alike.
    """

    rank: int = 0
    world: int = 1
    sharded: bool = False

    @property
    def first(self) -> bool:
        """Whether this is the process that writes, asks and hears."""
        return self.rank == 0

    def share(self, n: int) -> tuple[list[int], list[bool]]:
        """This process's positions of a batch of `n`, and which of them count.

        Every `world`-th one, so that lengths are spread evenly; as many for each process, filled up with
        positions that do not count.
        """
        mine = list(range(n))[self.rank::self.world]
        spare = -(-n // self.world) - len(mine)
        return mine + [0] * spare, [True] * len(mine) + [False] * spare

    def by_first(self, work: Callable[[], T]) -> T:
        """What the first process computes, for all of them; where weights lie in pieces all compute it."""
        return self.agreed(work() if self.first or self.sharded else None)

    def gathered(self, n: int, work: Callable[[list[int]], Tensor]) -> Tensor:
        """`work(rows)` of all `n` rows, each process doing its share: (n, …) fp32, the same on all.

        Where weights lie in pieces all must compute alike, and do.
        """
        if self.world == 1 or self.sharded:
            return self.same(work(list(range(n))))
        mine, counts = self.share(n)
        part = work(mine)
        every, own = torch.zeros((n, *part.shape[1:])), sum(counts)
        every[mine[:own]] = part.detach().float().cpu()[:own]
        dist.all_reduce(every)
        return every.to(part.device)

    def add_gradients(self, parameters: Sequence[torch.nn.Parameter], in_pieces: bool | None = None) -> None:
        """Add every process's gradients, in place; of weights in pieces they are added already.

        `in_pieces`: whether these are, where it is not as with the student's.
        """
        if self.world == 1 or (self.sharded if in_pieces is None else in_pieces):
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        flat = torch.cat([p.grad.flatten() for p in parameters]).float()
        dist.all_reduce(flat)
        for parameter, grad in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.grad.copy_(grad.view_as(parameter))

    def total(self, values: dict[str, float]) -> dict[str, float]:
        """Every process's values added, by name."""
        if self.world == 1:
            return values
        sums = torch.tensor(list(values.values()), dtype=torch.float64)
        dist.all_reduce(sums)
        return dict(zip(values, sums.tolist(), strict=True))

    def agreed(self, value: T) -> T:
        """What the first process has, on all of them: wishes, measurements, signals."""
        if self.world == 1:
            return value
        box: list[Any] = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def same(self, tensor: Tensor) -> Tensor:
        """The first process's tensor, on all of them."""
        if self.world == 1:
            return tensor
        copy = tensor.detach().float().cpu().contiguous()
        dist.broadcast(copy, src=0)
        return copy.to(tensor.device)

    def first_does(self, work: Callable[[], None]) -> None:
        """Let the first process do something while the others wait; what stops it is raised on all."""
        stopped: Exception | None = None
        if self.first:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - raised again below, once the others know
                stopped = error
        reason = self.agreed(_portable(stopped))
        if reason:
            raise stopped or reason

    def wait(self) -> None:
        """Until every process is here."""
        if self.world > 1:
            dist.barrier()


def _portable(error: Exception | None) -> Exception | None:
    """The error as it can go to another process."""
    try:
        pickle.dumps(error)
    except (pickle.PicklingError, TypeError, AttributeError):
        return RunError("The first process stopped.", "Look into its log for why.")
    return error


ALONE = Ranks()


def join_ranks() -> Ranks:
    """This process among those that a launcher started; alone where none did."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    if not dist.is_initialized():
        cuda = torch.cuda.is_available()
        if cuda:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=LONGEST_WAIT)
    return Ranks(dist.get_rank(), dist.get_world_size(), sharding_wanted())


def leave_ranks() -> None:
    """Let go of the others, however it ended: the threads of one that exits joined abort it."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()
