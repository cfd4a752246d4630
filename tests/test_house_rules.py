"""The house's rules: who may import whom, what the page must not load, how files are named and how long."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("peft", "sentence_transformers", "torch", "transformers")
LONGEST = 350
# A room imports only itself and rooms above it. A name with a dot is one file of a room, standing elsewhere.
ROOMS = (
    "errors", "records", "progress", "workspace", "downloads", "spreadsheet",
    "views",  # what the page is shown, as plain values; several rooms make some
    "events", "devices", "tasks", "speeds", "corpus", "settings",
    "models", "embedding",  # the encoder is a model
    "metrics", "prompts", "cache", "teachers", "losses",
    "phase_plan", "plan", "presets",  # say what to do, so the rooms that do it come after them
    "ablations", "students", "estimates", "training", "evaluation", "export",
    "projects",
    "questioning", "schooling",  # what is asked, and what is taught, in a run
    "jobs.process", "jobs.folder",  # a run's folder and who works in it: the pipeline writes there
    "begun", "pipeline", "jobs", "documents_desk", "instructions_desk", "studio",
    "in_words", "telling", "cli", "__main__",
)
# By which ui enters the engine.
DOORS = {"engine.errors", "engine.phase_plan", "engine.plan", "engine.presets", "engine.records",
         "engine.studio"}
HOSTS = {"huggingface.co", "arxiv.org", "aclanthology.org", "doi.org", "www.apache.org", "localhost"}


def python_files(*folders: str) -> list[Path]:
    """Every Python file of these folders, and `app.py`."""
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return [*found, ROOT / "app.py"]


def here(path: Path) -> str:
    """A path as a reader would write it."""
    return path.relative_to(ROOT).as_posix()


def module(path: Path) -> str:
    """The dotted name of a file."""
    return here(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")


@cache
def parsed(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Dotted names of all modules that a file imports, at any level, for types only, too."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{here(path)} imports relatively"
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                place = ROOT / below.replace(".", "/")
                yield below if place.is_dir() or place.with_suffix(".py").is_file() else node.module


def room(name: str) -> str:
    """The room of an engine module: its own entry in the list if it has one, else its folder's."""
    inside = name.removeprefix("engine.")
    return inside if inside in ROOMS else inside.split(".")[0]


def test_the_engine_knows_nothing_of_the_page() -> None:
    broken = [f"{here(path)} imports {name}" for path in python_files("engine")[:-1] for name in imports(path)
              if name.split(".")[0] in ("app", "gradio", "tests", "ui")]
    assert not broken


def test_every_engine_file_stands_in_a_room_of_the_list() -> None:
    rooms = {room(module(path)) for path in python_files("engine")[:-1]} - {"engine"}
    assert rooms == set(ROOMS)


def test_a_room_imports_only_itself_and_rooms_above_it() -> None:
    broken = []
    for path in python_files("engine")[:-1]:
        own = room(module(path))
        for name in imports(path):
            if not name.startswith("engine."):
                continue
            other = room(name)
            if ROOMS.index(other) > ROOMS.index(own):
                broken.append(f"{here(path)} ({own}) imports {name} ({other})")
    assert not broken


def test_the_page_enters_the_engine_by_its_doors_only() -> None:
    broken = [f"{here(path)} imports {name}" for path in python_files("ui") for name in imports(path)
              if name.split(".")[0] == "engine" and name not in DOORS
              and (here(path), name) != ("ui/session.py", "engine.workspace")]
    assert not broken


def test_pages_never_import_pages() -> None:
    broken = [f"{here(path)} imports {name}" for path in sorted((ROOT / "ui/pages").glob("*.py"))
              for name in imports(path) if name.startswith("ui.pages")]
    assert not broken


def test_the_page_process_loads_no_model_library() -> None:
    pages = [module(path) for path in sorted((ROOT / "ui").rglob("*.py"))]
    code = (f"import app, engine.studio, importlib, json, sys\n"
            f"for name in {pages}: importlib.import_module(name)\n"
            f"print(json.dumps([name for name in {HEAVY} if name in sys.modules]))")
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout.splitlines()[-1]) == []


def test_every_file_has_a_caption() -> None:
    broken = [here(path) for path in python_files("engine", "ui", "tests")
              if not re.match(r"\S.{10,}", ast.get_docstring(parsed(path)) or "")]
    assert not broken, "the first line of a file says in plain words what it is"


def test_no_file_grew_too_long() -> None:
    lengths = {here(path): len(path.read_text(encoding="utf-8").splitlines())
               for path in python_files("engine", "ui", "tests")}
    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST}


def test_no_drawer_for_odds_and_ends() -> None:
    drawers = re.compile(r"(^|_)(common|helpers?|misc|util(itie)?s?)(_|$)")
    named = [here(path) for folder in ("engine", "ui", "tests") for path in (ROOT / folder).rglob("*")
             if "__pycache__" not in path.parts and drawers.search(path.stem)]
    assert not named


def written(*folders: str) -> Iterator[tuple[str, str]]:
    """Every line that people wrote in the root's and these folders' files, with its place."""
    kinds = ("*.py", "*.toml", "*.txt", "*.yaml", "*.md", "*.css", "Makefile", "run")
    for kind in kinds:
        paths = [*ROOT.glob(kind), *(path for folder in folders for path in (ROOT / folder).rglob(kind))]
        for path in paths:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                yield f"{here(path)}:{number}", line


def test_no_line_names_a_folder_of_somebodys_machine() -> None:
    folders = re.compile(r"(?<![\w.~/-])/(?:Users|home|mnt|root|srv|work|workspace)/\w+")
    broken = [f"{place} {found}" for place, line in written(".ci", "assets", "engine", "tests", "ui")
              for found in folders.findall(line)]
    assert not broken


def test_the_studio_knows_few_addresses() -> None:
    broken = [f"{place} {host}" for place, line in written(".ci", "assets", "engine", "ui")
              for host in re.findall(r"https?://([\w.-]+)", line)
              if host not in HOSTS and not host.startswith("127.") and not host.endswith(".example")]
    assert not broken
