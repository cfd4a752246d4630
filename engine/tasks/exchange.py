"""A question as a file to give to others: CSV for spreadsheets, YAML for everything; and reading both "
  "back."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from engine.errors import InputError
from engine.tasks.definition import Task, TaskKind

HEAD = ("name", "definition", "actionable", "type", "question", "kind", "max_words")
_ALIASES = {
    "name": ("name", "category", "label", "class", "field", "nombre", "categoría", "categoria", "etiqueta",
             "campo", "nom", "catégorie", "categorie", "étiquette", "champ", "nome"),
    "definition": ("definition", "description", "meaning", "definición", "definicion", "descripción",
                   "descripcion", "définition", "signification", "definição", "descrição"),
    "actionable": ("actionable", "act", "somebody must act", "accionable", "à traiter"),
    "type": ("type", "tipo"), "question": ("question", "pregunta", "pergunta"), "kind": ("kind",),
    "max_words": ("max_words",)}
_TRUE = frozenset(("true", "yes", "1", "x", "y", "sí", "si", "oui", "sim", "vrai"))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SAID_ONCE = ("question", "kind", "max_words")  # stand in the first row only
MOST_BYTES = 1_000_000


def to_csv(task: Task) -> str:
    """One row a category or field; question and kind stand in the first row. Opens in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    rows: list[list[str]] = [[label.name, label.definition, "yes" if label.actionable else "no", ""]
                             for label in task.labels]
    rows += [[field.name, field.definition, "", field.type] for field in task.fields]
    for i, row in enumerate(rows or [["", "", "", ""]]):
        first = [task.question, task.kind, str(task.max_words)] if i == 0 else ["", "", ""]
        writer.writerow([_safe(cell) for cell in (*row, *first)])
    return out.getvalue()


def to_yaml(task: Task) -> str:
    """The whole question, readable."""
    return yaml.safe_dump(task.model_dump(mode="json", exclude={"id"}), allow_unicode=True, sort_keys=False)


def from_file(path: Path) -> Task:
    """A question from a `.csv`, `.tsv`, `.txt`, `.yaml` or `.yml` file.

    Raises:
        InputError: it cannot be read as a question, with the row where there is one.
    """
    raw = path.read_bytes()
    if len(raw) > MOST_BYTES:
        raise InputError(f"“{path.name}” is {len(raw) / 1e6:.0f} MB: a question is a short file.",
                         "Choose the file with the categories, not the documents.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")  # what Excel writes in Europe and America
    return from_yaml(text) if path.suffix.lower() in (".yaml", ".yml") else from_csv(text)


def from_yaml(text: str) -> Task:
    """See `from_file`."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise InputError(f"The file is not readable YAML{where}.", "Export a question to see the "
                                                                   "form.") from error
    if not isinstance(found, dict):
        raise InputError("The file holds no question.", "Export a question to see the form.")
    beside = ("id", "title", "source", "order")  # of ready-made questions
    return _task({key: value for key, value in found.items() if key not in beside})


def from_csv(text: str) -> Task:
    """See `from_file`. Also a bare list of categories, one a line; `;` and tabs are taken for commas."""
    rows = [[cell.strip() for cell in row] for row in _rows(text)]
    rows = [row for row in rows if any(row)]
    if not rows:
        raise InputError("The file is empty.", "Write one category a line.")
    head = [_column(cell) for cell in rows[0]]
    if "name" not in head:
        head = ["name", "definition", *[""] * len(rows[0])]
    else:
        rows = rows[1:]
    labels: list[dict[str, Any]] = []
    fields: list[dict[str, Any]] = []
    said: dict[str, str] = {}
    for row in rows:
        cells = {column: _plain(cell) for column, cell in zip(head, row, strict=False) if column}
        for name in _SAID_ONCE:
            if cells.get(name):
                said.setdefault(name, cells[name])
        if not cells.get("name"):
            continue
        entry = {"name": cells["name"], "definition": cells.get("definition", "")}
        if cells.get("type"):
            fields.append(entry | {"type": cells["type"].lower()})
        else:
            labels.append(entry | {"actionable": cells.get("actionable", "").casefold() in _TRUE})
    kind = said.get("kind", "extract" if fields and not labels else "single_label")
    if kind not in get_args(TaskKind):
        raise InputError(f"“{kind}” is not a kind of question.", f"Use one of: "
                                                                 f"{', '.join(get_args(TaskKind))}.")
    words = {"max_words": said["max_words"]} if "max_words" in said else {}
    return _task({"question": said.get("question", "What is this message about?"), "kind": kind,
                  "labels": labels, "fields": fields, **words})


def _rows(text: str) -> list[list[str]]:
    lines = text.replace("\x00", "").splitlines()
    first = lines[0] if lines else ""
    delimiter = max((",", ";", "\t"), key=first.count)
    known = _column(first.split(delimiter)[0].strip().strip('"')) == "name"
    if not known and not any(first.count(mark) for mark in (",", ";", "\t")):
        return [[line] for line in lines]  # a bare list: a comma further down belongs to a name
    try:
        return list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
    except csv.Error as error:
        raise InputError(f"The file cannot be read as a table: {error}.", "Save it as CSV, UTF-8.") from error


def _column(cell: str) -> str:
    plain = cell.strip().casefold()
    return next((name for name, aliases in _ALIASES.items() if plain in aliases), "")


def _task(values: dict[str, Any]) -> Task:
    try:
        return Task.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = first["loc"]
        row = f"row {int(place[1]) + 1}: " if len(place) > 1 and isinstance(place[1], int) else ""
        raise InputError(f"The file does not hold a question that can be asked: {row}{place[-1]}: "
                         f"{first['msg']}.",
                         "Mend that row, then import it again.") from error


def _safe(cell: str) -> str:
    """A spreadsheet takes a cell that begins like this for a formula; the quote keeps it text."""
    return f"'{cell}" if cell.startswith((*_FORMULA, "'")) else cell


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_FORMULA, "'")) else cell


