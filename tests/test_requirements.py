"""The dependencies told in three places agree: what is imported, pyproject's ranges, the exact pins."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
owners_of_modules = cache(packages_distributions)  # modules to distributions; asks every installed one
OURS = {"app", "engine", "tests", "ui"}
# Each has its reason in pyproject, or is a tool.
NOT_IMPORTED = {"accelerate", "ruff", "pytest-timeout", "pytest-xdist"}
COMES_WITH = {"pydantic-core": "pydantic"}  # chosen by its owner to the patch: never pinned beside it
BESIDES_THE_TESTS = {"packaging"}  # pytest's own, and every large library's


def ranges(listed: list[str]) -> dict[str, Requirement]:
    """Requirements by their normalised names."""
    return {canonicalize_name(made.name): made for made in map(Requirement, listed)}


def pins(file: str) -> dict[str, str]:
    """Exact versions by normalised names; every line must be one, but for comments and `-r`."""
    made = {}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if not line or line.startswith(("#", "-r ")):
            continue
        match = re.fullmatch(r"([A-Za-z][\w.-]*)==(\d+(?:\.\d+)*(?:\.post\d+)?)", line)
        assert match, f"{file}: “{line}” is not name==version, plain and exact"
        name = canonicalize_name(match[1])
        assert name not in made, f"{file} pins {name} twice"
        made[name] = match[2]
    return made


def imported(*where: str) -> set[str]:
    """Distributions that the Python files under these paths import, at any level."""
    files = [path for name in where
             for path in ([ROOT / name] if name.endswith(".py") else sorted((ROOT / name).rglob("*.py")))]
    modules = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.split(".")[0])
    owners = owners_of_modules()
    found = {canonicalize_name(owners.get(module, [module])[0])
             for module in modules - OURS - set(sys.stdlib_module_names)}
    return {COMES_WITH.get(name, name) for name in found}


@pytest.mark.parametrize(("listed", "file"), [
    (PROJECT["dependencies"], "requirements.txt"),
    (PROJECT["optional-dependencies"]["test"], "requirements-test.txt"),
], ids=["studio", "tests"])
def test_each_dependency_is_pinned_within_its_range_and_nothing_else_is(listed: list[str], file: str) -> None:
    allowed, pinned = ranges(listed), pins(file)
    assert set(allowed) == set(pinned)
    outside = {name: pinned[name] for name, need in allowed.items() if pinned[name] not in need.specifier}
    assert not outside, f"{file} pins versions outside pyproject's ranges"
    assert all(need.specifier for need in allowed.values()), "a range says at least where it starts"


def test_pins_leave_the_build_to_the_machine() -> None:
    for file in ("requirements.txt", "requirements-test.txt"):
        text = (ROOT / file).read_text(encoding="utf-8")
        assert "nvidia" not in text.lower() and not re.search(r"^[^#]*[+;@]|^\s*--", text, re.MULTILINE)


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    declared = set(ranges(PROJECT["dependencies"]))
    assert imported("app.py", "engine", "ui") == declared - NOT_IMPORTED
    tools = set(ranges(PROJECT["optional-dependencies"]["test"]))
    assert imported("tests") <= declared | tools | BESIDES_THE_TESTS


def test_a_space_gets_the_gradio_that_is_pinned() -> None:
    readme = ROOT / "README.md"
    if not readme.is_file():
        pytest.skip("there is no README.md yet")
    front = re.match(r"---\n(.*?)\n---\n", readme.read_text(encoding="utf-8"), re.DOTALL)
    assert front, "README.md begins with a Space's front matter"
    told = yaml.safe_load(front[1])
    assert told["sdk"] == "gradio" and (ROOT / told["app_file"]).is_file()
    assert str(told["sdk_version"]) == pins("requirements.txt")["gradio"]
    assert told["python_version"] == "3.12", "a quoted 3.12: unquoted, 3.10 would read as 3.1"
