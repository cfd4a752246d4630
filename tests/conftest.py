"""What every test gets: this machine and no other, a home of its own, and the weights that are installed."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub.constants  # noqa: F401 - reads the offline setting once: before a test sets it
import pytest

from engine.devices import machine_summary
from engine.workspace import HOME_SETTING, Workspace

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared" / "data"
MEMORY_EACH = 4 * 10**9  # bytes: what the largest model in a test takes, and what is loaded beside it
INSTALLED = Workspace.default().models  # the user's own, found before any test is given another home


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes share the tests: one for each core, while there is memory for its models."""
    machine = machine_summary()
    return max(1, min(machine.cores, machine.available // MEMORY_EACH))


def pytest_configure(config: pytest.Config) -> None:
    """Give each of several processes cores of its own; what it starts stays on them.

    Without that every model's threads would wait for every other's.
    """
    worker = getattr(config, "workerinput", None)
    if worker and hasattr(os, "sched_setaffinity"):
        cores, nth = sorted(os.sched_getaffinity(0)), int(worker["workerid"].removeprefix("gw"))
        os.sched_setaffinity(0, cores[nth % len(cores)::worker["workercount"]])


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(holds: Callable[[], bool], seconds: float, why: str) -> None:
    """Look until it holds, or fail with `why`."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, why
        time.sleep(0.05)


class NetworkUsed(RuntimeError):
    """A test reached for another machine. No `OSError`, so that nothing takes it for a missing network."""


class _Guard:
    """Refuses addresses outside this machine, by the interpreter's own audit events."""

    on = True

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if not event.startswith("socket.") or not self.on:
            return
        if event == "socket.getaddrinfo":
            host = args[0]
        elif event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(args[1], tuple):
            host = args[1][0]
        else:  # Unix sockets and everything that only listens
            return
        if not is_here(host):
            raise NetworkUsed(f"A test reached for {host}. Mark it `network`, or keep it on this machine.")


def is_here(host: object) -> bool:
    """Whether an address (None: any) is this machine's own."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost", "0.0.0.0", "::"):
        return True
    try:
        return ipaddress.ip_address(str(name).split("%")[0]).is_loopback
    except ValueError:  # a name that would have to be looked up
        return False


_guard = _Guard()
sys.addaudithook(_guard)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Lift the guard for tests marked `network`, fixtures included."""
    _guard.on = item.get_closest_marker("network") is None
    try:
        return (yield)
    finally:
        _guard.on = True


def make_home(home: Path) -> Path:
    """A folder for `ANON_HOME` that shows the installed models; what a test fetches stays in it."""
    (home / "models").mkdir(parents=True)
    for manifest in INSTALLED.glob("*/manifest.json"):
        (home / "models" / manifest.parent.name).symlink_to(manifest.parent)
    return home


@pytest.fixture(scope="session", autouse=True)
def _away_from_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Session and module fixtures, too, stay out of the user's workspace and off the Hub."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_SETTING, str(make_home(tmp_path_factory.mktemp("home") / "anon")))
        for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
            patch.setenv(name, "1")
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        for name in ("ANON_PUBLIC", "SPACE_ID", "ANON_DTYPE"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def anon_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`ANON_HOME` of this test and of the processes it starts: empty but for the installed models."""
    home = make_home(tmp_path_factory.mktemp("home") / "anon")
    monkeypatch.setenv(HOME_SETTING, str(home))
    return home


@pytest.fixture
def workspace(anon_home: Path) -> Workspace:
    """An empty workspace, the one that `Workspace.default()` and every command of this test find."""
    return Workspace(anon_home)


@pytest.fixture(scope="session")
def models_home() -> Path:
    """For `Workspace(..., models_home=)`: the folder above `models`. Skips where no model is installed."""
    if not any(INSTALLED.glob("*/manifest.json")):
        pytest.skip(f"no model is installed in {INSTALLED} (make models)")
    return INSTALLED.parent


@pytest.fixture(scope="session")
def student_and_encoder(models_home: Path) -> Path:
    """`models_home`, with the two models that the example needs. Skips where one is missing."""
    for name in ("smollm2-135m-instruct", "all-minilm-l6-v2"):
        if not (INSTALLED / name / "manifest.json").is_file():
            pytest.skip(f"{name} is not installed in {INSTALLED} (make models)")
    return models_home


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real material outside the project; tests that need it skip where it is not there."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared test material is not on this machine ({SHARED})")
    return SHARED


@pytest.fixture(scope="session")
def chromium() -> str:
    """A Chromium's path, for `playwright.chromium.launch(executable_path=)`. Skips where there is none."""
    if found := shutil.which("chromium"):
        return found
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if not os.path.exists(path):
        pytest.skip("no Chromium here (apt-get install chromium, or: python -m playwright install chromium)")
    return path
