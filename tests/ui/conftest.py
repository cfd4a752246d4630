"""What tests of the page share; closes the event loops that Gradio makes for every page and leaves open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.studio import Studio
from engine.workspace import Workspace

_made: list[asyncio.AbstractEventLoop] = []
_new_event_loop = asyncio.new_event_loop


def _remembered() -> asyncio.AbstractEventLoop:
    _made.append(_new_event_loop())
    return _made[-1]


asyncio.new_event_loop = _remembered  # before any test file imports `app`, which builds a page


@pytest.fixture(scope="session", autouse=True)
def _loops_closed() -> Iterator[None]:
    yield
    asyncio.set_event_loop(None)
    for loop in _made:
        if not loop.is_running():
            loop.close()


@pytest.fixture(autouse=True)
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Gradio's cache, from which the browser downloads."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def studio(workspace: Workspace) -> Studio:
    """The front desk of an empty workspace."""
    return Studio(workspace)


@pytest.fixture
def project(studio: Studio, tmp_path: Path) -> str:
    """A project with documents in use."""
    from tests.ui import made_runs

    return made_runs.project_with_documents(studio, tmp_path)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """An upload of Documents."""
    from tests.ui.uploads import river_table  # imports the page: after new_event_loop was replaced

    return river_table(tmp_path)
