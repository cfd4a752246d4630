"""Closes the event loops that Gradio makes for every page that is built and then leaves open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

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
