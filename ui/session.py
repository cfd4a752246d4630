"""Whose workspace a visitor works in, and the few values that all pages share."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from engine.errors import SpaceError
from engine.studio import Studio
from engine.workspace import VISITORS, Workspace
from ui import wording

TRIES = 5
_KEY = re.compile(r"[0-9a-f]{32}")
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
"""How the page answers what takes no time: no veil, no place among the API's endpoints, no queue."""
KEY = "anon-studio"  # the same after a restart, so that a browser finds its ids again; no secret


def is_public() -> bool:
    """On a Space, or when asked for: every visitor gets a random workspace of their own."""
    return bool(os.environ.get("SPACE_ID")) or os.environ.get("ANON_PUBLIC") == "1"


def is_zero_gpu() -> bool:
    """Whether this Space lends a GPU by the minute only, which cannot hold a training run."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "true")


def studio_for(visitor: str) -> Studio:
    """The front desk over a visitor's workspace (the key is kept in their browser; "" at home)."""
    home = Workspace.default()
    if not is_public():
        return Studio(home)
    if not _KEY.fullmatch(visitor or ""):
        raise gr.Error(wording.FRAME_LOST_KEY, print_exception=False)
    return Studio(Workspace(home.home / VISITORS / visitor, models_home=home.home))


def forget_visitors() -> None:
    """In public: remove what earlier visitors brought and made, as the page promises; at home nothing.

    A run of theirs that still works finds its folder gone, and ends.

    Raises:
        SpaceError: it could not be removed.
    """
    visitors = Workspace.default().home / VISITORS
    if not is_public() or not visitors.is_dir():
        return
    for folder in [place for place in visitors.iterdir() if _KEY.fullmatch(place.name) and place.is_dir()]:
        for _ in range(TRIES):  # a run that still works may write into what is being emptied
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                break
        else:
            raise SpaceError(f"What an earlier visitor left in {folder} could not be removed, though the "
                             "page promises it.", "Remove it by hand, then start again.")


def upload_limit_mb() -> int:
    """The size one uploaded file may have, as this installation sets it."""
    return Studio(Workspace.default()).upload_limit_mb()


def new_visitor(known: str | None) -> str:
    """The key this browser brought, or a fresh random one. At home there is none."""
    if not is_public():
        return ""
    return known if known and _KEY.fullmatch(known) else secrets.token_hex(16)


def page_log() -> Path:
    """Where problems that nobody foresaw are written down."""
    return Workspace.default().home / "page.log"


def served_folder() -> Path:
    """Where copies of what is uploaded and downloaded lie."""
    return Workspace.default().home / "served"


def browser_state(name: str) -> gr.BrowserState:
    """A small value (an id, what was just typed; no document) that this browser keeps over reloads."""
    return gr.BrowserState("", storage_key=f"{KEY}-{name}", secret=KEY)


class Components:
    """A frozen dataclass with slots whose fields are components of the page."""

    __slots__ = ()

    @property
    def all(self) -> list[Any]:
        """Every component, as outputs."""
        return [getattr(self, name) for name in self.__slots__]


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page gets. `stamp` counts up whenever something changed that other pages show.

    A handler that changes the project, documents, instructions or runs returns `stamp + 1` for
    `frame.stamp`; the layout then calls every page's `refresh`. `run` is the id of the run in view.
    """

    visitor: gr.BrowserState
    project: gr.BrowserState
    run: gr.BrowserState
    stamp: gr.State
    tabs: gr.Tabs


@dataclass(frozen=True, slots=True)
class Page:
    """A built page: `refresh(visitor, project, run, *inputs) -> values for outputs`.

    The layout calls `refresh` when the page loads, when `frame.stamp` changes and when its tab is
    opened. `inputs`: further components whose values the refresh wants, a `gr.State` of what is
    shown, say, so that it can skip when nothing changed and unsaved edits stay.
    """

    refresh: Callable[..., Any]
    outputs: Sequence[Any]
    inputs: Sequence[Any] = ()
