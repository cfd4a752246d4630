"""Archives as their makers left them: what a file is by its content, and its entries one by one.

Does not: write anything, or judge names, sizes and numbers: `archives` does.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, Literal, Protocol

Kind = Literal["zip", "tar", "gz", "bz2", "xz"]
Problem = Literal["", "password", "link", "method"]
Count = Callable[[int], None]

DAMAGE = (  # what the libraries raise on files that are damaged, cut short or made to confuse
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error,
    EOFError, OSError, ValueError, OverflowError, MemoryError, NotImplementedError, RecursionError,
)  # fmt: skip
_SQUEEZED: dict[Kind, Callable[[Path], BinaryIO]] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
_DOCUMENT = frozenset(  # entries that tell an office document, a book or a program from an archive
    ("[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF", "AndroidManifest.xml", "Index/Document.iwa")
)
_OFFICE = (b"[Content_Types].xml", b"_rels/.rels", b"docProps/")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_UTF8, _LOCKED, _SIZES_AFTER = 0x800, 0x1, 0x8  # flags of a ZIP's entry
_UNKNOWN = 0xFFFFFFFF


class Readable(Protocol):
    """What the bytes of an entry are read from."""

    def read(self, size: int = ..., /) -> bytes:
        """Up to so many bytes; none at the end. Raises one of `DAMAGE`."""


class TooManyEntries(Exception):
    """A ZIP's list of contents is too long to be looked at."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive. `name` is the archive's own, not to be trusted; "" in a compressed file.

    `counted`: its bytes were already counted on the way, since the archive as a whole is compressed.
    """

    name: str
    open: Callable[[], AbstractContextManager[Readable]]
    problem: Problem = ""
    counted: bool = False


def kind_of(path: Path, most: int) -> Kind | None:
    """What kind of archive a file is; None for everything else, office documents among it.

    `most`: entries that are wanted at most. Raises `OSError` if the file cannot be opened.
    """
    with open(path, "rb") as file:
        head = file.read(65_536)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return None if _is_document(path, head, most) else "zip"
    if head.startswith(b"\x1f\x8b\x08"):
        return "gz"
    if head[:3] == b"BZh" and head[4:10] == b"1AY&SY":
        return "bz2"
    if head.startswith(b"\xfd7zXZ\0"):
        return "xz"
    return "tar" if _is_tar(head[:512]) else None


def entries(path: Path, kind: Kind, count: Count, most: int) -> Iterator[Entry]:
    """The files of an archive in its order, each to be read before the next is asked for.

    `count` is called with the bytes that are decompressed beside those of the entries themselves.
    Raises one of `DAMAGE` where the archive can be read no further, `TooManyEntries` (ZIP only).
    """
    if kind == "zip":
        if _directory_size(path) > 1_000_000 + 1_000 * most:
            raise TooManyEntries
        yield from _zip(path, count)
    elif kind == "tar":
        with open(path, "rb") as file:
            yield from _tar(_Counting(file, None))
    else:
        unsqueeze = _SQUEEZED[kind]
        with unsqueeze(path) as file:
            try:
                is_tar = _is_tar(file.read(512))
            except DAMAGE:
                is_tar = False
        if is_tar:
            with unsqueeze(path) as file:
                yield from _tar(_Counting(file, count))
        else:
            yield Entry("", lambda: _piecewise(unsqueeze(path)))


@contextmanager
def _piecewise(file: BinaryIO) -> Iterator[Readable]:
    """Reads what there is before it stumbles over the end of a file that was cut short."""
    with file:
        yield SimpleNamespace(read=file.read1)


def _is_document(path: Path, head: bytes, most: int) -> bool:
    if _directory_size(path) > 1_000_000 + 1_000 * most:
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return not _DOCUMENT.isdisjoint(archive.namelist())
    except DAMAGE:  # its list of contents, at its end, is missing
        return head[30:38] == b"mimetype" or any(mark in head for mark in _OFFICE)


def _directory_size(path: Path) -> int:
    """How long a ZIP's list of contents says it is, at most as long as the file; 0 if there is none."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(max(0, size - 65_557 - 20))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) < at + 22:
            return 0
        length = int.from_bytes(tail[at + 12 : at + 16], "little")
        if length == _UNKNOWN and tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
            file.seek(min(size, int.from_bytes(tail[at - 12 : at - 4], "little")))
            length = int.from_bytes(file.read(56)[40:48], "little")
    return min(length, size)


def _zip(path: Path, count: Count) -> Iterator[Entry]:
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGE as damage:
        yield from _zip_from_its_start(path, count)
        raise zipfile.BadZipFile("no list of contents") from damage
    with archive:
        for info in archive.infolist():
            if info.filename.endswith(("/", "\\")):
                continue
            problem: Problem = ""
            if stat.S_ISLNK(info.external_attr >> 16):
                problem = "link"
            elif info.flag_bits & _LOCKED:
                problem = "password"
            elif info.compress_type not in _METHODS or info.flag_bits & 0x60:
                problem = "method"
            name = info.orig_filename
            if not info.flag_bits & _UTF8:
                name = _old_name(name.encode("cp437"))
            yield Entry(name, lambda info=info: archive.open(info), problem)


def _old_name(name: bytes) -> str:
    """A name without the sign that it is UTF-8: many programs write UTF-8 all the same."""
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("cp437")


def _zip_from_its_start(path: Path, count: Count) -> Iterator[Entry]:
    """The entries of a ZIP that was cut short: each follows a header of its own."""
    with open(path, "rb") as file:
        while file.read(4) == b"PK\x03\x04":
            _, flags, method, _, _, crc, size, _, name_size, extra = struct.unpack(
                "<HHHHHIIIHH", file.read(26)
            )
            name = file.read(name_size)
            start = file.seek(extra, os.SEEK_CUR)
            shown = name.decode("utf-8", "replace") if flags & _UTF8 else _old_name(name)
            endless = bool(flags & _SIZES_AFTER) or size == _UNKNOWN  # its end shows while reading only
            part = _Part(file, method, None if endless else size, None if flags & _SIZES_AFTER else crc)
            problem: Problem = "password" if flags & _LOCKED else "" if method in (0, 8) else "method"
            if not shown.endswith(("/", "\\")):
                yield Entry(shown, lambda part=part: nullcontext(part), problem)
            if not endless:
                file.seek(start + size)
            elif problem or method == 0:
                return
            else:
                while block := part.read(1 << 20):
                    count(len(block))
                if flags & _SIZES_AFTER:
                    file.read(12 if file.read(4) == b"PK\x07\x08" else 8)


class _Part:
    """An entry's bytes out of the middle of a file, decompressed; its end is found on the way."""

    def __init__(self, file: BinaryIO, method: int, size: int | None, crc: int | None) -> None:
        self.file, self.left, self.crc, self.sum = file, size, crc, 0
        self.inflate = zlib.decompressobj(-15) if method == 8 else None
        self.rest = b""
        self.ended = False

    def read(self, size: int = 1 << 20, /) -> bytes:
        """Up to so many bytes; none at the end. Raises `DAMAGE`."""
        block = b""
        while not block and not self.ended:
            raw = self.rest or self.file.read(min(size, 65_536 if self.left is None else self.left))
            if not self.rest and self.left is not None:
                self.left -= len(raw)
            if self.inflate is None:
                block, self.rest, self.ended = raw, b"", self.left == 0
            else:
                block = self.inflate.decompress(raw, size)
                self.rest, self.ended = self.inflate.unconsumed_tail, self.inflate.eof
                if self.ended and self.left is None:
                    self.file.seek(-len(self.inflate.unused_data), os.SEEK_CUR)
            if not raw and not self.ended and not block:
                raise EOFError("cut short")
            self.sum = zlib.crc32(block, self.sum)
        if self.ended and self.crc not in (None, self.sum):
            raise zipfile.BadZipFile("wrong checksum")
        return block


class _Counting:
    """Reads on, telling `count` how much, and remembers the last bytes."""

    def __init__(self, file: BinaryIO, count: Count | None) -> None:
        self.file, self.count, self.tail, self.ended = file, count, b"", False

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes. Raises `EOFError` when it is asked on and on past the end."""
        block = self.file.read(size)
        if not block:
            if self.ended:  # a header that claims exabytes makes tarfile ask for as many
                raise EOFError("cut short")
            self.ended = True
        if self.count:
            self.count(len(block))
        self.tail = (self.tail + block[-512:])[-512:]
        return block


def _is_tar(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def _tar(file: _Counting) -> Iterator[Entry]:
    with tarfile.open(fileobj=file, mode="r|", encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            archive.members = []  # else every one is remembered
            if member.isdir():
                continue
            name = member.name
            if any("\ud800" <= sign <= "\udfff" for sign in name):
                name = name.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
            plain = member.isreg() and not member.issparse()
            yield Entry(
                name,
                lambda member=member: archive.extractfile(member),
                "" if plain else "link",
                counted=file.count is not None,
            )
    if file.tail.strip(b"\0"):  # an archive that is whole ends in zeros
        raise EOFError("cut short")
