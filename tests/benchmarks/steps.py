"""What one training step costs, and which choices make it cheap: SmolLM2 + LoRA on made-up token ids.

    python -m tests.benchmarks.steps [memory choices attention compiled packed written] [--steps 12]

memory     peak of the whole process at a step of 32 documents of 64 tokens
choices    documents a second by who computes adapters, norms and attention, number format, sorting by length
attention  seconds by the width of a batch: torch's fused attention and products written out
compiled   as the first line of choices, with `torch.compile`, its start counted
packed     what a large model gains by weights laid out for the processor, by rows and tokens read at once:
           six layers of the shape of Qwen2.5-Coder-1.5B, by turns
written    a small model writes 16 answers of 40 tokens: its adapter beside its weights, merged, merged and
           laid out for the processor, by turns; and as transformers has the first token computed

Every line is a ratio to the first one, measured one after the other in this process.
"""

from __future__ import annotations

import argparse
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from functools import partial
from unittest.mock import patch

import numpy as np
import torch
from transformers import Qwen2Config, Qwen2Model

from engine.devices import best_seconds, choose_device
from engine.evaluation.cost import PeakMemory
from engine.losses.outputs import output_loss
from engine.models.packing import pack
from engine.models.weights import require
from engine.plan import DEFAULT_STUDENT, StudentPlan
from engine.students.base import Student, padded
from engine.students.merging import merged
from engine.tasks.definition import Task
from engine.training.batches import batches
from engine.training.optimiser import Optimiser
from engine.workspace import Workspace
from tests.benchmarks.crisislex import INFORMATION

BATCH = 8
WIDTHS = (32, 64, 128, 192, 256, 384)


def a_student() -> Student:
    folder = require(Workspace.default().models, DEFAULT_STUDENT)
    return Student.fresh(folder, StudentPlan(), INFORMATION, choose_device(), seed=0)


def speed(student: Student, ids: Sequence[Sequence[int]], cut: Sequence[Sequence[int]]) -> float:
    """Documents a second over the batches of `cut`, the first one left out: it warms up."""
    optimiser = Optimiser(student.adapter_parameters(), 1e-4, len(cut))
    target = torch.full((1, len(student.labels)), 1 / len(student.labels))
    began = done = 0.0
    for k, rows in enumerate(cut):
        if k == 1:
            began = time.monotonic()
        logits, _ = student.forward([ids[i] for i in rows])
        output_loss("forward_kl", logits, target.expand(len(rows), -1)).mean().backward()
        optimiser.step()
        done += len(rows) if k else 0
    return done / (time.monotonic() - began)


def some_ids(n: int) -> list[list[int]]:
    """Token ids of lengths as tweets have them."""
    rng = np.random.default_rng(0)
    return [rng.integers(100, 40_000, int(length)).tolist() for length in rng.gamma(9, 4.2, n).clip(12, 90)]


def memory(given: argparse.Namespace) -> None:  # noqa: ARG001
    ids = [[7] * 64] * 32
    for size, how in ((8, "eight at a time, as a plan does"), (32, "all at once")):
        with PeakMemory() as watched:
            student = a_student()
            optimiser = Optimiser(student.adapter_parameters(), 1e-4, 3)
            target = torch.full((size, len(student.labels)), 1 / len(student.labels))
            for _ in range(3):
                for at in range(0, 32, size):
                    logits, _ = student.forward(ids[at:at + size])
                    (output_loss("forward_kl", logits, target).sum() / 32).backward()
                optimiser.step()
        print(f"32 × 64 tokens, {how}: {watched.peak_gb:.2f} GB at the peak, libraries in it; target < 3",
              flush=True)


def choices(given: argparse.Namespace) -> None:
    ids = some_ids(BATCH * given.steps)
    sorted_ = batches([len(row) for row in ids], BATCH, seed=0, epoch=0)
    unsorted = [list(range(at, at + BATCH)) for at in range(0, len(ids), BATCH)]

    def by_peft() -> Student:
        with patch("engine.students.base.join"):
            return a_student()

    def by_library() -> Student:
        with patch("engine.students.base.simplify"):
            return a_student()

    def fused() -> Student:
        student = a_student()
        keep_attention(student, "sdpa")
        return student

    def full_precision() -> Student:
        student = by_peft()  # joined layers compute in one number format
        for parameter in student.adapter_parameters():
            parameter.data = parameter.data.float()
        return student

    ways: dict[str, tuple[Callable[[], Student], Sequence[Sequence[int]]]] = {
        "as the studio does it": (a_student, sorted_), "not sorted by length": (a_student, unsorted),
        "norms, attention as transformers": (by_library, sorted_),
        "adapters as peft does": (by_peft, sorted_), "fused attention": (fused, sorted_),
        "adapters as peft does, in fp32": (full_precision, sorted_)}
    first = 0.0
    for name, (make, cut) in ways.items():
        found = speed(make(), ids, cut)
        first = first or found
        print(f"{name:33} {found:6.2f} documents/s, {found / first:.2f} ×", flush=True)


def keep_attention(student: Student, name: str) -> None:
    """One implementation at every width."""
    student.decoder.set_attn_implementation(name)
    student.decoder.set_attn_implementation = lambda other: None


def attention(given: argparse.Namespace) -> None:  # noqa: ARG001
    for width in WIDTHS:
        fused, out = _spent("sdpa", width), _spent("eager", width)
        told = (f"{what} {f:.3f} s fused, {o:.3f} s written out ({f / o:.2f} ×)"
                for what, f, o in zip(("a training step", "reading"), fused, out, strict=True))
        print(f"4 × {width:3} tokens: {'; '.join(told)}", flush=True)


def _spent(implementation: str, width: int) -> tuple[float, float]:
    """Seconds of a training step and of reading, the fastest of some."""
    ids = np.random.default_rng(0).integers(100, 40_000, (4, width)).tolist()
    student = a_student()
    keep_attention(student, implementation)
    step = _fastest(lambda: student.forward(ids)[0].square().mean().backward())
    with torch.no_grad():
        return step, _fastest(lambda: student.forward(ids))


def _fastest(do: Callable[[], object], times: int = 4) -> float:
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        do()
        spent.append(time.perf_counter() - began)
    return min(spent)


def compiled(given: argparse.Namespace) -> None:
    ids = some_ids(BATCH * given.steps)
    cut = batches([len(row) for row in ids], BATCH, seed=0, epoch=0)
    plain = speed(a_student(), ids, cut)
    student, began = a_student(), time.monotonic()
    student.decoder.forward = torch.compile(student.decoder.forward, dynamic=True)
    speed(student, ids, cut[:2])
    start = time.monotonic() - began
    fast = speed(student, ids, cut)
    pays = f"pays after {start / (1 / plain - 1 / fast):,.0f} documents" if fast > plain else "never pays"
    print(f"plain {plain:.2f} documents/s; compiled {fast:.2f} ({fast / plain:.2f} ×) after {start:.0f} s of "
          f"compiling: {pays}")


def packed(given: argparse.Namespace) -> None:  # noqa: ARG001
    choice = choose_device()
    torch.set_num_threads(choice.threads)
    shape = Qwen2Config(vocab_size=1000, hidden_size=1536, intermediate_size=8960, num_hidden_layers=6,
                        num_attention_heads=12, num_key_value_heads=2)
    plain = Qwen2Model(shape).to(getattr(torch, choice.dtype)).eval()
    laid_out = deepcopy(plain)
    print(pack(laid_out) or "weights stay as they are here: nothing is gained")
    for rows, width in ((16, 64), (3, 45), (1, 1), (8, 1), (16, 1), (32, 1)):
        ids = torch.randint(0, 1000, (rows, width))
        with torch.inference_mode():
            plainly, fast = best_seconds([partial(model, input_ids=ids, use_cache=False)
                                          for model in (plain, laid_out)], within=1.0)
        print(f"{rows:2} × {width:2} tokens: {plainly:.3f} s as they come, {fast:.3f} s laid out "
              f"({plainly / fast:.2f} ×)", flush=True)


def written(given: argparse.Namespace) -> None:  # noqa: ARG001
    choice, folder = choose_device(), require(Workspace.default().models, DEFAULT_STUDENT)
    torch.set_num_threads(choice.threads)
    line = Task(id="line", kind="generate", question="What happened?", max_words=25)
    student = Student.fresh(folder, StudentPlan(), line, choice, 0)
    torch.manual_seed(1)
    for parameter in student.adapter_parameters():  # as if it had learned something
        torch.nn.init.normal_(parameter, std=0.02)
    ids, mask = padded([student.encode(f"Day {i + 10}: water in {7 * i + 10} houses, the road has gone. " * 6)
                        for i in range(16)], student.device)
    print(f"{ids.shape[1]} tokens read, 40 written")

    def seconds(inside: AbstractContextManager[None]) -> float:
        with inside, torch.inference_mode():
            began = time.perf_counter()
            student.model.generate(input_ids=ids, attention_mask=mask, min_new_tokens=40, max_new_tokens=40,
                                   do_sample=False)
            return time.perf_counter() - began
    ways = {"adapter beside its weights": nullcontext, "merged": lambda: merged(student.decoder, pack=False),
            "merged and laid out": lambda: merged(student.decoder),
            "as the first, by transformers": lambda: _without_hooks(student.model.get_output_embeddings())}
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(3):
        best = {name: min(best[name], seconds(way())) for name, way in ways.items()}
    began = time.perf_counter()
    with merged(student.decoder):
        print(f"merging takes {time.perf_counter() - began:.2f} s")
    first = next(iter(best.values()))
    for name, took in best.items():
        print(f"{name:28} {took:6.2f} s, {first / took:.2f} ×", flush=True)


@contextmanager
def _without_hooks(module: torch.nn.Module) -> Iterator[None]:
    with patch.object(module, "_forward_pre_hooks", OrderedDict()):
        yield


def main() -> None:
    """Run the parts asked for."""
    parts = {"memory": memory, "choices": choices, "attention": attention, "compiled": compiled,
             "packed": packed, "written": written}
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    parser.add_argument("--steps", type=int, default=24)
    given = parser.parse_args()
    print(f"{choose_device().because}")
    for name in given.parts or parts:
        print(f"\n# {name}", flush=True)
        parts[name](given)


if __name__ == "__main__":
    main()
