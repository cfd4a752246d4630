"""Uploads taken apart: what comes out of archives and folders, and what none of them can do."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import shutil
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import docx
import openpyxl
import pytest

from engine.corpus.sources import Source
from tests.corpus.packing import FILES, OPTIONS, PACKED, Taken, taken, tarred, zipped


def test_single_files_stay_where_they_are(tmp_path: Path) -> None:
    for name in ("b.csv", "a.txt"):
        (tmp_path / name).write_text("flood")
    got = Taken(tmp_path, [tmp_path / "b.csv", tmp_path / "a.txt"])
    assert got.sources == [Source("b.csv", tmp_path / "b.csv"), Source("a.txt", tmp_path / "a.txt")]
    assert got.refusals == [] and got.on_disk == []


@pytest.mark.parametrize("name", PACKED)
def test_archives_are_opened_by_their_content(tmp_path: Path, name: str) -> None:
    got = taken(tmp_path, PACKED[name], name)
    assert got.content == {f"{name}/{inside}": content for inside, content in FILES.items()}
    assert list(got.content) == [f"{name}/{inside}" for inside in FILES]  # in the archive's order
    assert got.refusals == []
    assert got.on_disk == ["000001", "000002", "000003"]


@pytest.mark.parametrize(
    ("name", "shown", "pack"),
    [
        ("tweets.csv.gz", "tweets.csv", gzip.compress),
        ("tweets.csv.bz2", "tweets.csv", bz2.compress),
        ("tweets.jsonl.XZ", "tweets.jsonl", lzma.compress),
        ("tweets.csv", "tweets.csv", gzip.compress),
    ],
)
def test_a_compressed_file_loses_its_ending(tmp_path: Path, name: str, shown: str, pack) -> None:
    content = b"text\nhelp\n" * 200_000  # more than one block
    assert taken(tmp_path, pack(content), name).content == {shown: content}


def test_office_documents_are_documents(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.active["A1"] = "text"
    workbook.save(tmp_path / "a.xlsx")
    letter = docx.Document()
    letter.add_paragraph("help")
    letter.save(tmp_path / "b.docx")
    (tmp_path / "c.ods").write_bytes(zipped({"mimetype": b"application/vnd.oasis", "content.xml": b"<x/>"}))
    (tmp_path / "d.jar").write_bytes(zipped({"META-INF/MANIFEST.MF": b"x", "A.class": b"x"}))
    (tmp_path / "cut.xlsx").write_bytes((tmp_path / "a.xlsx").read_bytes()[:-900])
    whole = sorted(tmp_path.iterdir())
    got = Taken(tmp_path, whole)
    assert [source.path for source in got.sources] == whole and got.refusals == []
    inside = taken(tmp_path, zipped({"a.xlsx": whole[0].read_bytes()}))
    assert list(inside.content) == ["up.zip/a.xlsx"]


def test_a_folder_is_walked_by_name(tmp_path: Path) -> None:
    root = tmp_path / "sitreps"
    (root / "sub").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "empty").mkdir()
    (root / "__MACOSX").mkdir()
    for name in ("b.txt", "a.txt", "sub/c.txt", ".hidden", ".DS_Store", "desktop.ini", ".git/x", ".git/y",
                 "__MACOSX/._a.txt", "sub/Thumbs.db"):  # fmt: skip
        (root / name).write_text(name)
    (root / "none.txt").touch()
    (root / "more.zip").write_bytes(zipped({"z.txt": b"z"}))
    outside = tmp_path / "secret.txt"
    outside.write_text("secret")
    (root / "leaves.txt").symlink_to(outside)
    (root / "broken").symlink_to(tmp_path / "nothing")
    (root / "out").symlink_to(tmp_path, target_is_directory=True)
    (root / "circle").symlink_to(root, target_is_directory=True)
    (root / "stays.txt").symlink_to(root / "a.txt")
    os.mkfifo(root / "pipe")
    got = Taken(tmp_path, [root])
    assert list(got.content) == [
        f"sitreps/{name}" for name in ("a.txt", "b.txt", "more.zip/z.txt", "stays.txt", "sub/c.txt")
    ]
    assert {
        name.removeprefix("sitreps/"): what.split("” ")[1][:14] for name, what in got.refused.items()
    } == {
        ".git": "is hidden (its", ".hidden": "is hidden (its", "none.txt": "is empty.",
        "pipe": "is no ordinary",
        "leaves.txt": "is a link that", "broken": "is a link that", "out": "is a link that",
    }  # fmt: skip
    assert b"secret" not in got.content.values()


def test_the_operating_systems_leavings_are_passed_over(tmp_path: Path) -> None:
    files = {"__MACOSX/a/._x.txt": b"x", ".DS_Store": b"x", "a/Thumbs.db": b"x", "a/desktop.ini": b"x",
             "a/": b"", "a/._b.txt": b"x", "a/b.txt": b"real"}  # fmt: skip
    got = taken(tmp_path, zipped(files))
    assert got.content == {"up.zip/a/b.txt": b"real"} and got.refusals == []


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_out_are_refused_and_have_no_effect(tmp_path: Path, kind: str) -> None:
    evil = ["../../evil.txt", "/abs.txt", "C:\\evil.txt", "a/../../b.txt", "..\\win.txt", "\\\\host\\x.txt"]
    files = {**dict.fromkeys(evil, b"x"), "ok.txt": b"fine"}
    nest = tmp_path / "a" / "b" / "c"
    nest.mkdir(parents=True)
    got = taken(nest, zipped(files) if kind == "zip" else tarred(files), f"up.{kind}")
    assert got.content == {f"up.{kind}/ok.txt": b"fine"}
    assert len(got.refusals) == len(evil) and all("leads out" in what for what in got.refused.values())
    assert {p for p in tmp_path.rglob("*") if p.is_file()} == {nest / f"up.{kind}", got.into / "000001"}


def test_a_name_cannot_turn_itself_around(tmp_path: Path) -> None:
    got = taken(tmp_path, zipped({"\u202etxt.exe\x07\n": b"x", "n" * 5000 + ".txt": b"y"}))
    first, second = got.content
    assert first == "up.zip/txt.exe" and len(second) < 300 and second.endswith(".txt")


def test_a_file_name_that_is_no_text_is_shown_all_the_same(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    path.write_text("flood")
    got = Taken(tmp_path, [path, path.with_name("caf\udce8")])
    assert got.content == {"caf.txt": b"flood"}
    assert [refusal.what.encode() for refusal in got.refusals] == ["“caf” is not there.".encode()]


@pytest.mark.parametrize("seed", range(8))
def test_of_a_damaged_list_of_contents_no_rubbish_is_shown(tmp_path: Path, seed: int) -> None:
    """Names that are chance bytes, as where the header of an entry was overwritten."""
    rubbish = random.Random(seed).randbytes(300).decode("utf-8", "replace").replace("/", "-")
    got = taken(tmp_path, zipped({rubbish: b""}), "broken.zip")
    assert [refusal.name for refusal in got.refusals] == ["broken.zip/a name that cannot be read"]


def test_a_long_name_is_shown_by_its_beginning_and_its_end(tmp_path: Path) -> None:
    names = (f"reports/{'very ' * 60}long.csv", "Mañana طوارئ 緊急.csv")
    got = taken(tmp_path, zipped(dict.fromkeys(names, b"")), "a.zip")
    long, odd = (refusal.what.partition("” ")[0] for refusal in got.refusals)
    assert len(long) <= 81 and long.startswith("“a.zip/") and long.endswith("very long.csv") and "…" in long
    assert odd == "“a.zip/Mañana طوارئ 緊急.csv"


def test_links_and_devices_in_an_archive_are_refused(tmp_path: Path) -> None:
    members: dict[str, bytes | tarfile.TarInfo] = {"a.txt": b"a"}
    for name, kind in (("soft", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("device", tarfile.CHRTYPE),
                       ("pipe", tarfile.FIFOTYPE), ("sparse", tarfile.GNUTYPE_SPARSE)):  # fmt: skip
        members[name] = tarfile.TarInfo(name)
        members[name].type, members[name].linkname = kind, "/etc/passwd"
    got = taken(tmp_path, tarred(members), "up.tar")
    assert list(got.content) == ["up.tar/a.txt"]
    assert set(got.refused) == {f"up.tar/{name}" for name in ("soft", "hard", "device", "pipe", "sparse")}
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    got = taken(tmp_path, out.getvalue())
    assert got.content == {} and "is a link" in got.refused["up.zip/link"]


def test_nested_archives_are_opened_as_deep_as_the_setting_says(tmp_path: Path) -> None:
    data = gzip.compress(b"deep")
    for name in ("deep.txt.gz", "b.zip", "a.tar"):
        data = zipped({name: data, f"beside {name}": b"x"})
    got = taken(tmp_path, data, max_nesting=4)
    assert got.content["up.zip/a.tar/b.zip/deep.txt"] == b"deep"
    assert got.refusals == [] and len(got.on_disk) == len(got.sources) == 4
    shutil.rmtree(got.into)
    got = taken(tmp_path, data, max_nesting=3)
    assert list(got.refused) == ["up.zip/a.tar/b.zip/deep.txt.gz"]
    assert "max_nesting" in got.fixes and len(got.on_disk) == len(got.sources) == 3
    got = taken(tmp_path, data, max_nesting=0)
    assert got.sources == [] and list(got.refused) == ["up.zip"]


def test_a_bomb_is_stopped_while_it_is_unpacked(tmp_path: Path) -> None:
    bomb = zipped({"ok.txt": b"fine", "zeros.txt": bytes(60_000_000), "after.txt": b"never"})
    assert len(bomb) < 100_000
    (tmp_path / "good.csv").write_text("text")
    (tmp_path / "bomb.zip").write_bytes(bomb)
    (tmp_path / "small.zip").write_bytes(zipped({"a.txt": b"a"}))
    got = Taken(tmp_path, [tmp_path / name for name in ("bomb.zip", "good.csv", "small.zip")])
    assert list(got.content) == ["bomb.zip/ok.txt", "good.csv", "small.zip/a.txt"]
    assert "200 times" in got.refused["bomb.zip"] and "1 file of it" in got.refused["bomb.zip"]
    assert len(got.on_disk) == 2


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.csv.xz", "x.tar"])
def test_the_unpacked_size_is_counted_not_believed(tmp_path: Path, name: str) -> None:
    lines = os.urandom(400_000)
    files = {f"{i}.bin": lines for i in range(5)}
    pack = {"x.zip": zipped(files), "x.tar.gz": tarred(files, "w:gz"), "x.csv.xz": lzma.compress(lines * 5),
            "x.tar": tarred(files)}  # fmt: skip
    data = pack[name]
    if name == "x.zip":  # its list of contents says that every file has one byte
        data = bytearray(data)
        at = data.find(b"PK\x01\x02")
        while at >= 0:
            data[at + 24 : at + 28] = (1).to_bytes(4, "little")
            at = data.find(b"PK\x01\x02", at + 4)
        got = taken(tmp_path, bytes(data), name, max_unpacked_mb=1)
        assert got.sources == [] and len(got.refusals) == 5 and got.on_disk == []
        data = pack[name]
    got = taken(tmp_path, data, name, max_unpacked_mb=1)
    assert len(got.sources) == (0 if name == "x.csv.xz" else 2)
    assert (
        list(got.refused) == [name] and "max_unpacked_mb" in got.fixes and "1 MB in all" in got.refused[name]
    )
    assert len(got.on_disk) == len(got.sources)  # nothing half is left


def test_earlier_uploads_count_too(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.zip").write_bytes(zipped({"x.bin": os.urandom(400_000)}))
    got = Taken(tmp_path, [tmp_path / f"{n}.zip" for n in "abc"], replace(OPTIONS, max_unpacked_mb=1))
    assert list(got.content) == ["a.zip/x.bin", "b.zip/x.bin"] and list(got.refused) == ["c.zip"]


def test_overlapping_entries_are_counted_each(tmp_path: Path) -> None:
    data = zipped({"a.txt": os.urandom(300_000)}, zipfile.ZIP_STORED)
    at = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    listed, tail = data[at:end], bytearray(data[end:])
    tail[8:10] = tail[10:12] = (50).to_bytes(2, "little")
    tail[12:16] = (50 * len(listed)).to_bytes(4, "little")
    got = taken(tmp_path, data[:at] + listed * 50 + bytes(tail), max_unpacked_mb=1)
    assert len(got.sources) <= 3 and got.refusals  # 50 would have 15 MB


def test_the_number_of_files_is_limited(tmp_path: Path) -> None:
    got = taken(tmp_path, zipped({f"{i}.txt": b"x" for i in range(9)}), max_files=4)
    assert len(got.sources) == 4 and list(got.refused) == ["up.zip"] and "max_files" in got.fixes
    root = tmp_path / "many"
    root.mkdir()
    for i in range(9):
        (root / f"{i}.txt").write_text("x")
    got = Taken(tmp_path, [root, tmp_path / "up.zip"], replace(OPTIONS, max_files=4))
    assert len(got.sources) == 4 and list(got.refused) == ["many", "up.zip"]


def test_a_list_of_contents_that_is_too_long_is_not_even_read(tmp_path: Path) -> None:
    data = zipped({f"{i}{'n' * 900}/": b"" for i in range(1200)} | {"a.txt": b"a"})
    got = taken(tmp_path, data, max_files=10)
    assert got.sources == [] and "max_files" in got.fixes


def test_the_size_of_a_file_is_limited_in_and_out_of_archives(tmp_path: Path) -> None:
    big = os.urandom(1_200_000)
    (tmp_path / "big.csv").write_bytes(big)
    (tmp_path / "big.gz").write_bytes(gzip.compress(bytes(5_000_000)))
    (tmp_path / "in.zip").write_bytes(
        zipped({"small.txt": b"x", "zeros.txt": bytes(2_000_000), "end.txt": b"y"})
    )
    got = Taken(
        tmp_path, [tmp_path / n for n in ("big.csv", "big.gz", "in.zip")], replace(OPTIONS, max_upload_mb=1)
    )
    assert list(got.content) == ["in.zip/small.txt", "in.zip/end.txt"]
    assert list(got.refused) == ["big.csv", "big", "in.zip/zeros.txt"]
    assert all("1 MB" in what for what in got.refused.values()) and got.fixes.count("max_upload_mb") == 3


def test_nothing_is_silent(tmp_path: Path) -> None:
    (tmp_path / "void").mkdir()
    (tmp_path / "none.csv").touch()
    (tmp_path / "empty.zip").write_bytes(zipped({}))
    (tmp_path / "junk.zip").write_bytes(zipped({".DS_Store": b"x", "a/": b""}))
    (tmp_path / "empty.gz").write_bytes(gzip.compress(b""))
    names = ["void", "none.csv", "empty.zip", "junk.zip", "empty.gz", "missing.csv"]
    got = Taken(tmp_path, [tmp_path / name for name in names])
    assert got.sources == [] and got.on_disk == []
    assert [what.split("” ")[1] for what in got.refused.values()] == [
        "holds no files.", "is empty.", "holds no files.", "holds no files.", "is empty.", "is not there.",
    ]  # fmt: skip
    assert all(refusal.fix for refusal in got.refusals)


def test_what_is_in_the_way_is_not_overwritten(tmp_path: Path) -> None:
    first = taken(tmp_path, zipped({"a.txt": b"first"}), "1.zip")
    second = taken(tmp_path, zipped({"a.txt": b"second"}), "2.zip")
    assert first.sources[0].read() == b"first" and second.sources[0].read() == b"second"


def test_the_shared_archives(tmp_path: Path, shared_data: Path) -> None:
    nasty = shared_data / "nasty"
    got = Taken(tmp_path, [nasty / "21_folder.zip", nasty / "22_zip_slip.zip"])
    assert list(got.content) == [
        "21_folder.zip/Haïti sitreps/01 - Flash Update.txt",
        "21_folder.zip/Haïti sitreps/02.txt",
        "21_folder.zip/Haïti sitreps/03_latin1.txt",
        "21_folder.zip/data.csv",
        "22_zip_slip.zip/ok.txt",
    ]
    assert [what.split("” ")[1] for what in got.refused.values()] == [
        "is empty.", *["has a name that leads out of its archive."] * 2,
    ]  # fmt: skip
    assert Taken(tmp_path, [nasty / "25_xlsx_named_csv.csv", nasty / "24_messy.xlsx"]).refusals == []
    for path in sorted((shared_data / "hxl_samples").iterdir()):
        assert Taken(tmp_path, [path]).sources, path.name
