"""A student's weights cut over several processes (FSDP2), and whole tensors made of the pieces again.

Each process holds its piece of every layer and gathers a layer only while it computes it (Zhao et al.,
“PyTorch FSDP”, VLDB 2023; `fully_shard` is its second version). Asked for by `accelerate launch --use_fsdp
--fsdp_version 2`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from engine.errors import SettingsError
from engine.students.base import StatesOf, Student


def wanted() -> bool:
    """Whether the launcher asked for weights in pieces.

    Raises:
        SettingsError: in their first version, which cannot cut layers with frozen and trained weights.
    """
    if os.environ.get("ACCELERATE_USE_FSDP", "").lower() != "true":
        return False
    if os.environ.get("FSDP_VERSION", "2") != "2":
        raise SettingsError("Weights in pieces are cut by the second version of FSDP here.",
                            "Write fsdp_version: 2 in the settings of accelerate.")
    return True


def shard(student: Student, world: int) -> None:
    """Cut the student's layers over all processes, in place; gradients are then added, not averaged.

    Raises:
        SettingsError: it is not a stack of layers.
    """
    layers = getattr(student.decoder, "layers", None)
    if not isinstance(layers, torch.nn.ModuleList):
        raise SettingsError("This small model is no stack of layers that could be cut over machines.",
                            "Leave out --use_fsdp: every process then holds it whole.")
    student.states_of = _states_as_they_pass(layers)
    mesh = init_device_mesh(student.device.type, (world,))
    for module in (*layers, student.decoder):
        fully_shard(module, mesh=mesh)
        module.set_gradient_divide_factor(1.0)
        module.set_force_sum_reduction_for_comms(True)


def _states_as_they_pass(layers: torch.nn.ModuleList) -> StatesOf:
    """Hidden states noted where each layer reads them: transformers does not know the class of cut layers."""
    seen: dict[int, Tensor] = {}
    for place, layer in enumerate(layers):
        layer.register_forward_pre_hook(partial(_note, seen, place))
    return lambda out: [*(seen[place] for place in range(len(layers))), out.last_hidden_state]


def _note(seen: dict[int, Tensor], place: int, layer: torch.nn.Module, given: tuple[Tensor, ...]) -> None:  # noqa: ARG001
    seen[place] = given[0]


def whole(tensor: Tensor) -> Tensor:
    """A tensor with all its pieces; every process must ask for it at the same time."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


@torch.no_grad()
def put(target: Tensor, value: Tensor) -> None:
    """Copy a whole tensor, or pieces cut alike, into a tensor that may be in pieces."""
    if isinstance(target, DTensor) and not isinstance(value, DTensor):
        value = distribute_tensor(value.to(target.dtype).to(target.device), target.device_mesh,
                                  target.placements)
    target.copy_(value)


def put_all(targets: Iterable[Tensor], values: Iterable[Tensor]) -> None:
    """`put` each value into its target, beside one another.

    Raises:
        ValueError: there are more of the one than of the other.
    """
    for target, value in zip(targets, values, strict=True):
        put(target, value)
