"""The library of instructions: built-in ones and the user's own, in immutable versions.

A version is a file `<id>/<version>.yaml` that is never rewritten; editing makes the next one.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import yaml
from pydantic import ValidationError

from engine.errors import SettingsError, disk_errors_in_words
from engine.prompts.template import Template, compile_template
from engine.workspace import ASSETS

DEFAULT_TEMPLATE = "message-first"
CAREFUL_TEMPLATE = "careful"


def built_in() -> tuple[Template, ...]:
    """The templates shipped in assets."""
    return tuple(_read(path) for path in sorted((ASSETS / "templates").glob("*.yaml")))


def versions(folder: Path, template_id: str | None = None) -> tuple[Template, ...]:
    """Built-in templates and a project's own, oldest first within an id."""
    own = [_read(path) for path in sorted(folder.glob("*/*.yaml"), key=lambda p: (p.parent.name,
                                                                                  int(p.stem)))]
    everything = (*built_in(), *own)
    return tuple(t for t in everything if template_id in (None, t.id))


def find(folder: Path, ref: str) -> Template:
    """The template of `id@version`, or the latest of a bare `id`.

    Raises:
        SettingsError: there is none.
    """
    template_id, _, version = ref.partition("@")
    found = versions(folder, template_id)
    if version:
        found = tuple(t for t in found if str(t.version) == version)
    if not found:
        known = sorted({t.id for t in versions(folder)})
        raise SettingsError(f"There are no instructions “{ref}”.", f"Known: {', '.join(known)}.")
    return found[-1]


def save_version(folder: Path, text: str, *, parent: Template, note: str = "", author: str = "",
                 title: str | None = None) -> Template:
    """Keep an edited text as the next version; the same text again returns the version it already is.

    Raises:
        SettingsError: the text cannot be parsed.
    """
    compile_template(text)
    known = versions(folder, parent.id)
    same = [t for t in known if t.text == text]
    if same:
        return same[-1]
    made = Template(id=parent.id, version=max(t.version for t in (*known, parent)) + 1, text=text,
                    title=title or parent.title, note=note, author=author, parent=parent.ref,
                    created=datetime.now(UTC).isoformat(timespec="seconds"))
    path = folder / made.id / f"{made.version}.yaml"
    with disk_errors_in_words("the instructions"):
        path.parent.mkdir(parents=True, exist_ok=True)
        # "x": a version that exists is never overwritten, also when two tabs save at once.
        with open(path, "x", encoding="utf-8") as out:
            yaml.safe_dump(made.model_dump(), out, allow_unicode=True, sort_keys=False)
            out.flush()
            os.fsync(out.fileno())
    return made


def _read(path: Path) -> Template:
    try:
        return Template.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise SettingsError(f"The instructions in {path.name} are damaged.",
                            "Delete that file; other versions are kept.") from error
