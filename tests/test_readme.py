"""The README stays true: its map is the first line of every room, its commands are the parser's.

python -m tests.test_readme        prints the map
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from engine.cli import _parser

ROOT = Path(__file__).resolve().parent.parent


def room_map() -> list[str]:
    """One line a file or room of the engine, and of the page: its name and its caption."""
    found = [
        ROOT / "app.py",
        *sorted((ROOT / "engine").glob("*.py")),
        *sorted((ROOT / "engine").glob("*/__init__.py")),
        ROOT / "ui" / "__init__.py",
    ]
    lines = []
    for path in found:
        caption = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
        if path.name == "__init__.py":
            if path.parent.name != "engine":
                lines.append(f"- `{path.parent.relative_to(ROOT)}/` {caption}")
        elif not path.name.startswith("__"):
            lines.append(f"- `{path.relative_to(ROOT)}` {caption}")
    return lines


def test_the_map_is_what_the_files_say() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [line for line in room_map() if line not in readme]
    assert not missing, "run python -m tests.test_readme and put its lines into the README"


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "ingest",
        "ask",
        "plan",
        "run",
        "start",
        "runs",
        "watch",
        "report",
        "predict",
        "export",
        "models",
    ],
)
def test_every_command_of_the_readme_is_there(command: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"python -m engine [^\n]*\b{command}\b", readme)
    assert command in _parser().format_help()


def test_every_picture_of_the_readme_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", readme) + re.findall(r'src="([^"]+)"', readme)
    assert pictures
    assert not [p for p in pictures if not (ROOT / p).is_file()]


if __name__ == "__main__":
    print("\n".join(room_map()))  # noqa: T201 - the point of running it
