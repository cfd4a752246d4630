"""A real page on loopback, in a server process of its own, and a real Chromium to look at it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.jobs.process import Worker
from engine.workspace import read_json
from tests.conftest import REPOSITORY, free_port, make_home, wait_for

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make test)")
# How long a machine takes never decides a test: labels follow a run by a timer of 5 s, and 5 s is all that
# Playwright grants an expectation by default.
PATIENCE_MS = 60_000
sync_api.expect.set_options(timeout=PATIENCE_MS)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
             "--disable-component-update", "--disable-sync", "--disable-quic"]


@pytest.fixture(scope="session")
def browser() -> Iterator[sync_api.Browser]:
    """Debian's Chromium, else Playwright's own, else a skip that says so."""
    with sync_api.sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("chromium-browser")
        try:
            made = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        except sync_api.Error as error:
            pytest.skip(f"no Chromium to test the page with: {str(error).splitlines()[0]}")
        yield made
        made.close()


class Server:
    """`app.py` in a process that can be stopped and started again on the same home and port."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until the page answers."""
        with open(self.home / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "app.py", "--no-browser"], cwd=REPOSITORY, stdout=log, stderr=log,
                env={**os.environ, "ANON_HOME": str(self.home), "GRADIO_SERVER_PORT": str(self.port)})
        wait_for(self._answers, 90, "the page did not come up")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url, timeout=5) as page:
                return page.status == 200
        except OSError:
            return False

    def stop(self) -> None:
        """End the server only; workers it started live on."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running page on an empty home."""
    made = Server(make_home(tmp_path / "home"))
    made.start()
    yield made
    made.stop()
    asker = made.home / "asker.pid"  # it would end by itself, half an hour later
    if Worker(asker).alive():
        os.kill(read_json(asker)["pid"], signal.SIGTERM)


@pytest.fixture
def page(browser: sync_api.Browser, server: Server) -> Iterator[sync_api.Page]:
    """The page at 1280 × 800; fails on a request that leaves the machine or an error in the console."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    made, away, errors = context.new_page(), [], []
    made.on("request", lambda r: away.append(r.url) if not re.match(
        r"(https?|wss?)://(127\.0\.0\.1|localhost)[:/]|data:|blob:|about:", r.url) else None)
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.goto(server.url)
    yield made
    context.close()
    assert not away, f"requests left the machine: {away[:5]}"
    assert not errors, f"errors in the page: {errors[:5]}"
