"""How much instructions may do while they are filled in: rounds of loops, the weight of a value, time.

What goes beyond raises `OverflowError`, or `TypeError` where a value cannot be written; the sandbox puts
these into words.
"""

from __future__ import annotations

import gc
import json
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import GeneratorType
from typing import Any

import jinja2

MAX_RENDERED = 40_000  # characters of a text, or entries and characters of a list with all that is in it
MAX_ROUNDS = 5_000  # of all loops together
MAX_SECONDS = 0.3  # of its own work: a busy machine does not count, nor does collecting garbage
MAX_REPEAT = 1_000
LARGEST = 10**15
_SPENT: ContextVar[tuple[list[int], float]] = ContextVar("rounds of loops so far, and when to be done")


class _Collections(threading.local):
    """Seconds that collections took in this thread, which is the one they happened to begin in.

    One of all that a process holds may take longer than a text is given, and falls upon any text.
    """

    began = spent = 0.0

    def note(self, phase: str, _info: dict[str, int]) -> None:
        """Called by `gc` when a collection starts and when it stops."""
        now = time.thread_time()
        if phase == "start":
            self.began = now
        else:
            self.spent += now - self.began


_COLLECTIONS = _Collections()
gc.callbacks.append(_COLLECTIONS.note)


def worked() -> float:
    """Seconds that this thread has worked, less those of collections."""
    return time.thread_time() - _COLLECTIONS.spent


@contextmanager
def allowance() -> Iterator[None]:
    """A fresh count of rounds and time for filling in one text."""
    kept = _SPENT.set(([0], worked() + MAX_SECONDS))
    try:
        yield
    finally:
        _SPENT.reset(kept)


def bounded(value: Any) -> Any:  # noqa: ANN401 - whatever a template holds
    """The value, if it is not too large and there is time left."""
    in_time()
    if isinstance(value, GeneratorType):
        return _weighed(value)
    _weigh(value)
    return value


def in_time() -> None:
    """Nothing, while there is time left."""
    if worked() > _SPENT.get()[1]:
        raise OverflowError("it takes too long")


def _weigh(value: Any, weight: int = 0) -> int:  # noqa: ANN401
    """Characters and entries in a value. One that is in it twice is counted twice: so is it when written."""
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, str | list | tuple | dict | range):
            weight += len(part)
            if weight > MAX_RENDERED:
                raise OverflowError("a part of the result is too long")
            if isinstance(part, dict):
                stack += [*part.keys(), *part.values()]
            elif isinstance(part, list | tuple):
                stack += part
        elif isinstance(part, int | float) and abs(part) > LARGEST:
            raise OverflowError("a number is too large")
    return weight


def _weighed(values: Iterator[Any]) -> Iterator[Any]:
    weight = 0
    for value in values:
        weight = _weigh(value, weight + 1)
        yield value


def counted(values: Iterable[Any]) -> Iterator[Any]:
    """The values, while rounds and time last."""
    rounds = _SPENT.get()[0]
    for value in values:
        rounds[0] += 1
        if rounds[0] > MAX_ROUNDS:
            raise OverflowError(f"its loops go round more than {MAX_ROUNDS:,} times")
        in_time()
        yield value


def plain(value: Any) -> Any:  # noqa: ANN401
    """The value, if it can be written: not a list or an object, whose form would be Python's."""
    if value is None or isinstance(value, str | int | float | jinja2.Undefined):
        return value
    raise TypeError("only a text or a number can be written; go through a list with {% for … %}, "
                    "or use |join")


@jinja2.pass_context  # with a context nothing is worked out while compiling, out of reach of the limits
def written(_context: jinja2.runtime.Context, value: Any) -> Any:  # noqa: ANN401
    """What {{ … }} writes."""
    return plain(value)


def put_together(values: Iterable[Any], between: str = "") -> str:
    """The values as one text."""
    parts, length = [], 0
    for value in values:
        parts.append(str(plain(value)))
        length += len(parts[-1]) + len(between)
        if length > MAX_RENDERED + len(between):
            raise OverflowError("a part of the result is too long")
    return between.join(parts)


@jinja2.pass_environment
def join(environment: jinja2.Environment, values: Iterable[Any], between: str = "",
          attribute: str | None = None) -> str:
    """The filter of that name, stopped before its result is too long."""
    if attribute is not None:
        values = map(jinja2.filters.make_attrgetter(environment, attribute), values)
    return put_together(counted(values), str(plain(between)))


def replace(text: str, old: str, new: str) -> str:
    """The filter of that name, refused before its result is too long."""
    text, new = str(plain(text)), str(plain(new))
    if not old or text.count(old) * len(new) + len(text) > MAX_RENDERED:
        raise OverflowError("the result of replacing would be too long")
    return text.replace(old, new)


def as_json(value: Any) -> str:  # noqa: ANN401
    """The filter tojson, with letters of all languages as they are."""
    return json.dumps(list(value) if isinstance(value, GeneratorType) else value, ensure_ascii=False)


def small_range(*bounds: int) -> range:
    """The function range, within bounds."""
    made = range(*bounds)
    if len(made) > MAX_REPEAT:
        raise OverflowError(f"a range may hold {MAX_REPEAT:,} numbers at most")
    return made
