"""The device choice always comes with its reason, respects limits, and can be overridden."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from engine import devices
from engine.devices import (
    cgroup_quota,
    choose_device,
    judge_trial,
    machine_summary,
    matmul_trial,
    usable_cores,
)
from engine.errors import SettingsError


@pytest.fixture(autouse=True)
def _no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANON_DTYPE", raising=False)


def test_the_cpu_choice_follows_a_timed_trial_and_says_so() -> None:
    choice = choose_device("cpu")
    assert choice.device == "cpu" and choice.threads == usable_cores()
    expected, words = judge_trial(*matmul_trial())
    assert choice.dtype == expected and words in choice.because
    assert choose_device("cpu") == choice  # timed once a process


@pytest.mark.parametrize(
    ("seconds32", "seconds16", "dtype", "words"),
    [
        (5.0, 1.0, "bfloat16", "5.0 × as fast"),
        (1.05, 1.0, "float32", "no faster"),
        (1.0, 3.0, "float32", "3.0 × slower"),
    ],
)
def test_the_trial_is_judged_in_words(
    seconds32: float, seconds16: float, dtype: str, words: str
) -> None:
    chosen, because = judge_trial(seconds32, seconds16)
    assert chosen == dtype and words in because


def test_the_setting_overrides_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, dtype in (("float32", "float32"), ("bf16", "bfloat16")):
        monkeypatch.setenv("ANON_DTYPE", value)
        choice = choose_device("cpu")
        assert choice.dtype == dtype and "ANON_DTYPE" in choice.because
    monkeypatch.setenv("ANON_DTYPE", "int3")
    with pytest.raises(SettingsError, match="int3"):
        choose_device("cpu")


def test_devices_that_are_not_there_are_refused() -> None:
    import torch

    with pytest.raises(SettingsError, match="not a device"):
        choose_device("abacus")
    absent = [
        name
        for name, there in (
            ("cuda", torch.cuda.is_available()),
            ("mps", torch.backends.mps.is_available()),
        )
        if not there
    ]
    for name in absent:
        with pytest.raises(SettingsError, match="on this machine"):
            choose_device(name)
    if torch.cuda.is_available():
        with pytest.raises(SettingsError, match="no graphics card"):
            choose_device("cuda:99")
        assert choose_device().device == "cuda" and choose_device().dtype in ("bfloat16", "float16")


def test_container_limits_are_read(tmp_path: Path) -> None:
    assert cgroup_quota(tmp_path) is None
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert cgroup_quota(tmp_path) == 1.5
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cgroup_quota(tmp_path) is None
    (tmp_path / "cpu.max").unlink()
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("200000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cgroup_quota(tmp_path) == 2.0
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    assert cgroup_quota(tmp_path) is None


def test_the_summary_names_the_machine() -> None:
    machine = machine_summary()
    assert 1 <= machine.cores <= (psutil.cpu_count() or 1)
    assert 0 < machine.available <= machine.memory
    assert machine.cpu in machine.words() and "GB memory" in machine.words()
    assert ", 1 core, " in replace(machine, cores=1).words()
    assert ", 2 cores, " in replace(machine, cores=2).words()


def test_the_speed_of_the_cpu_is_timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    devices.cpu_flops.cache_clear()
    monkeypatch.setattr(devices, "_cpu_flags", lambda: frozenset({"avx2"}))
    plain = devices.cpu_flops()
    assert 1e8 < plain < 1e14
    assert devices.cpu_flops() is plain
    devices.cpu_flops.cache_clear()
    monkeypatch.setattr(devices, "_cpu_flags", lambda: frozenset({"avx512_bf16"}))
    assert devices.cpu_flops() > 0.5 * plain  # twice, but for what else the machine is doing
    devices.cpu_flops.cache_clear()
