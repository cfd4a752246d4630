"""A file as it will be read: its name as people know it, its bytes on disk or in memory.

Does not: decide what kind of file it is.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

HEAD = 65_536  # bytes that tell one kind of file from another


@dataclass(frozen=True, slots=True)
class Source:
    """One file. `name` is shown to people (inside an archive: "reports.zip/flood/01.txt")."""

    name: str
    path: Path | None = None
    data: bytes | None = None

    @property
    def suffix(self) -> str:
        """The ending of its name in lower case, with the dot: a hint, never a proof."""
        return PurePosixPath(self.name.replace("\\", "/")).suffix.lower()

    @property
    def stem(self) -> str:
        """Its name without folders and ending."""
        return PurePosixPath(self.name.replace("\\", "/")).stem

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data) if self.path is None else self.path.stat().st_size

    def open(self) -> BinaryIO:
        """The bytes from the start, to be closed by the caller. Raises `OSError`."""
        return io.BytesIO(self.data or b"") if self.path is None else open(self.path, "rb")

    def head(self, size: int = HEAD) -> bytes:
        """The first bytes."""
        with self.open() as bytes_:
            return bytes_.read(size)

    def read(self) -> bytes:
        """All bytes."""
        return self.data or b"" if self.path is None else self.path.read_bytes()
