"""Small real models, and a small real Hub on the loopback address, for this room's tests."""

from __future__ import annotations

import hashlib
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def model_files(rows: int = 8) -> dict[str, bytes]:
    """The files of a model, as bytes: settings, tokenizer, weights."""
    weights = {"embed.weight": np.arange(rows * 4, dtype=np.float32).reshape(rows, 4)}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "flood": 1}, "unk_token": "[UNK]"},
    }
    return {
        "config.json": json.dumps({"architectures": ["LlamaForCausalLM"]}).encode(),
        "tokenizer.json": json.dumps(tokenizer).encode(),
        "model.safetensors": save(weights),
    }


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    """Put files into a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_wheel(
    folder: Path, package: str, members: dict[str, bytes], version: str = "1.0"
) -> Path:
    """A package file that pip accepts."""
    module = package.replace("-", "_")
    path = folder / f"{module}-{version}-py3-none-any.whl"
    info = f"{module}-{version}.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


@dataclass
class Hub:
    """A Hub with one repository; `refuse` maps a file name to its refusal: status and headers."""

    repo: str = "lab/tiny-model"
    files: dict[str, bytes] = field(default_factory=model_files)
    refuse: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    truth: dict[str, bytes] = field(default_factory=dict)
    served: list[str] = field(default_factory=list)
    address: str = ""

    def info(self) -> dict[str, object]:
        """What the Hub says about the repository."""
        siblings = []
        for name, content in self.files.items():
            entry: dict[str, object] = {"rfilename": name, "size": len(content), "blobId": "0" * 40}
            if name.endswith(".safetensors"):
                digest = hashlib.sha256(self.truth.get(name, content)).hexdigest()
                entry["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 100}
            siblings.append(entry)
        return {
            "id": self.repo,
            "modelId": self.repo,
            "sha": COMMIT,
            "private": False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "siblings": siblings,
        }


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A running Hub."""
    held = Hub()

    class Answers(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Stay silent."""

        def reply(self, status: int, body: bytes, headers: dict[str, str], *, head: bool) -> None:
            self.send_response(status)
            for key, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            if not head:
                self.wfile.write(body)

        def answer(self, *, head: bool) -> None:
            path = self.path.split("?")[0]
            if path == "/api/models":
                return self.reply(200, b"[]", {}, head=head)
            if path in (f"/api/models/{held.repo}", f"/api/models/{held.repo}/revision/{COMMIT}"):
                return self.reply(
                    200,
                    json.dumps(held.info()).encode(),
                    {"Content-Type": "application/json"},
                    head=head,
                )
            start = f"/{held.repo}/resolve/{COMMIT}/"
            name = path.removeprefix(start)
            if path.startswith(start) and name in held.refuse:
                status, headers = held.refuse[name]
                return self.reply(status, b"", headers, head=head)
            if path.startswith(start) and name in held.files:
                if not head:
                    held.served.append(name)
                body = held.files[name]
                etag = hashlib.sha256(body).hexdigest()
                return self.reply(
                    200, body, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}, head=head
                )
            code = "RevisionNotFound" if "/revision/" in path else "RepoNotFound"
            return self.reply(404, b"", {"X-Error-Code": code}, head=head)

        def do_HEAD(self) -> None:
            """Headers only."""
            self.answer(head=True)

        def do_GET(self) -> None:
            """Headers and content."""
            self.answer(head=False)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    held.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield held
    server.shutdown()
    server.server_close()
    thread.join()
