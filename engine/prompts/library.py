"""The library of instructions: built-in ones and the user's own, in immutable versions.

A version is a file `<id>/<version>.yaml` that is never rewritten; editing makes the next one.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from engine.errors import SettingsError
from engine.prompts.sandbox import compile_template
from engine.prompts.template import Template
from engine.records import text_digest
from engine.tasks.definition import TaskKind
from engine.workspace import ASSETS, as_yaml, write_new

DEFAULT_TEMPLATE = "message-first"
DEFAULTS: dict[TaskKind, str] = {"single_label": DEFAULT_TEMPLATE, "multi_label": "yes-or-no",
                                 "extract": "facts", "generate": "one-line"}
"""What a question of each kind is asked with until the analyst chooses."""
CAREFUL_TEMPLATE = "meanings-first"
log = logging.getLogger(__name__)


def built_in() -> tuple[Template, ...]:
    """The templates shipped in assets, by name."""
    return tuple(_read(path) for path in sorted((ASSETS / "templates").glob("*.yaml"), key=lambda p: p.stem))


def versions(folder: Path, template_id: str | None = None) -> tuple[Template, ...]:
    """Built-in templates and a project's own; within an id the one in use last.

    That is the analyst's newest, also where a later program ships a newer built-in or the same number. A
    damaged file is passed over here: `find` says what is the matter with it.
    """
    own = []
    for path in _own(folder, template_id):
        try:
            own.append(_read(path))
        except SettingsError as error:
            log.warning("%s %s", error.what, error.fix)
    kept = {t.ref for t in own}
    shipped = [t for t in built_in() if template_id in (None, t.id) and t.ref not in kept]
    return (*shipped, *own)


def find(folder: Path, ref: str) -> Template:
    """The template of `id@version`, or the latest of a bare `id`.

    Raises:
        SettingsError: there is none, or that version's file is damaged.
    """
    template_id, _, version = ref.partition("@")
    found = versions(folder, template_id)
    if version:
        found = tuple(t for t in found if str(t.version) == version) or tuple(
            _read(path) for path in _own(folder, template_id) if path.stem == version)
    if not found:
        known = sorted({t.id for t in versions(folder)})
        raise SettingsError(f"There are no instructions “{ref}”.", f"Known: {', '.join(known)}.")
    return found[-1]


def others(folder: Path, used: Template, most: int = 5) -> tuple[Template, ...]:
    """Other instructions for the same kind of question and language: the latest of each, own ones first.

    Then those for asking again: a small budget pays for trying the first few only.
    """
    latest = {t.id: t for t in versions(folder)}
    fit = [t for t in latest.values() if t.id != used.id and t.kind == used.kind
           and t.language == used.language and t.suits in ("any", used.suits)]
    return tuple(sorted(fit, key=lambda t: (t.parent is None, not t.id.startswith(CAREFUL_TEMPLATE))))[:most]


def shelf(folder: Path, kind: TaskKind, language: str = "",
          suits: str = "") -> dict[str, tuple[Template, ...]]:
    """Instructions for a kind of question, by id in the order of the list: all versions, the latest last.

    `language` and `suits` leave out others where they are given; what suits anything always stays.
    """
    found: dict[str, tuple[Template, ...]] = {}
    for template in versions(folder):
        if template.kind == kind and language in ("", template.language) and (
                template.suits in ("any", suits) or not suits):
            found[template.id] = (*found.get(template.id, ()), template)
    return found


def save_version(folder: Path, text: str, *, parent: Template, note: str = "", author: str = "",
                 title: str | None = None) -> Template:
    """Keep an edited text as the next version; the latest text again returns that version.

    Raises:
        SettingsError: the text cannot be parsed, is empty or too long.
    """
    compile_template(text)
    while True:
        known = versions(folder, parent.id) or (parent,)
        if known[-1].text == text:
            return known[-1]
        number = 1 + max(*(t.version for t in (*known, parent)),
                         *(int(path.stem) for path in _own(folder, parent.id)))
        made = _made(parent, version=number, text=text, note=note, author=author,
                     title=title or parent.title, parent=parent.ref)
        try:
            return _keep(folder, made)
        except FileExistsError:  # another tab saved this version first: take the next number
            continue


def restore(folder: Path, ref: str, author: str = "") -> Template:
    """An older version's text as the newest version; nothing in between is lost.

    Raises:
        SettingsError: there is no such version.
    """
    old = find(folder, ref)
    newest = find(folder, old.id)
    if newest.text == old.text:
        return newest
    return save_version(folder, old.text, parent=newest, note=f"restored from version {old.version}",
                        author=author)


def make_own(folder: Path, title: str, like: Template, author: str = "") -> Template:
    """New instructions under a title of their own, beginning as a copy of others.

    Raises:
        SettingsError: the title is empty, or instructions of that name are there already.
    """
    if not re.search(r"\w", title):
        raise SettingsError("New instructions need a title with a letter or a digit in it.", "Write one.")
    plain = "".join(c for c in unicodedata.normalize("NFKD", title).lower() if not unicodedata.combining(c))
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50].strip("-")
    if not name:  # a title in another script
        name = f"own-{text_digest(title.strip())[:8]}"
    taken = {t.id for t in versions(folder)}
    if name in taken:
        raise SettingsError(f"There are instructions called “{title.strip()}” already.",
                            "Choose another title, or edit those.")
    made = _made(like, id=name, version=1, title=title.strip(), author=author, parent=like.ref,
                 note=f"begun as a copy of {like.title or like.id}")
    try:
        return _keep(folder, made)
    except FileExistsError as error:
        raise SettingsError(f"There are instructions called “{title.strip()}” already.",
                            "Choose another title.") from error


def _made(like: Template, **changes: Any) -> Template:  # noqa: ANN401 - fields of a template
    """A template like another, made now."""
    try:
        return Template(**{**like.model_dump(), **changes,
                           "created": datetime.now(UTC).isoformat(timespec="seconds")})
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"The instructions cannot be kept: {first['loc'][0]}: {first['msg']}.",
                            "Change that, then save again.") from error


def _keep(folder: Path, made: Template) -> Template:
    """Write a version's file. Raises `FileExistsError` if it is there: versions are never rewritten."""
    write_new(folder / made.id / f"{made.version}.yaml",
              as_yaml(made.model_dump()))
    return made


def _own(folder: Path, template_id: str | None = None) -> list[Path]:
    """Files of a project's own versions, in order."""
    numbered = (path for path in folder.glob("*/*.yaml") if path.stem.isdigit())
    return [path for path in sorted(numbered, key=lambda p: (p.parent.name, int(p.stem)))
            if template_id in (None, path.parent.name)]


def _read(path: Path) -> Template:
    try:
        return Template.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (ValueError, yaml.YAMLError) as error:  # pydantic's and UTF-8's errors are ValueErrors
        raise SettingsError(f"The instructions in {path} are damaged.",
                            "Delete that file; other versions are kept.") from error
