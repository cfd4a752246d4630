"""Limits of what is read, as an installation sets them: `settings.yaml` in the workspace's home."""

from __future__ import annotations

import difflib
from dataclasses import replace

import yaml

from engine.corpus.table import ReadOptions
from engine.errors import SettingsError
from engine.workspace import Workspace

LIMITS = ("max_upload_mb", "max_rows", "max_unpacked_mb", "max_files", "max_nesting", "max_pdf_pages")
FILE = "settings.yaml"
LINES = "It holds one line a limit, such as max_rows: 500000."


def with_limits(options: ReadOptions | None, workspace: Workspace) -> ReadOptions:
    """`options` under the limits of `settings.yaml` (a line a limit, `max_rows: 500000`).

    Raises `SettingsError` if the file cannot be read or names something that is no limit.
    """
    options = options or ReadOptions()
    path = workspace.shared / FILE  # visitors of a public page share one
    if not path.is_file():
        return options
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{FILE} cannot be read.", LINES) from error
    if not isinstance(given, dict):
        raise SettingsError(f"{FILE} is no list of limits.", LINES)
    for name, value in given.items():
        if name not in LIMITS:
            near = difflib.get_close_matches(str(name), LIMITS, n=1)
            known = f"Did you mean {near[0]}?" if near else f"The limits are {', '.join(LIMITS)}."
            raise SettingsError(f"{FILE} has no limit called “{name}”.", known)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise SettingsError(f"{name} in {FILE} is “{value}”.", "It must be a whole number above zero.")
    return replace(options, **given)
