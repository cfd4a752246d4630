"""Archives that are locked, old, damaged or cut short: what can be read comes out, the rest is told."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.corpus.packing import PACKED, taken, tarred, zipped


def test_names_in_old_and_new_encodings(tmp_path: Path) -> None:
    data = zipped({"Haïti é.txt": b"flagged", "cp437-X.txt": b"old", "utf8-XX.txt": b"no flag"})
    data = data.replace(b"cp437-X", b"cp437-\x82").replace(b"utf8-XX", "utf8-é".encode())
    assert list(taken(tmp_path, data).content) == [
        "up.zip/Haïti é.txt", "up.zip/cp437-é.txt", "up.zip/utf8-é.txt",
    ]  # fmt: skip
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", encoding="cp1252", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("Haïti.txt"))
    assert list(taken(tmp_path, out.getvalue(), "up.tar").refused) == ["up.tar/Haïti.txt"]  # empty


def test_a_password_is_asked_for_by_name_or_once_for_many(tmp_path: Path) -> None:
    def locked(files: dict[str, bytes]) -> bytes:
        data = bytearray(zipped(files))
        for sign, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = data.find(sign)
            while at >= 0:
                if b"open" not in data[at : at + 60]:
                    data[at + flags] |= 1
                at = data.find(sign, at + 4)
        return bytes(data)

    got = taken(tmp_path, locked({"secret.txt": b"x" * 100, "open.txt": b"o" * 100}))
    assert list(got.content) == ["up.zip/open.txt"]
    assert got.refused == {"up.zip/secret.txt": "“up.zip/secret.txt” needs a password."}
    got = taken(tmp_path, locked({f"{i}.txt": b"x" * 100 for i in range(9)}))
    assert got.refused == {"up.zip": "“up.zip” holds 9 files that need a password."}


LINES = "".join(f"{i} help at the bridge\n" for i in range(20_000)).encode()


def test_a_zip_that_was_cut_short_keeps_its_first_files(tmp_path: Path) -> None:
    files = {"a/": b"", "a/1.txt": LINES, "2.txt": b"two", "3.txt": LINES}
    out = io.BytesIO()
    with zipfile.ZipFile(Stream(out), "w", zipfile.ZIP_DEFLATED) as archive:  # sizes stand after the entries
        for name, content in files.items():
            archive.writestr(name, content)
    for data in (zipped(files), out.getvalue(), zipped(files, zipfile.ZIP_STORED)):
        cut = data[: data.index(b"3.txt") + 500]
        got = taken(tmp_path, cut)
        assert got.content == {"up.zip/a/1.txt": LINES, "up.zip/2.txt": b"two"}
        assert list(got.refused) == ["up.zip/3.txt", "up.zip"]
        assert all("cut short" in what for what in got.refused.values())
        assert len(got.on_disk) == 2
        shutil.rmtree(got.into)


class Stream(io.RawIOBase):
    """A file that cannot be gone back in, such as a download."""

    def __init__(self, out: io.BytesIO) -> None:
        self.out = out

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        return self.out.write(data)


def test_a_damaged_entry_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    data = bytearray(zipped({"1.txt": b"one" * 50, "2.txt": b"two" * 50, "3.txt": b"x"}, zipfile.ZIP_STORED))
    at = data.index(b"onetwo"[:3])
    data[at] ^= 0xFF
    got = taken(tmp_path, bytes(data))
    assert list(got.content) == ["up.zip/2.txt", "up.zip/3.txt"] and list(got.refused) == ["up.zip/1.txt"]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_a_tar_that_was_cut_short_keeps_its_first_files(tmp_path: Path, mode: str) -> None:
    noise = os.urandom(2_000_000 if mode == "w:bz2" else 300_000)
    data = tarred({"1.txt": b"one", "2.bin": noise, "3.txt": b"three"}, mode)
    got = taken(tmp_path, data[: len(data) // 2], "up.tar")
    assert got.content == {"up.tar/1.txt": b"one"} and "up.tar/2.bin" in got.refused
    assert len(got.on_disk) == 1


def test_a_tar_that_ends_between_two_files_is_not_taken_for_whole(tmp_path: Path) -> None:
    data = tarred({"1.bin": os.urandom(1024), "2.bin": b"two"})
    got = taken(tmp_path, data[:1536], "up.tar")
    assert list(got.content) == ["up.tar/1.bin"] and "cut short" in got.refused["up.tar"]


@pytest.mark.parametrize(
    "pack", [gzip.compress, bz2.compress, lambda data: lzma.compress(data, preset=0)], ids=["gz", "bz2", "xz"]
)
def test_a_compressed_file_that_was_cut_short_keeps_its_start(tmp_path: Path, pack) -> None:
    lines = b"".join(os.urandom(30).hex().encode() + b"\n" for _ in range(40_000))
    data = pack(lines)
    got = taken(tmp_path, data[: int(len(data) * 0.7)], "x.csv.gz")
    (start,) = got.content.values()
    assert len(start) > 0 and lines.startswith(start)
    assert "what could be read of it is kept" in got.refused["x.csv"]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(PACKED)), cut=st.integers(0, 900), data=st.data())
def test_no_bytes_raise_anything(tmp_path: Path, name: str, cut: int, data: st.DataObject) -> None:
    broken = bytearray(PACKED[name])
    for _ in range(data.draw(st.integers(0, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    got = taken(tmp_path, bytes(broken[: len(broken) - cut % len(broken)]), name)
    assert got.sources or got.refusals
    shutil.rmtree(got.into, ignore_errors=True)


def test_a_tar_that_claims_exabytes_ends_where_the_file_does(tmp_path: Path) -> None:
    huge = tarfile.TarInfo("2.txt")
    data = bytearray(tarred({"1.txt": b"one", "2.txt": huge}))
    header = memoryview(data)[1024:1536]
    header[124:136] = b"\x80" + (1 << 70).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    got = taken(tmp_path, bytes(data), "up.tar")
    assert got.content == {"up.tar/1.txt": b"one"} and list(got.refused) == ["up.tar/2.txt", "up.tar"]
