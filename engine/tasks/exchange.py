"""A question as a file to give to others: CSV for spreadsheets, YAML for everything; and reading both back.

A CSV has one row a category or field; the question, its kind and its length stand in the first row, since
lines above the header would break a spreadsheet. Reading is tolerant (a bare list of names, `;` and tabs,
headers in four languages, the encodings of Excel), and what would be lost is refused with its row.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from engine.errors import InputError
from engine.spreadsheet import would_run
from engine.tasks.definition import FieldType, Task, TaskKind
from engine.workspace import as_yaml

HEAD = ("name", "definition", "actionable", "type", "question", "kind", "max_words")
_ALIASES = {
    "name": ("name", "names", "category", "categories", "label", "labels", "class", "field", "nombre",
             "categoría", "categoria", "categorías", "categorias", "etiqueta", "clase", "campo", "nom",
             "catégorie", "categorie", "catégories", "étiquette", "etiquette", "classe", "champ", "nome",
             "rótulo", "rotulo"),
    "definition": ("definition", "definitions", "description", "meaning", "definición", "definicion",
                   "descripción", "descripcion", "significado", "définition", "signification", "definição",
                   "definicao", "descrição", "descricao"),
    "actionable": ("actionable", "act", "action", "somebody must act", "accionable", "acción", "à traiter",
                   "acionável", "acionavel", "ação"),
    "type": ("type", "tipo"), "question": ("question", "pregunta", "pergunta"), "kind": ("kind",),
    "max_words": ("max_words", "max words", "words", "palabras", "mots", "palavras")}
_TRUE = frozenset(("true", "yes", "1", "x", "y", "✓", "sí", "si", "oui", "sim", "vrai", "verdadero",
                   "verdadeiro"))
_FALSE = frozenset(("", "false", "no", "0", "n", "-", "non", "não", "nao", "faux", "falso"))
_TYPES: dict[str, FieldType] = {
    "number": "number", "figure": "number", "count": "number", "número": "number", "numero": "number",
    "cifra": "number", "nombre": "number", "chiffre": "number",
    "text": "text", "words": "text", "texto": "text", "texte": "text"}
_SAID_ONCE = ("question", "kind", "max_words")  # stand in the first row only
_BESIDE = ("id", "title", "source", "order")    # of ready-made questions: no part of the question
_QUESTIONS = {"extract": "What does this text report?", "generate": "Summarise this text."}
MOST_BYTES = 1_000_000


def to_csv(task: Task) -> str:
    """One row a category or field, as spreadsheets open it: with the mark by which Excel knows UTF-8."""
    out = io.StringIO("\ufeff")
    out.seek(1)
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
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
    return as_yaml(task.model_dump(mode="json", exclude={"id"}))


def from_file(path: Path) -> Task:
    """A question from a `.csv`, `.tsv`, `.txt`, `.yaml` or `.yml` file.

    Raises:
        InputError: it cannot be read as a question, with the row where there is one.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"“{path.name}” cannot be opened.", "Choose the file again.") from error
    if len(raw) > MOST_BYTES:
        raise InputError(f"“{path.name}” is {len(raw) / 1e6:.0f} MB: a question is a short file.",
                         "Choose the file with the categories, not the documents.")
    text = _decoded(raw, path.name)
    return from_yaml(text) if path.suffix.lower() in (".yaml", ".yml") else from_csv(text)


def from_yaml(text: str) -> Task:
    """See `from_file`. Every value is read as text first: a category may be called “no” or “2024”."""
    try:
        found = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - builds text, lists and mappings only
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise InputError(f"The file is not readable YAML{where}.",
                         "Export a question to see the form.") from error
    if not isinstance(found, dict):
        raise InputError("The file holds no question.", "Export a question to see the form.")
    return _task({str(key): value for key, value in found.items() if key not in _BESIDE}, {})


def from_csv(text: str) -> Task:
    """See `from_file`. Also a bare list of categories, one a line; `;` and tabs are taken for commas."""
    rows = [(at, row) for at, row in enumerate(_rows(text.removeprefix("\ufeff")), start=1)
            if any(cell.strip() for cell in row)]
    if not rows:
        raise InputError("The file is empty.", "Write one category a line.")
    head = [_column(cell) for cell in rows[0][1]]
    headed = "name" in head
    if not headed:
        head = ["name", "definition"]
    known = [column for column in head if column]
    if len(set(known)) < len(known):
        twice = next(column for column in known if known.count(column) > 1)
        raise InputError(f"Two columns of row {rows[0][0]} both say the {twice}.", "Remove one of them.")
    table = [(at, _cells(at, head, row)) for at, row in rows[headed:]]
    said = {name: next((cells[name] for _, cells in table if cells.get(name, "").strip()), "")
            for name in _SAID_ONCE}
    entries = [(at, cells) for at, cells in table if cells.get("name", "").strip()]
    lost = next((at for at, cells in table if cells.get("definition", "").strip()
                 and not cells.get("name", "").strip()), None)
    if lost:
        raise InputError(f"Row {lost} has a definition, but no name.", "Give it a name, or remove the row.")
    typed = bool(entries) and all(cells.get("type", "").strip() for _, cells in entries)
    kind = said["kind"].strip().casefold() or ("extract" if typed else "single_label")
    if kind not in get_args(TaskKind):
        raise InputError(f"“{kind}” is not a kind of question.",
                         f"Use one of: {', '.join(get_args(TaskKind))}.")
    labels, fields, at_rows = _entries(entries, kind)
    values = {"question": said["question"] or _QUESTIONS.get(kind, "What is this message about?"),
              "kind": kind, "labels": labels, "fields": fields}
    if said["max_words"].strip():
        values["max_words"] = said["max_words"].strip()
    return _task(values, at_rows)


def _entries(rows: Sequence[tuple[int, dict[str, str]]], kind: str) -> tuple[
        list[dict[str, Any]], list[dict[str, Any]], dict[tuple[str, int], int]]:
    """Categories, fields, and the row of the file that each stands in."""
    made: dict[str, list[dict[str, Any]]] = {"labels": [], "fields": []}
    at_rows: dict[tuple[str, int], int] = {}
    for at, cells in rows:
        entry: dict[str, Any] = {"name": cells["name"], "definition": cells.get("definition", "")}
        act, kept_as = (cells.get(name, "").strip().casefold() for name in ("actionable", "type"))
        if act not in _TRUE | _FALSE:
            raise InputError(f"Row {at}: whether somebody must act is “{act}”.", "Write yes or no there.")
        if kept_as and kept_as not in _TYPES:
            raise InputError(f"Row {at}: “{kept_as}” is not a type.", "Write number or text there.")
        field = bool(kept_as) or (kind == "extract" and not act)
        where = "fields" if field else "labels"
        at_rows[where, len(made[where])] = at
        made[where].append(entry | ({"type": _TYPES.get(kept_as, "text")} if field else
                                    {"actionable": act in _TRUE}))
    return made["labels"], made["fields"], at_rows


def _cells(at: int, head: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    if any(cell.strip() for cell in row[len(head):]):
        raise InputError(f"Row {at} has more cells than there are columns.",
                         "Put quotation marks round a text that has a comma or semicolon in it, "
                         "or name all columns in the first row.")
    return {column: _plain(cell) for column, cell in zip(head, row, strict=False) if column}


def _rows(text: str) -> list[list[str]]:
    """Rows of cells, blank rows too, so that their numbers are a spreadsheet's."""
    if hint := re.match(r"sep=(.)\r?\n", text):
        return [[], *_split(text[hint.end():], hint[1])]
    first = next((line for line in text.splitlines() if line.strip()), "")
    for mark in ("\t", ";", ","):
        cells = next((row for row in _split(text, mark) if any(row)), [])
        if len(cells) > 1 and "name" in map(_column, cells):
            return _split(text, mark)
    lines = [line for line in text.splitlines() if line.strip()]
    for mark in ("\t", ";"):
        if lines and all(mark in line for line in lines):
            return _split(text, mark)
    if "," in first and _column(first.strip().strip('"')) != "name":
        return _split(text, ",")
    return [row if len(row) == 1 else [line] if row else []  # a bare list: a comma in it belongs to a name
            for line in text.splitlines() for row in _split(line, ",") or [[]]]


def _split(text: str, mark: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=mark))
    except csv.Error as error:
        raise InputError(f"The file cannot be read as a table: {error}.", "Save it as CSV, UTF-8.") from error


def _column(cell: str) -> str:
    plain = " ".join(cell.split()).casefold()
    return next((name for name, aliases in _ALIASES.items() if plain in aliases), "")


def _decoded(raw: bytes, name: str) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):  # “Unicode text” of Excel
        return raw.decode("utf-16", errors="replace")
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")) or b"\x00" in raw:
        raise InputError(f"“{name}” is a workbook or another program's file, not a list as text.",
                         "In the spreadsheet choose “Save as” and then CSV.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")  # what Excel writes in Europe and America


def _task(values: dict[str, Any], rows: dict[tuple[str, int], int]) -> Task:
    try:
        return Task.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
    place = first["loc"]
    row = ""
    if len(place) > 1 and isinstance(place[1], int):
        at = rows.get((str(place[0]), place[1]))
        row = f"row {at}: " if at else f"entry {place[1] + 1} of {place[0]}: "
    raise InputError(f"The file does not hold a question that can be asked: {row}{_words(first)}.",
                     "Mend that, then import it again.")


def _words(fault: Any) -> str:  # noqa: ANN401 - pydantic's own record
    what, limits = str(fault["loc"][-1]).replace("_", " "), fault.get("ctx", {})
    return {
        "string_too_long": f"the {what} is longer than {limits.get('max_length')} characters",
        "string_too_short": f"the {what} is missing or too short", "missing": f"the {what} is missing",
        "extra_forbidden": f"“{what}” is not part of a question",
        "literal_error": f"the {what} “{fault.get('input')}” is not one of {limits.get('expected')}",
        "bool_parsing": f"{what} says “{fault.get('input')}”, not yes or no",
        "string_type": f"the {what} is not a text",
    }.get(fault["type"], f"{what}: {str(fault['msg']).lower()}")


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith("'") or would_run(cell) else cell


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and (cell.startswith("''") or would_run(cell)) else cell
