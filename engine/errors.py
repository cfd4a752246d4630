"""Every error a user can meet: what happened, is my work safe, what to do.

    EngineError
    ├── InputError      a file, column or document that cannot be used
    ├── SettingsError   a plan, task or template that cannot work as written
    ├── WeightsError    model files that are missing, damaged, gated or do not fit
    ├── TeacherError    the large model cannot give what was asked of it
    ├── RunError        a run that cannot be started, found, resumed or controlled
    ├── SpaceError      a full disk, too little memory, a folder that cannot be written
    └── MissingPart     an optional library that is not installed

Anything a user can cause is raised as one of these; everything else is a bug, and its traceback
belongs in the run's log.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

WORK_SAFE = "Nothing you made was lost."


class EngineError(Exception):
    """A problem in words. `what` happened; `fix` says what to do; `safe` says what became of the work."""

    def __init__(self, what: str, fix: str, safe: str = WORK_SAFE) -> None:
        super().__init__(what)
        self.what, self.fix, self.safe = what, fix, safe

    def __reduce__(self) -> tuple[type[EngineError], tuple[str, str, str]]:
        """All three sentences go from one process to another."""
        return type(self), (self.what, self.fix, self.safe)

    def lines(self) -> str:
        """The three lines that the page and the terminal show."""
        return f"{self.what}\n{self.safe}\n{self.fix}"


class InputError(EngineError):
    """A file, column or document cannot be used."""


class SettingsError(EngineError):
    """A plan, task or template cannot work as written."""


class WeightsError(EngineError):
    """Model files are missing, damaged, gated or do not fit."""


class TeacherError(EngineError):
    """The large model cannot give what was asked of it."""


class RunError(EngineError):
    """A run cannot be started, found, resumed or controlled."""


class SpaceError(EngineError):
    """The disk is full, memory is short, or a folder cannot be written."""


class MissingPart(EngineError):
    """An optional library is not installed; the fix holds the install line."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out. Torch says so by a RuntimeError: of its own kind on a graphics card, by its
    words alone on a processor."""
    message = str(error).casefold()
    return isinstance(error, MemoryError) or isinstance(error, RuntimeError) and (
        type(error).__name__ == "OutOfMemoryError" or "out of memory" in message
        or "can't allocate memory" in message)


def unforeseen(error: BaseException, *, again: str, less_memory: str, safe: str = WORK_SAFE) -> EngineError:
    """A problem that nobody put into words: a `SpaceError` where memory ran out, else a `RunError`.

    `again` says what to do then, `less_memory` what where memory ran out. Whoever asks still raises the
    error, or keeps its traceback: it is a bug but for memory.
    """
    if is_out_of_memory(error):
        return SpaceError("This machine ran out of memory.", less_memory, safe)
    return RunError(f"Something unexpected happened ({type(error).__name__}).", again, safe)


def _disk_full(doing: str) -> SpaceError:
    return SpaceError(
        f"The disk is full: there was no room for {doing}.",
        "Free some space (old runs and models are the largest), then start again: "
        "it continues where it stopped.",
        "What was finished before is kept.",
    )


@contextmanager
def damage_in_words(path: Path, fix: str) -> Iterator[None]:
    """Turn what a damaged file of numbers raises when it is read into a `RunError` that names it."""
    try:
        yield
    except (SafetensorError, KeyError, ValueError) as error:
        raise RunError(f"The file {path} is damaged: it was cut short or changed.", fix) from error


@contextmanager
def disk_errors_in_words(doing: str) -> Iterator[None]:
    """Turn the operating system's disk errors into a `SpaceError`; others pass unchanged."""
    try:
        yield
    except SafetensorError as error:  # it tells the system's error in its text only
        if f"os error {errno.ENOSPC})" in str(error) or f"os error {errno.EDQUOT})" in str(error):
            raise _disk_full(doing) from error
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(doing) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise SpaceError(
                f"No permission to write {doing} ({error.filename or 'unknown path'}).",
                "Choose another folder with the ANON_HOME setting, or ask for write access.",
            ) from error
        raise
