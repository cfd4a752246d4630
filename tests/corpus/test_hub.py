"""Data sets of a Hub by name: which files arrive, what is refused, and in which words."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.corpus import hub
from engine.corpus.hub import Named, fetch_dataset, parse_name
from engine.corpus.table import ReadOptions
from engine.errors import InputError, SpaceError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OPTIONS = ReadOptions()


@dataclass
class Hub:
    """A Hub with one data set; `refuse` maps a file (or "" for the list) to a status and headers."""

    repo: str = "lab/floods"
    files: dict[str, bytes] = field(default_factory=dict)
    card: dict[str, object] | None = None
    refuse: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    revisions: tuple[str, ...] = ("main", COMMIT, "refs/convert/parquet")
    answer: bytes | None = None
    knows_sizes: bool = True
    served: list[str] = field(default_factory=list)
    address: str = ""

    def info(self) -> bytes:
        if self.answer is not None:
            return self.answer
        siblings = [
            {"rfilename": n, "size": len(c) if self.knows_sizes else None} for n, c in self.files.items()
        ]
        told = {"id": self.repo, "sha": COMMIT, "private": False, "tags": [], "siblings": siblings}
        return json.dumps({**told, "cardData": self.card} if self.card else told).encode()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running Hub on this machine."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    held = Hub()

    class Answers(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Stay silent."""

        def reply(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_GET(self) -> None:
            """Headers and, for GET, content."""
            path = self.path.split("?")[0].replace("%2F", "/")
            if path == "/api/datasets":
                return self.reply(200, b"[]")
            if path.startswith("/api/datasets/"):
                repo, _, revision = path.removeprefix("/api/datasets/").partition("/revision/")
                if "" in held.refuse:
                    return self.reply(held.refuse[""][0], b"", held.refuse[""][1])
                if repo != held.repo:
                    return self.reply(401, b"", {"X-Error-Code": "RepoNotFound"})
                if revision and revision not in held.revisions:
                    return self.reply(404, b"", {"X-Error-Code": "RevisionNotFound"})
                return self.reply(200, held.info(), {"Content-Type": "application/json"})
            name = path.removeprefix(f"/datasets/{held.repo}/resolve/{COMMIT}/")
            if name in held.refuse:
                return self.reply(held.refuse[name][0], b"", held.refuse[name][1])
            if name not in held.files:
                return self.reply(404, b"", {"X-Error-Code": "EntryNotFound"})
            if self.command == "GET":
                held.served.append(name)
            body = held.files[name]
            etag = hashlib.sha256(body).hexdigest()
            return self.reply(200, body, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

        do_HEAD = do_GET

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    held.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield held
    server.shutdown()
    server.server_close()
    thread.join()


def fetched(site: Hub, into: Path, name: str = "lab/floods", **rest: object) -> list[str]:
    """The names of what arrived, without the data set's own."""
    sources = fetch_dataset(name, into, rest.pop("options", OPTIONS), endpoint=site.address, **rest)
    for source in sources:
        assert source.read() == site.files[source.name.removeprefix("lab/floods/")]
    return [source.name.removeprefix("lab/floods/") for source in sources]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lab/floods", Named("lab/floods", "main")),
        (" lab/floods/ ", Named("lab/floods", "main")),
        ("lab/floods@v2", Named("lab/floods", "v2")),
        ("lab/floods/data/a.csv", Named("lab/floods", "main", "data/a.csv")),
        ("hf://datasets/lab/floods", Named("lab/floods", "main")),
        ("hf://datasets/lab/floods@v2/data/a.csv", Named("lab/floods", "v2", "data/a.csv")),
        ("https://huggingface.co/datasets/lab/floods", Named("lab/floods", "main")),
        ("https://huggingface.co/datasets/lab/floods/viewer/default/train?p=1", Named("lab/floods", "main")),
        ("https://huggingface.co/datasets/lab/floods/blob/v2/data/a%20b.csv",
         Named("lab/floods", "v2", "data/a b.csv")),
        ("https://hf.co/datasets/lab/floods/tree/main/data", Named("lab/floods", "main", "data")),
        ("https://huggingface.co/datasets/lab/floods/tree/refs%2Fconvert%2Fparquet",
         Named("lab/floods", "refs/convert/parquet")),
        ("https://huggingface.co/datasets/lab/floods/resolve/main/a.csv?download=true",
         Named("lab/floods", "main", "a.csv")),
    ],
)  # fmt: skip
def test_names_and_addresses(name: str, expected: Named) -> None:
    assert parse_name(name) == expected


@pytest.mark.parametrize(
    "name", ["", "floods", "lab/", "/lab/floods", "lab/fl oods", "../etc/passwd", "lab/floods/../../x",
             "lab/..", "https://huggingface.co/lab/model", "https://example.org/x", "C:\\a.csv", "lab/é"],
)  # fmt: skip
def test_what_is_no_name_is_refused_in_words(name: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_name(name)
    assert "owner/name" in caught.value.fix


def test_data_files_arrive_and_nothing_else(site: Hub, tmp_path: Path) -> None:
    site.files = {"README.md": b"# x", "floods.py": b"raise SystemExit", "dataset_infos.json": b"{}",
                  ".gitattributes": b"x", "data/train.csv": b"text\na", "data/test.csv.gz": b"gz",
                  "img/a.png": b"p", "../evil.csv": b"x", "data/.hidden.csv": b"x"}  # fmt: skip
    seen: list[tuple[str, int, int]] = []
    into = tmp_path / "new" / "folder"
    assert fetched(site, into, on_progress=lambda *step: seen.append(step)) == [
        "data/test.csv.gz", "data/train.csv",
    ]  # fmt: skip
    assert sorted(site.served) == ["data/test.csv.gz", "data/train.csv"]
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["test.csv.gz", "train.csv"]
    assert seen[-1][1:] == (8, 8) and [step[1] for step in seen] == sorted(step[1] for step in seen)
    assert "lab/floods" in seen[0][0]
    site.served.clear()
    sources = fetch_dataset("hf://datasets/lab/floods", into, OPTIONS, endpoint=site.address)
    assert [source.name for source in sources] == ["lab/floods/data/test.csv.gz", "lab/floods/data/train.csv"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            ["a.csv", "data/train.parquet", "data/test.parquet", "x.json"],
            ["data/test.parquet", "data/train.parquet"],
        ),
        (["a.parquet", "en/b.parquet", "a.csv"], ["a.parquet"]),
        (["en/b.parquet", "fr/b.parquet"], ["en/b.parquet", "fr/b.parquet"]),
        (["default/train/0.parquet", "fr/train/0.parquet"], ["default/train/0.parquet"]),
        (["a.jsonl", "b.json", "c.txt", "requirements.txt", "LICENSE.txt"], ["a.jsonl"]),
        (["a.tsv", "b.csv"], ["a.tsv", "b.csv"]),
        (["notes/c.txt", "license.txt"], ["notes/c.txt"]),
    ],
)
def test_one_kind_in_one_place_is_taken(
    site: Hub, tmp_path: Path, files: list[str], expected: list[str]
) -> None:
    site.files = {name: name.encode() for name in files}
    assert fetched(site, tmp_path) == expected


@pytest.mark.parametrize(
    ("configs", "expected"),
    [
        ([{"config_name": "en", "data_files": "en/*.csv"},
          {"config_name": "fr", "data_files": [{"split": "train", "path": "fr/*"}], "default": True}],
         ["fr/a.csv"]),
        ([{"config_name": "en", "data_files": [{"split": "train", "path": ["en/a.csv", "./en/b.csv"]}]}],
         ["en/a.csv", "en/b.csv"]),
        ([{"config_name": "x", "data_files": "gone/*"}], ["r.parquet"]),
        (["odd", {"config_name": "default", "data_files": {"path": 3}}], ["r.parquet"]),
        ("odd", ["r.parquet"]),
    ],
)  # fmt: skip
def test_the_default_configuration_of_its_page_is_taken(
    site: Hub, tmp_path: Path, configs: object, expected: list[str]
) -> None:
    site.files = dict.fromkeys(("en/a.csv", "en/b.csv", "fr/a.csv", "r.parquet"), b"x")
    site.card = {"configs": configs}
    assert fetched(site, tmp_path) == expected


def test_one_file_or_one_folder_can_be_named(site: Hub, tmp_path: Path) -> None:
    site.files = {"data/a.csv": b"a", "data/b.csv": b"b", "more/c.csv": b"c", "guide.pdf": b"%PDF"}
    assert fetched(site, tmp_path, "lab/floods/data/b.csv") == ["data/b.csv"]
    assert fetched(site, tmp_path, "lab/floods/guide.pdf") == ["guide.pdf"]
    assert fetched(site, tmp_path, f"{site.address}/datasets/lab/floods/tree/main/more") == ["more/c.csv"]
    with pytest.raises(InputError, match="no data in “data/z.csv”") as caught:
        fetched(site, tmp_path, "lab/floods/data/z.csv")
    assert "data/a.csv" in caught.value.fix


def test_a_program_is_never_run_and_its_parquet_is_pointed_to(site: Hub, tmp_path: Path) -> None:
    site.files = {"floods.py": b"raise SystemExit", "README.md": b"x"}
    with pytest.raises(InputError, match="never run") as caught:
        fetched(site, tmp_path)
    assert "refs/convert/parquet" in caught.value.fix and site.served == []
    site.files = {"a.png": b"x"}
    with pytest.raises(InputError, match="no files that can be read"):
        fetched(site, tmp_path)


def test_size_and_number_are_limited_before_anything_is_fetched(site: Hub, tmp_path: Path) -> None:
    site.files = {"a.csv": bytes(700_000), "b.csv": bytes(600_000)}
    with pytest.raises(InputError, match="1.3 MB in 2 files; up to 1 MB") as caught:
        fetched(site, tmp_path, options=ReadOptions(max_upload_mb=1))
    assert "max_upload_mb" in caught.value.fix and "lab/floods/b.csv" in caught.value.fix
    with pytest.raises(InputError, match="2 files") as caught:
        fetched(site, tmp_path, options=ReadOptions(max_files=1))
    assert "max_files" in caught.value.fix and site.served == []
    assert fetched(site, tmp_path, "lab/floods/b.csv", options=ReadOptions(max_upload_mb=1)) == ["b.csv"]


def test_a_hub_that_knows_no_sizes_is_stopped_at_the_limit(site: Hub, tmp_path: Path) -> None:
    site.files = {name: bytes(600_000) for name in ("a.csv", "b.csv", "c.csv")}
    site.knows_sizes = False
    with pytest.raises(InputError, match="up to 1 MB"):
        fetched(site, tmp_path, options=ReadOptions(max_upload_mb=1))
    assert site.served == ["a.csv", "b.csv"] and not (tmp_path / "b.csv").exists()


def test_a_full_disk_is_told_first(site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.files = {"a.csv": bytes(100)}
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(SpaceError, match="Not enough disk space"):
        fetched(site, tmp_path)
    assert site.served == []


@pytest.mark.parametrize(("status", "headers"), [(401, {"X-Error-Code": "GatedRepo"}), (403, {})])
def test_a_gated_data_set_says_where_to_accept_the_terms(
    site: Hub, tmp_path: Path, status: int, headers: dict[str, str]
) -> None:
    site.files = {"a.csv": b"x"}
    site.refuse["a.csv"] = (status, headers)
    with pytest.raises(InputError, match="gated") as caught:
        fetched(site, tmp_path)
    assert "datasets/lab/floods" in caught.value.fix and "HF_TOKEN" in caught.value.fix


def test_unknown_or_private_names_versions_and_errors_have_sentences_of_their_own(
    site: Hub, tmp_path: Path
) -> None:
    site.files = {"a.csv": b"x"}
    with pytest.raises(InputError, match="no data set “lab/other” that you may see") as caught:
        fetched(site, tmp_path, "lab/other")
    assert "private" in caught.value.fix and "HF_TOKEN" in caught.value.fix
    with pytest.raises(InputError, match="no version “old”"):
        fetched(site, tmp_path, revision="old")
    site.refuse["a.csv"] = (404, {"X-Error-Code": "EntryNotFound"})
    with pytest.raises(InputError, match="no longer there"):
        fetched(site, tmp_path)
    site.refuse = {"": (400, {})}
    with pytest.raises(InputError, match=r"an error \(400\)"):
        fetched(site, tmp_path)
    site.refuse = {}
    for answer in (b"<html>sign in</html>", b"[]", b"{}", b'{"id": "x", "siblings": [{}]}'):
        site.answer = answer
        with pytest.raises(InputError, match="cannot be understood"):
            fetched(site, tmp_path)


def test_no_network_and_offline_mode(site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="cannot be reached") as caught:
        fetch_dataset("lab/floods", tmp_path, OPTIONS, endpoint="http://127.0.0.1:9")
    assert "choose them here as files" in caught.value.fix
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="Offline mode is set"):
        fetch_dataset("lab/floods", tmp_path, OPTIONS, endpoint=site.address)
    assert list(tmp_path.iterdir()) == [] and site.served == []


def test_a_hub_that_never_answers_is_given_up(site: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hangs(*_: object, **__: object) -> None:
        release.wait(10)
        raise OSError("a name lookup that never ended")

    monkeypatch.setattr(hub.urllib.request, "urlopen", hangs)
    monkeypatch.setattr(hub, "PROBE_SECONDS", 0.2)
    with pytest.raises(InputError, match="cannot be reached"):
        fetch_dataset("lab/floods", Path("unused"), OPTIONS, endpoint=site.address)
    release.set()
