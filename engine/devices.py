"""What this machine computes with: device, number format, threads, and why.

Does not: load a model.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from engine.errors import SettingsError

DTYPE_SETTING = "ANON_DTYPE"
DTYPES = ("float32", "bfloat16", "float16")
TRIAL_SECONDS = 0.3
FEWEST_ROUNDS = 8
PROBE_SECONDS = 0.1
BF16_GAINS = {"amx_bf16": 6.0, "avx512_bf16": 2.0}  # over 32 bits, by the processor's flag; best first
WORTH_IT = 1.15  # bf16 must be this much faster: at equal speed fp32 is the more exact choice


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """Where and how models compute. `because` is a sentence for the screen and the event log."""

    device: str
    dtype: str
    threads: int
    because: str


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine in a few words, without loading torch. Memory in bytes; `gpu` a name or None."""

    cpu: str
    cores: int
    memory: int
    available: int
    gpu: str | None

    def words(self) -> str:
        """One line for the page's chip."""
        gpu = f", {self.gpu}" if self.gpu else ", no graphics card"
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{self.cpu}, {cores}, {self.memory / 1e9:.0f} GB memory{gpu}"


def usable_cores() -> int:
    """Physical cores this process may use: affinity and a container's quota are respected."""
    allowed = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    logical = psutil.cpu_count(logical=True) or allowed
    physical = psutil.cpu_count(logical=False) or logical
    cores = max(1, allowed * physical // logical) if physical < logical else allowed
    quota = cgroup_quota(Path("/sys/fs/cgroup"))
    return max(1, min(cores, int(quota))) if quota else cores


def cgroup_quota(root: Path) -> float | None:
    """How many CPUs a container may use (cgroup v2, else v1), or None where there is no limit."""
    try:
        if (root / "cpu.max").is_file():
            limit, period = (root / "cpu.max").read_text().split()
        else:
            limit = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        return None if limit in ("max", "-1") else int(limit) / int(period)
    except (OSError, ValueError):
        return None


def machine_summary() -> Machine:
    """Processor, cores, memory and graphics card, torch-free (the card by `nvidia-smi`)."""
    memory = psutil.virtual_memory()
    return Machine(
        cpu=_cpu_name(),
        cores=usable_cores(),
        memory=memory.total,
        available=memory.available,
        gpu=_gpu_name(),
    )


@cache
def cpu_flops() -> float:
    """Floating-point operations a second that models can hope for on this CPU, torch-free.

    A 32-bit product timed for a tenth of a second, times what 16-bit instructions gain where the processor
    has them. A first guess, until a run was measured.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    left, right = np.ones((128, 1024), np.float32), np.ones((1024, 1024), np.float32)
    with threadpool_limits(1):  # several threads wait for each other whenever the machine does something else
        best, = best_seconds([lambda: left @ right], PROBE_SECONDS)
    gain = next((gain for flag, gain in BF16_GAINS.items() if flag in _cpu_flags()), 1.0)
    return usable_cores() * gain * 2 * left.size * right.shape[1] / best


@cache
def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())


@cache
def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.lower().startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine() or "unknown processor"


@cache
def _gpu_name() -> str | None:
    tool = shutil.which("nvidia-smi")
    if tool:
        try:
            said = subprocess.run(
                [tool, "--query-gpu=name", "--format=csv,noheader"],
                timeout=5,
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return None
        return said.splitlines()[0] if said else None
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "Apple graphics"
    return None


def choose_device(prefer: str | None = None) -> DeviceChoice:
    """The best of CUDA, MPS and CPU, or `prefer` ("cuda", "cuda:1", "mps", "cpu"); with a reason.

    On a CPU the number format is settled by timing two small matrix products, once per process;
    `ANON_DTYPE` decides instead where it is set. Raises `SettingsError` for what is not there.
    """
    import torch

    wanted = (prefer or "").lower()
    kind = wanted.split(":")[0]
    if kind not in ("", "auto", "cuda", "mps", "cpu"):
        raise SettingsError(f"“{prefer}” is not a device.", "Use cuda, mps, cpu or auto.")
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes of one training on this machine
    threads, forced = max(1, usable_cores() // beside), _forced_dtype()
    if kind == "cuda" and not torch.cuda.is_available():
        raise SettingsError(
            "No NVIDIA graphics card can be used on this machine.",
            "Choose “auto” or “cpu”; or install a torch build for your card.",
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise SettingsError(
            "Apple graphics cannot be used on this machine.", "Choose “auto” or “cpu”."
        )
    if kind == "cuda" or (kind in ("", "auto") and torch.cuda.is_available()):
        device = wanted if ":" in wanted else "cuda"
        try:
            name = torch.cuda.get_device_name(device)
        except (AssertionError, RuntimeError, ValueError) as error:
            raise SettingsError(
                f"There is no graphics card “{device}”.",
                f"This machine has {torch.cuda.device_count()}.",
            ) from error
        with torch.cuda.device(device):
            native = torch.cuda.is_bf16_supported(including_emulation=False)
        dtype = forced or ("bfloat16" if native else "float16")
        return DeviceChoice(
            device,
            dtype,
            threads,
            f"graphics card found ({name}); "
            + (
                _forced_words(forced)
                if forced
                else "it computes in 16 bits (bf16)"
                if native
                else "too old for bf16, so fp16 is used"
            ),
        )
    if kind == "mps" or (kind in ("", "auto") and torch.backends.mps.is_available()):
        return DeviceChoice(
            "mps",
            forced or "float32",
            threads,
            "Apple graphics found; "
            + (_forced_words(forced) if forced else "32-bit numbers, the safe choice there"),
        )
    if forced:
        return DeviceChoice("cpu", forced, threads, f"no graphics card; {_forced_words(forced)}")
    seconds32, seconds16 = matmul_trial()
    dtype, words = judge_trial(seconds32, seconds16)
    plural = "core" if threads == 1 else "cores"
    return DeviceChoice("cpu", dtype, threads, f"no graphics card; {threads} {plural}; {words}")


def bytes_a_weight() -> int:
    """Of the number format that `choose_device` will likely choose: 2 or 4. Torch-free."""
    if dtype_is_set():
        return 4 if _forced_dtype() == "float32" else 2
    return 2 if machine_summary().gpu or any(flag in _cpu_flags() for flag in BF16_GAINS) else 4


def dtype_is_set() -> bool:
    """Whether a setting decides on the number format."""
    return _forced_dtype() is not None


def _forced_dtype() -> str | None:
    value = os.environ.get(DTYPE_SETTING, "").strip().lower()
    value = {"bf16": "bfloat16", "fp32": "float32", "fp16": "float16"}.get(value, value)
    if value and value not in DTYPES:
        raise SettingsError(
            f"{DTYPE_SETTING}={value} is not a number format.",
            f"Use one of {', '.join(DTYPES)}, or unset it.",
        )
    return value or None


def _forced_words(dtype: str) -> str:
    return f"{dtype} because the {DTYPE_SETTING} setting asks for it"


def judge_trial(seconds32: float, seconds16: float) -> tuple[str, str]:
    """Number format and the reason, from the seconds one product took in fp32 and in bf16."""
    ratio = seconds32 / seconds16
    if ratio >= WORTH_IT:
        return "bfloat16", f"16-bit numbers (bf16) are {ratio:.1f} × as fast as 32-bit here (timed)"
    if ratio >= 1:
        return "float32", "16-bit numbers (bf16) are no faster here (timed), so 32-bit is used"
    return "float32", f"16-bit numbers (bf16) are {1 / ratio:.1f} × slower than 32-bit here (timed)"


@cache
def matmul_trial() -> tuple[float, float]:
    """Seconds for one (128, 1024) × (1024, 1024) product in fp32 and in bf16, on one thread."""
    import torch

    def product(dtype: torch.dtype) -> Callable[[], object]:
        left, right = torch.ones(128, 1024, dtype=dtype), torch.ones(1024, 1024, dtype=dtype)
        return lambda: torch.mm(left, right)

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        in_fp32, in_bf16 = best_seconds([product(torch.float32), product(torch.bfloat16)], TRIAL_SECONDS)
    finally:
        torch.set_num_threads(before)
    return in_fp32, in_bf16


def best_seconds(works: Sequence[Callable[[], object]], within: float) -> list[float]:
    """Seconds that each piece of work took at best, all of them again and again for `within` seconds.

    By turns: what else the machine does then slows all alike, and the best of many short tries hardly feels
    it, so that a busy moment does not change a choice.
    """
    for work in works:
        work()  # the first call sets things up
    best, end, rounds = [float("inf")] * len(works), time.perf_counter() + within, 0
    while time.perf_counter() < end or rounds < FEWEST_ROUNDS:
        for which, work in enumerate(works):
            start = time.perf_counter()
            work()
            best[which] = min(best[which], time.perf_counter() - start)
        rounds += 1
    return best
