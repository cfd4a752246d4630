"""The library of instructions: built-in ones and the user's own, in immutable versions.

A version is a file `<id>/<version>.yaml` that is never rewritten; editing makes the next one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import yaml
from pydantic import ValidationError

from engine.errors import SettingsError
from engine.prompts.template import Template, compile_template
from engine.workspace import ASSETS, write_new

DEFAULT_TEMPLATE = "message-first"
CAREFUL_TEMPLATE = "with-definitions"


def built_in() -> tuple[Template, ...]:
    """The templates shipped in assets."""
    return tuple(_read(path) for path in sorted((ASSETS / "templates").glob("*.yaml")))


def versions(folder: Path, template_id: str | None = None) -> tuple[Template, ...]:
    """Built-in templates and a project's own, oldest first within an id."""
    numbered = (path for path in folder.glob("*/*.yaml") if path.stem.isdigit())
    own = [_read(path) for path in sorted(numbered, key=lambda p: (p.parent.name, int(p.stem)))]
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


def others(folder: Path, used: Template, most: int = 5) -> tuple[Template, ...]:
    """Other instructions for the same kind of question and language: the latest of each, own ones first."""
    latest = {t.id: t for t in versions(folder)}
    fit = [t for t in latest.values() if t.id != used.id and t.kind == used.kind
           and t.language == used.language and t.suits in ("any", used.suits)]
    return tuple(sorted(fit, key=lambda t: t.parent is None))[:most]


def save_version(folder: Path, text: str, *, parent: Template, note: str = "", author: str = "",
                 title: str | None = None) -> Template:
    """Keep an edited text as the next version; the same text again returns the version it already is.

    Raises:
        SettingsError: the text cannot be parsed, is empty or too long.
    """
    compile_template(text)
    while True:
        known = versions(folder, parent.id)
        same = [t for t in known if t.text == text]
        if same:
            return same[-1]
        try:
            made = Template(id=parent.id, version=max(t.version for t in (*known, parent)) + 1,
                            text=text, answer=parent.answer, opening=parent.opening,
                            title=title or parent.title, note=note, author=author,
                            parent=parent.ref, created=datetime.now(UTC).isoformat(timespec="seconds"))
        except ValidationError as error:
            first = error.errors()[0]
            raise SettingsError(f"The instructions cannot be kept: {first['loc'][0]}: {first['msg']}.",
                                "Change that, then save again.") from error
        try:
            write_new(folder / made.id / f"{made.version}.yaml",
                      yaml.safe_dump(made.model_dump(), allow_unicode=True, sort_keys=False))
        except FileExistsError:  # another tab saved this version first: take the next number
            continue
        return made


def _read(path: Path) -> Template:
    try:
        return Template.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (ValueError, yaml.YAMLError) as error:  # pydantic's and UTF-8's errors are ValueErrors
        raise SettingsError(f"The instructions in {path.name} are damaged.",
                            "Delete that file; other versions are kept.") from error
