"""What the page shows of an upload in hand: what was read, the choices to change it, or why it was refused.

Values by the names of components, as `ui/pages/documents.py` builds them. Does not: read files.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from engine.errors import EngineError
from engine.studio import Reading
from ui import columns_table, receipts
from ui import wording_documents as words
from ui.guard import notice, problem
from ui.reading_form import Held, decided, shown
from ui.session import studio_for

Values = dict[str, Any]  # components by name → what they are to show; the others stay as they are


def ways_to_read() -> Values:
    """The choices under *Read it differently*."""
    def choice(label: str, info: str, choices: Iterable[tuple[str, str]], name: str) -> gr.Dropdown:
        return gr.Dropdown([(words.DOCUMENTS_GUESS, ""), *choices], value="", label=label, info=info,
                           elem_id=f"how-{name}", min_width=0)
    return {
        "named": gr.Textbox(label=words.DOCUMENTS_NAMED, info=words.DOCUMENTS_NAMED_INFO, max_length=200,
                            visible=False, elem_id="how-named"),
        "encoding": choice(words.DOCUMENTS_ENCODING, words.DOCUMENTS_ENCODING_INFO,
                           words.DOCUMENTS_ENCODINGS.items(), "encoding"),
        "delimiter": choice(words.DOCUMENTS_DELIMITER, words.DOCUMENTS_DELIMITER_INFO,
                            words.DOCUMENTS_DELIMITERS.items(), "delimiter"),
        "sheet": choice(words.DOCUMENTS_SHEET, words.DOCUMENTS_SHEET_INFO, (), "sheet"),
        "header": choice(words.DOCUMENTS_HEADER, words.DOCUMENTS_HEADER_INFO, _header_rows(), "header"),
        "lines": choice(words.DOCUMENTS_LINES, words.DOCUMENTS_LINES_INFO,
                        words.DOCUMENTS_LINES_CHOICES.items(), "lines")}


def _header_rows() -> list[tuple[str, str]]:
    rows = range(words.DOCUMENTS_HEADER_ROWS)
    return [(words.DOCUMENTS_NO_HEADER, "-1"), *((words.documents_row(n), str(n)) for n in rows)]


def in_hand(held: Held, reading: Reading) -> Values:
    """An upload that was read and is not in use yet."""
    receipt = reading.receipt
    on = gr.Column(visible=True)
    done = {step["name"]: step["count"] for step in receipt["cleaning"]}
    step_names = [(words.documents_step(title, done.get(name)), name) for name, title in held.titles.items()]
    changed = sum(bool(number) for name, number in done.items() if name != receipts.PRIVATE)
    step, found = receipts.masking(receipt), (held.private or {}).get("with_details", 0)
    masked = step["count"] if step else None
    name = re.sub(r"[^\w.-]+", "-", Path(held.paths[0]).stem)
    return {
        "status": notice("note", words.DOCUMENTS_NOT_YET, held.beside), "held": held,
        "mark": reading.folder.name,
        "in_use": gr.Column(visible=False), "bring": gr.Accordion(open=False), "preview": on, "read": on,
        "rows_box": on, "more": on, "numbers": receipts.counts(receipt), "how": receipts.how_read(receipt),
        "receipt": as_file(studio_for(held.visitor).masked_receipt(receipt), reading.folder.name, name),
        "remarks": receipts.remarks(receipt), "rows": receipts.first_rows(receipt),
        "doubled_box": gr.Column(visible=bool(receipt["doubled"])),
        "doubled": receipts.doubled(receipt, held.shown.repair), "repair": held.shown.repair,
        **columns_table.updates(columns_table.columns_of(receipt), held.order), **_choices(held),
        "private_box": gr.Accordion(label=words.documents_private(found, masked)),
        "private": receipts.private(receipt, held.private), "mask": held.shown.mask,
        "cleaning_box": gr.Accordion(label=words.documents_cleaning(changed)),
        "steps": gr.CheckboxGroup(choices=step_names, value=list(held.shown.steps)),
        "changes": receipts.cleaning(receipt),
        "copies_box": gr.Accordion(label=words.documents_copies(receipt["duplicates"])),
        "copies": receipts.copies(receipt)}


def _choices(held: Held) -> Values:
    """What stands under *Read it differently*: what fits these files, with what was decided for them."""
    receipt, now = (held.reading.receipt if held.reading else None), held.shown
    files = receipts.files_of(receipt) if receipt else ()

    def choice(value: str, fact: str, choices: Iterable[tuple[str, str]], fits: bool) -> gr.Dropdown:
        guess = decided(receipt, fact) if receipt and not value else ""
        return gr.Dropdown(choices=[(words.documents_guess(guess), ""), *choices], value=value,
                           visible=fits or not receipt)
    sheets = dict.fromkeys(sheet for file in files for sheet in file["sheets"])
    return {
        "named": gr.Textbox(value=now.named, visible=not receipt),
        "encoding": choice(now.encoding, "encoding", words.DOCUMENTS_ENCODINGS.items(),
                           any(file["encoding"] for file in files)),
        "delimiter": choice(now.delimiter, "delimiter", words.DOCUMENTS_DELIMITERS.items(),
                            any(file["delimiter"] or file["format"] == "txt" for file in files)),
        "sheet": gr.Dropdown(choices=[(words.documents_guess(decided(receipt, "sheet") if receipt else ""),
                                       ""), *((name, name) for name in sheets)],
                             value=now.sheet, visible=len(sheets) > 1),
        "header": choice(now.header, "header_row", _header_rows(),
                         any(file["header_row"] is not None for file in files)),
        "lines": gr.Dropdown(choices=[(words.DOCUMENTS_GUESS, ""), *words.DOCUMENTS_LINES_CHOICES.items()],
                             value=now.lines, visible=any(file["format"] == "txt" for file in files))}


def refused(held: Held, error: EngineError) -> Values:
    """Say why. A reading before this one stays, with its choices; a first one offers what could help."""
    now = shown(held)
    if held.reading:
        columns = columns_table.columns_of(held.reading.receipt)
        return {"status": notice("problem", error.what, words.DOCUMENTS_STAYS, error.fix),
                **columns_table.choices(columns, held.order), **_choices(held), "repair": now.repair,
                "mask": now.mask, "steps": list(now.steps)}
    off = gr.Column(visible=False)
    return {"status": problem(error), "held": replace(held, shown=now), "in_use": off,
            "preview": gr.Column(visible=True), "read": off, "columns_box": off, "rows_box": off, "more": off,
            "wrong": gr.Accordion(open=True), **columns_table.choices({}, ()), **_choices(held),
            "repair": now.repair, "mask": now.mask}


def forget(held: Held | None) -> None:
    """Remove a reading that is not wanted, and its receipt."""
    if held and held.reading:
        forget_file(held.reading.folder.name)
        studio_for(held.visitor).leave_reading(held.reading)


def forget_file(key: str) -> None:
    """Remove the receipt of this key from where the browser may download it."""
    shutil.rmtree(_place(key), ignore_errors=True)


def _place(key: str) -> Path:
    """A folder in Gradio's own cache, from which the browser may download."""
    return Path(get_upload_folder()) / f"receipt-{key}"


def as_file(receipt: Values, key: str, name: str) -> str:
    """A receipt as a file to download; one of the same key is replaced."""
    path = _place(key) / f"receipt-{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(receipt, ensure_ascii=False, indent=2), encoding="utf-8")
    return str(path)
