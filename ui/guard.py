"""Errors in words: every handler of the page goes through here, and no traceback ever reaches it.

Does not: hide anything. What nobody foresaw goes, with its traceback, into `page.log`.
"""

from __future__ import annotations

import functools
import html
import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from engine.errors import EngineError
from ui import wording
from ui.session import page_log


def guarded(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a handler (plain or generator): its errors become three lines in words on the page."""
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def steps(*args: Any, **kwargs: Any) -> Iterator[Any]:  # noqa: ANN401 - any handler
            with in_words(handler.__name__):
                yield from handler(*args, **kwargs)

        return steps

    @functools.wraps(handler)
    def once(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any handler
        with in_words(handler.__name__):
            return handler(*args, **kwargs)

    return once


@contextmanager
def in_words(doing: str = "") -> Iterator[None]:
    """Turn errors into `gr.Error` with plain words; unforeseen ones are logged in full first."""
    try:
        yield
    except gr.Error:
        raise
    except EngineError as error:
        raise gr.Error(_toast(error), title=wording.FRAME_PROBLEM, duration=None,
                       print_exception=False) from error
    except Exception as error:  # the outermost edge: nothing may reach the page as a traceback
        unforeseen = as_unforeseen(error, doing)
        raise gr.Error(_toast(unforeseen), title=wording.FRAME_PROBLEM, duration=None,
                       print_exception=False) from error


def as_unforeseen(error: Exception, doing: str = "") -> EngineError:
    """Log what nobody foresaw and give it as an error in words."""
    path = page_log()
    with suppress(OSError):  # a full disk must not hide the first problem behind a second
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {doing}\n")
            log.write("".join(traceback.format_exception(error)) + "\n")
    return EngineError(wording.FRAME_UNFORESEEN, wording.frame_unforeseen_fix(str(path)),
                       wording.FRAME_UNFORESEEN_SAFE)


def problem(error: EngineError) -> str:
    """A problem as HTML for a status area: what happened, is my work safe, what to do."""
    return notice("problem", error.what, error.safe, error.fix)


def notice(kind: str, title: str, *lines: str) -> str:
    """A notice as HTML. `kind`: problem, warning, done, note; a word says it, not colour alone."""
    word = wording.FRAME_NOTICE[kind]
    said = "".join(f"<div>{html.escape(line)}</div>" for line in lines if line)
    role = "alert" if kind == "problem" else "status"
    return (f'<div class="notice notice-{kind}" role="{role}"><div><b>{html.escape(word)}</b> '
            f"{html.escape(title)}</div>{said}</div>")


def with_more(box: str, body: str) -> str:
    """A notice with more in it than lines of words; `body` is HTML."""
    return f"{box.removesuffix('</div>')}{body}</div>"


def _toast(error: EngineError) -> str:
    return "<br>".join(html.escape(line) for line in (error.what, error.safe, error.fix) if line)
