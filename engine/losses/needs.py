"""What each loss needs from the large model: a torch-free table, checked before anything is spent."""

from __future__ import annotations

from typing import Literal

from engine.teachers.protocol import Gift

LossName = Literal["outputs", "representations"]

NEEDS: dict[LossName, frozenset[Gift]] = {
    "outputs": frozenset({"labels"}),
    "representations": frozenset({"hidden"}),
}

OutputLossName = Literal["forward_kl", "reverse_kl", "jensen_shannon", "skew_kl"]
