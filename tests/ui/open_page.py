"""The whole page, launched, and a session that asks it over HTTP as a browser does: no Chromium needed.

Does not: draw. It keeps each component's value as it comes, and sends those values with the next event.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
import httpx
import pytest

from app import settings
from tests.conftest import free_port
from ui import layout

# Gradio, between two events, asks pandas for what has gone; its queue would end of a warning.
launches = pytest.mark.filterwarnings("ignore:.*no_silent_downcasting",
                                      "ignore:The copy keyword is deprecated")


class Session:
    """One open page. `values`: by component id, as the page would send them."""

    def __init__(self, demo: gr.Blocks, url: str) -> None:
        self.demo, self.api = demo, f"{url}gradio_api/"
        self.hash = secrets.token_hex(5)
        config = httpx.get(f"{url}config", timeout=60).json()
        self.types = {c["id"]: c["type"] for c in config["components"]}
        self.values = {c["id"]: c["props"].get("value", c["props"].get("default_value"))
                       for c in config["components"]}
        self.ids = {c["props"].get("elem_id"): c["id"] for c in config["components"]}

    def of(self, component: Any) -> Any:  # noqa: ANN401 - any value
        """The value of a component, or of that of this elem_id."""
        return self.values[self.ids[component] if isinstance(component, str) else component._id]

    def fire(self, fn: Any) -> dict[str, Any]:  # noqa: ANN401 - a BlockFunction
        """Run one event and take over what it answers. Fails if Gradio or the handler refuses."""
        sent = [None if self.types.get(c._id) == "state" else self.values.get(c._id) for c in fn.inputs]
        asked = httpx.post(f"{self.api}queue/join", timeout=60, json={
            "data": sent, "fn_index": fn._id, "session_hash": self.hash, "event_data": None,
            "trigger_id": None})
        assert asked.status_code == 200, asked.text
        told = self._answer()
        assert told["success"], f"{fn.name}: {told['output']}"
        for component, value in zip(fn.outputs, told["output"]["data"], strict=True):
            if isinstance(value, dict) and value.get("__type__") == "update":
                if "value" in value:
                    self.values[component._id] = value["value"]
            else:
                self.values[component._id] = value
        return told["output"]

    def _answer(self) -> dict[str, Any]:
        with httpx.stream("GET", f"{self.api}queue/data", params={"session_hash": self.hash},
                          timeout=120) as answers:
            for line in answers.iter_lines():
                said = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if said.get("msg") in ("process_completed", "unexpected_error"):
                    return said
        raise AssertionError("no answer came")

    def arrive(self) -> None:
        """What a browser does when the page opens: arrive, then every page follows."""
        self.fire(self.named("_arrive")[0])
        for fn in self.refreshes():
            self.fire(fn)

    def refreshes(self) -> list[Any]:
        """The event of each tab that is opened, in the order of the road."""
        tabs = [b._id for b in self.demo.blocks.values() if isinstance(b, gr.Tab)]
        return [fn for fn in self.demo.fns.values() if fn.name != "_head"
                and any(target in [(tab, "select") for tab in tabs] for target in fn.targets)]

    def named(self, name: str) -> list[Any]:
        """Events whose handler has this name."""
        return [fn for fn in self.demo.fns.values() if fn.name == name]

    def download(self, file: dict[str, Any]) -> httpx.Response:
        """What the browser gets for an offered file."""
        return httpx.get(f"{self.api}file={file['path']}", timeout=60)


@contextmanager
def opened() -> Iterator[Session]:
    """The page as `app.py` launches it, on a free port of this machine."""
    demo = layout.build()
    demo.queue(max_size=64, default_concurrency_limit=4)
    # Gradio's own search for a port leaves sockets open where one is taken.
    given = settings(open_browser=False) | {"server_port": free_port(), "prevent_thread_lock": True,
                                            "quiet": True}
    _, url, _ = demo.launch(**given)
    try:
        yield Session(demo, url)
    finally:
        demo.close()
