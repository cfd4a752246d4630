"""Archives made in memory, and what came of an upload, for the tests of archives."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from engine.corpus.archives import Refusal, unpack
from engine.corpus.sources import Source
from engine.corpus.table import ReadOptions

OPTIONS = ReadOptions()


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def tarred(files: Mapping[str, bytes | tarfile.TarInfo], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in files.items():
            member = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            if isinstance(content, bytes):
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
            else:
                archive.addfile(member)
    return out.getvalue()


class Taken:
    """What came of an upload."""

    def __init__(self, folder: Path, paths: list[Path], options: ReadOptions = OPTIONS) -> None:
        self.into = folder / "unpacked"
        sources, refusals = unpack(paths, options, self.into)
        self.sources: list[Source] = sources
        self.refusals: list[Refusal] = refusals
        self.content = {source.name: source.read() for source in sources}
        self.refused = {refusal.name: refusal.what for refusal in refusals}
        self.fixes = " ".join(refusal.fix for refusal in refusals)
        self.on_disk = sorted(p.name for p in self.into.iterdir()) if self.into.exists() else []


def taken(folder: Path, content: bytes, name: str = "up.zip", **limits: int) -> Taken:
    path = folder / name
    path.write_bytes(content)
    return Taken(folder, [path], replace(OPTIONS, **limits))


FILES = {"flood/01.txt": b"one", "flood/é.txt": b"two", "data.csv": b"text\nthree"}
PACKED = {
    "reports.zip": zipped(FILES),
    "stored.zip": zipped(FILES, zipfile.ZIP_STORED),
    "bzip2.zip": zipped(FILES, zipfile.ZIP_BZIP2),
    "lzma.zip": zipped(FILES, zipfile.ZIP_LZMA),
    "reports.tar": tarred(FILES),
    "reports.tar.gz": tarred(FILES, "w:gz"),
    "reports.tgz": tarred(FILES, "w:gz"),
    "reports.tar.xz": tarred(FILES, "w:xz"),
    "reports.tar.bz2": tarred(FILES, "w:bz2"),
    "named_otherwise.csv": zipped(FILES),
}
