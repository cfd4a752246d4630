"""Uploads taken apart: folders, ZIP, TAR and compressed files become single files, within limits.

The content decides what is an archive; office documents are ZIPs inside and stay whole. Files are
written under names of our own, so no name in an archive can lead elsewhere; bytes are counted while
they are unpacked, whatever the archive says of itself.
Does not: read documents, open RAR or 7-Zip, know any password.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

from engine.corpus.packed import DAMAGE, Entry, Kind, TooManyEntries, entries, kind_of
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions, n_of
from engine.errors import disk_errors_in_words

MB = 1_000_000
BLOCK = 1 << 20
BOMB_RATIO, BOMB_MB = 200, 50
"""An upload that has grown past both, times its size and MB, is taken for a bomb."""

_JUNK = frozenset(("__macosx", ".ds_store", "thumbs.db", "desktop.ini"))
_ENDINGS = (".gz", ".gzip", ".bz2", ".xz")
_UNSHOWN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)  # control signs, and those that turn a name around
_LONGEST_NAME, _LONGEST_SHOWN = 240, 80
_UNREADABLE = "a name that cannot be read"
_AGAIN = "Copy or download it again, or save it anew."


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was not taken: its name as people know it, what is wrong, what to do."""

    name: str
    what: str
    fix: str


def unpack(paths: Sequence[Path], options: ReadOptions, into: Path) -> tuple[list[Source], list[Refusal]]:
    """All files among the uploads, in order, and what was refused; unpacked files are put into `into`.

    Raises `SpaceError` if the disk is full or `into` cannot be written.
    """
    work = _Unpacking(options, into)
    for path in map(Path, paths):
        if work.is_full():
            work.refuse(path.name, *work.too_many())
        elif os.path.isdir(path):
            work.folder(path)
        else:
            work.upload(path, path.name)
    return work.sources, work.refusals


class _Stop(Exception):
    """A limit is reached: the rest of this upload is refused."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.fix = what, fix


class _TooLarge(Exception):
    """One file grew past the size that a file may have."""


class _Unpacking:
    """One batch of uploads: what was taken and refused, and how much was unpacked so far."""

    def __init__(self, options: ReadOptions, into: Path) -> None:
        self.options, self.into = options, into
        self.sources: list[Source] = []
        self.refusals: list[Refusal] = []
        self.numbers = count(1)
        self.before = 0  # bytes kept of earlier uploads
        self.grown = 0  # bytes unpacked of this upload, those deleted again too
        self.size = 1  # of this upload
        self.hidden: set[str] = set()

    # Limits

    def refuse(self, name: str, what: str, fix: str) -> None:
        """Note a refusal; `what` goes on from the name."""
        name = _shown(_UNSHOWN.sub("", name))
        self.refusals.append(Refusal(name, f"“{name}” {what}", fix))

    def seen(self) -> int:
        """How many files were taken or refused."""
        return len(self.sources) + len(self.refusals)

    def is_full(self) -> bool:
        """Whether no more files may be looked at."""
        return self.seen() >= self.options.max_files

    def too_many(self) -> tuple[str, str]:
        """The words for that."""
        return (
            f"was left out, or its rest: {n_of(self.options.max_files, 'file')} can be taken at once.",
            "Choose fewer files, or raise the setting for their number (max_files).",
        )

    def counted(self, size: int) -> None:
        """Count bytes that were unpacked. Raises `_Stop` past a limit."""
        self.grown += size
        if self.grown > BOMB_MB * MB and self.grown > BOMB_RATIO * self.size:
            raise _Stop(
                f"grows to more than {BOMB_RATIO} times its size when it is unpacked, like files that "
                "are made to fill a disk; its rest was left out.",
                "If you trust it, unpack it yourself and choose the files that were inside.",
            )
        most = self.options.max_unpacked_mb
        if self.before + self.grown > most * MB:
            raise _Stop(
                f"was not unpacked to its end: archives may hold {most:,} MB in all.",
                "Choose fewer files, or raise the setting for the unpacked size (max_unpacked_mb).",
            )

    def too_large(self, name: str, is_large: str) -> None:
        """Refuse a file for its size."""
        self.refuse(
            name,
            f"{is_large}; a file may have {self.options.max_upload_mb:,} MB.",
            "Split it into smaller files, or raise the setting for the size of a file (max_upload_mb).",
        )

    # Folders and files

    def folder(self, root: Path) -> None:
        """Everything in a folder, by name."""
        name, before = root.resolve().name or str(root), self.seen()

        def unreadable(error: OSError) -> None:
            inside = Path(error.filename or root).relative_to(root)
            self.refuse(
                str(PurePosixPath(name, inside.as_posix())),
                f"cannot be opened ({error.strerror}).",
                "Check that you may read it.",
            )

        for here, folders, files in os.walk(root, onerror=unreadable):
            inside = Path(here).relative_to(root).as_posix()
            # A link to a folder inside is not followed: that folder is met under its own name.
            folders[:] = [
                folder
                for folder in sorted(folders)
                if self._is_wanted(name, f"{inside}/{folder}")
                and self._stays(root, Path(here, folder), name)
                and not Path(here, folder).is_symlink()
            ]
            for file in sorted(files):
                if self.is_full():
                    return self.refuse(name, *self.too_many())
                path = Path(here, file)
                if self._is_wanted(name, f"{inside}/{file}") and self._stays(root, path, name):
                    self.upload(path, str(PurePosixPath(name, inside, file)))
        if self.seen() == before:
            self.refuse(name, "holds no files.", "Choose a folder with documents in it.")

    def _stays(self, root: Path, path: Path, name: str) -> bool:
        """Whether a path of a folder is no link that leads out of it."""
        if not path.is_symlink():
            return True
        try:
            if path.resolve(strict=True).is_relative_to(root.resolve()):
                return True
        except (OSError, RuntimeError):  # it leads nowhere, or in a circle
            pass
        shown = str(PurePosixPath(name, path.relative_to(root).as_posix()))
        self.refuse(shown, "is a link that leads out of the folder.", "Copy the file itself into the folder.")
        return False

    def _is_wanted(self, above: str, inside: str) -> bool:
        """Whether to look at a name: no junk of the operating system, nothing hidden (told once)."""
        parts = PurePosixPath(inside).parts
        if any(part.lower() in _JUNK or part.startswith("._") for part in parts):
            return False
        hidden = next((i for i, part in enumerate(parts) if part.startswith(".")), None)
        if hidden is None:
            return bool(parts)
        shown = str(PurePosixPath(above, *parts[: hidden + 1]))
        if shown not in self.hidden:
            self.hidden.add(shown)
            self.refuse(shown, "is hidden (its name starts with a dot).", "Rename it if it should be read.")
        return False

    def upload(self, path: Path, name: str) -> None:
        """One file as the user gave it, with all that is in it."""
        first, self.grown = len(self.sources), 0
        try:
            if not os.path.exists(path):
                return self.refuse(name, "is not there.", "Check its name and folder.")
            if not os.path.isfile(path):
                return self.refuse(name, "is no ordinary file.", "Choose files or folders.")
            self.size = path.stat().st_size
            self._file(path, name, 0)
        except _Stop as stop:
            kept = len(self.sources) - first
            also = f" {n_of(kept, 'file')} of it had been taken before." if kept else ""
            self.refuse(name, stop.what + also, stop.fix)
        except OSError as error:
            self.refuse(name, f"cannot be opened ({error.strerror}).", "Check that you may read it.")
        self.before += sum(source.size for source in self.sources[first:] if source.path != path)

    def _file(self, path: Path, name: str, level: int) -> None:
        """A file that lies in `level` archives: refused, opened if it is an archive, else taken."""
        size = path.stat().st_size
        if PurePosixPath(name).name.lower() in _JUNK:
            return
        if size == 0:
            return self.refuse(name, "is empty.", "Leave it out, or check that it was saved.")
        if size > self.options.max_upload_mb * MB:
            return self.too_large(name, f"has {size / MB:,.0f} MB")
        kind = kind_of(path, self.options.max_files)
        if kind is None:
            self.sources.append(Source(_UNSHOWN.sub("", name), path))
        elif level >= self.options.max_nesting:
            deep = self.options.max_nesting
            self.refuse(
                name,
                f"was not opened: archives may lie {deep} deep in one another.",
                "Unpack the outer one first, or raise the setting for nested archives (max_nesting).",
            )
        else:
            self._archive(path, name, kind, level)

    # Archives

    def _archive(self, path: Path, name: str, kind: Kind, level: int) -> None:
        before, locked = self.seen(), []
        try:
            with closing(entries(path, kind, self.counted, self.options.max_files)) as found:
                for entry in found:
                    if self.is_full():
                        raise _Stop(*self.too_many())
                    if entry.problem == "password":
                        locked.append(entry.name)
                    else:
                        self._entry(entry, name, level)
        except TooManyEntries:
            self.refuse(name, *self.too_many())
        except DAMAGE:
            self.refuse(name, "is damaged or cut short; what could be read of it is kept.", _AGAIN)
        if locked:
            only = len(locked) == 1
            self.refuse(
                f"{name}/{_cleaned(locked[0])}" if only else name,
                "needs a password." if only else f"holds {n_of(len(locked), 'file')} that need a password.",
                "Unpack it yourself with the password and choose the files that were inside.",
            )
        if self.seen() == before:
            self.refuse(name, "holds no files.", "Choose an archive with documents in it.")

    def _entry(self, entry: Entry, above: str, level: int) -> None:
        inside = entry.name.replace("\\", "/")
        if not inside:
            name = next((above[: -len(end)] for end in _ENDINGS if above.lower().endswith(end)), above)
        else:
            name = f"{above}/{_cleaned(entry.name)}"
            if inside.startswith("/") or re.match("[A-Za-z]:", inside) or ".." in inside.split("/"):
                return self.refuse(
                    name, "has a name that leads out of its archive.", "If you trust it, unpack it yourself."
                )
            if not self._is_wanted(above, _cleaned(entry.name)):
                return None
        if entry.problem == "link":
            return self.refuse(
                name, "is a link or a device, not a file.", "Put the file itself into the archive."
            )
        if entry.problem == "method":
            return self.refuse(
                name,
                "is compressed in a way that cannot be read here.",
                "Unpack it yourself and choose the files that were inside.",
            )
        copy = self._copied(entry, name)
        if copy is not None:
            try:
                self._file(copy, name, level + 1)
            finally:
                if not self.sources or self.sources[-1].path != copy:
                    copy.unlink()  # empty, refused, or an archive whose files were taken

    def _copied(self, entry: Entry, name: str) -> Path | None:
        """The entry as a file under a name of our own; None if it was refused."""
        most, written, whole = self.options.max_upload_mb * MB, 0, False
        with disk_errors_in_words("the unpacked files"):
            self.into.mkdir(parents=True, exist_ok=True)
            path = next(p for n in self.numbers if not (p := self.into / f"{n:06d}").exists())
            out = open(path, "xb", buffering=0)  # noqa: SIM115 - closed below, where its errors are told apart
        try:
            with out, entry.open() as stream:
                while block := stream.read(BLOCK):
                    written += len(block)
                    if not entry.counted:
                        self.counted(len(block))
                    if written > most:
                        raise _TooLarge
                    with disk_errors_in_words("the unpacked files"):
                        rest = memoryview(block)
                        while rest:
                            rest = rest[out.write(rest) :]
            whole = True
        except _TooLarge:
            self.too_large(name, "is too large when it is unpacked")
        except DAMAGE:
            # Of a single compressed file the start is of use; of one file among many, half is not.
            whole = not entry.name and written > 0
            kept = "; what could be read of it is kept." if whole else "."
            self.refuse(name, f"is damaged or cut short{kept}", _AGAIN)
        finally:
            if not whole:
                path.unlink()
        return path if whole else None


def _cleaned(name: str) -> str:
    """A name of an archive as it may be shown: nothing invisible, with / between folders, not endless.

    Of a damaged archive a name may be any bytes: what is no writing in any alphabet is not shown as one.
    """
    plain = _UNSHOWN.sub("", name.replace("\\", "/")).removeprefix("./")
    odd = sum(sign == "\ufffd" or unicodedata.category(sign) in ("Cc", "Cn", "Co", "Cs") for sign in name)
    if odd > max(2, len(name) / 10):
        return _UNREADABLE
    return plain if len(plain) <= _LONGEST_NAME else f"…{plain[-_LONGEST_NAME:]}"


def _shown(name: str) -> str:
    """A name within a sentence: of a long one its beginning and its end."""
    half = _LONGEST_SHOWN // 2
    return name if len(name) <= _LONGEST_SHOWN else f"{name[:half].rstrip()}…{name[1 - half:].lstrip()}"
