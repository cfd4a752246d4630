"""The page process stays light; which way imports run is held by tests/test_house_rules.py."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "transformers", "peft", "sentence_transformers", "accelerate"}


def test_importing_the_app_reaches_no_heavy_library(anon_home: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import sys, app; print(*sorted({n.split('.')[0] for n in sys.modules}))"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    loaded = set(said.stdout.split())
    assert "gradio" in loaded
    assert not loaded & HEAVY


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in the file; `from a import b` gives a and a.b."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("path", files("ui"), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_page_file_imports_a_heavy_library(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & HEAVY
