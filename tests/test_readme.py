"""The README stays true: its map is the first line of every room, its commands are the parser's.

python -m tests.test_readme        prints the map
"""

from __future__ import annotations

import argparse
import ast
import re
from pathlib import Path

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


def section(title: str) -> str:
    """What stands under a heading of the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return readme.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_the_map_is_what_the_files_say() -> None:
    shown = [line for line in section("A map").splitlines() if line.startswith("- `")]
    assert shown == room_map(), "run python -m tests.test_readme and put its lines into the README"


def test_the_readme_has_the_commands_that_there_are() -> None:
    there = next(a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction)).choices
    lines = re.findall(r"^python -m engine (.+?)(?:  |$)", section("Command line"), re.MULTILINE)
    plain = [re.sub(r"\[.*?\]", "", line) for line in lines]  # of options the names of commands are no part
    named = {name for line in plain for name in re.findall(r"(?:^|\| ?)([a-z]+)", line)}
    assert named == set(there)


def test_every_picture_of_the_readme_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", readme) + re.findall(r'src="([^"]+)"', readme)
    assert pictures
    assert not [p for p in pictures if not (ROOT / p).is_file()]


if __name__ == "__main__":
    print("\n".join(room_map()))  # noqa: T201 - the point of running it
