"""A receipt as the page shows it: what was read, kept, set aside, cleaned; and the copies.

Text of documents is escaped: it is shown, never interpreted. Does not: read files.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ui import wording
from ui.guard import notice

Receipt = Mapping[str, Any]


def files_of(receipt: Receipt) -> Sequence[Mapping[str, Any]]:
    """The file receipts in a receipt's JSON, which holds a single file at its top."""
    return receipt.get("files") or [receipt]


def counts(receipt: Receipt) -> str:
    """Rows read, kept, set aside and copies, as a row of numbers."""
    dropped = receipt["dropped"]
    away = sum(dropped.values())
    cells = [(f"{receipt['rows_read']:,}", "read", ""),
             (f"{receipt['documents']:,}", "kept", ""),
             (f"{away:,}", "set aside", wording.documents_set_aside(dropped)),
             (f"{receipt['duplicates']:,}",
              "copy among them" if receipt["duplicates"] == 1 else "copies among them", "")]
    shown = "".join(f"<div><b>{number}</b> <span>{name}</span>"
                    f"<small>{html.escape(why)}</small></div>" for number, name, why in cells)
    return f'<div class="numbers">{shown}</div>'


def how_read(receipt: Receipt) -> str:
    """One line a file: format, encoding, delimiter, header row."""
    return "".join(f'<p class="quiet">{html.escape(_how(file))}</p>' for file in files_of(receipt))


def _how(file: Mapping[str, Any]) -> str:
    signs = {sign: name for name, sign in wording.DOCUMENTS_DELIMITERS.items()}
    parts = [f"“{file['name']}”", wording.DOCUMENTS_FORMATS.get(file["format"], file["format"]),
             file["encoding"]]
    if file["delimiter"]:
        parts.append(f"columns parted by {signs.get(file['delimiter'], file['delimiter'])}")
    if file["sheet"]:
        parts.append(f"sheet “{file['sheet']}”")
    if file["header_row"] is not None and file["header_row"] >= 0:
        parts.append(f"column names in row {file['header_row'] + 1}")
    return " · ".join(part for part in parts if part)


def remarks(receipt: Receipt) -> str:
    """Warnings, labels found, and what will be kept aside."""
    said = [notice("warning", warning) for warning in receipt["warnings"]]
    if receipt["labels_found"]:
        said.append(notice("note", wording.documents_labels(receipt["labels_found"])))
    said.append(notice("note", wording.documents_kept_aside(receipt["documents"])))
    return "".join(said)


def first_rows(receipt: Receipt, most: int = 3) -> str:
    """The first documents as they will be read."""
    rows = [(row.get("id", ""), row.get("text", "")) for file in files_of(receipt)
            for row in file["preview"]]
    return _titled(wording.DOCUMENTS_FIRST_ROWS,
                   _table(wording.DOCUMENTS_TABLE_HEADS["rows"], rows[:most], "rows"))


def roles(receipt: Receipt) -> str:
    """What each column was taken for, and why."""
    several = len(files_of(receipt)) > 1
    rows = [(f"{file['name']}: {role['column']}" if several else role["column"],
             wording.DOCUMENTS_ROLE_NAMES.get(role["role"], role["role"]), role["because"])
            for file in files_of(receipt) for role in file["roles"]]
    return _titled(wording.DOCUMENTS_ROLES,
                   _table(wording.DOCUMENTS_TABLE_HEADS["roles"], rows, "roles")) if rows else ""


def cleaning(receipt: Receipt) -> str:
    """One document before and after each step that changed something."""
    return "".join(
        f'<figure class="change"><figcaption>{html.escape(step["title"])}</figcaption>'
        f"<div><small>{wording.DOCUMENTS_BEFORE}</small>{_text(step['before'])}</div>"
        f"<div><small>{wording.DOCUMENTS_AFTER}</small>{_text(step['after'])}</div></figure>"
        for step in receipt["cleaning"] if step["count"])


def copies(receipt: Receipt) -> str:
    """Groups of documents that say the same."""
    if not receipt["groups"]:
        return f'<p class="quiet">{wording.DOCUMENTS_NO_COPIES}</p>'
    groups = "".join(
        f'<figure class="group"><figcaption>{wording.documents_group(group["size"])}</figcaption>'
        + "".join(f"<div>{_text(text)}</div>" for text in group["examples"]) + "</figure>"
        for group in receipt["groups"])
    return (f"<p>{wording.documents_more_groups(receipt['duplicates'])}</p>{groups}"
            f'<p class="quiet">{wording.DOCUMENTS_COPIES_SAY}</p>')


def documents(rows: Iterable[Sequence[str]]) -> str:
    """Documents in use: name, text, and the facts kept beside it."""
    table = _table(wording.DOCUMENTS_TABLE_HEADS["documents"], rows, "documents stacked")
    return f'<div class="tall" tabindex="0">{table}</div>'


def _titled(title: str, body: str) -> str:
    return f"<h3>{html.escape(title)}</h3>{body}"


def _text(text: str) -> str:
    return f'<span dir="auto" class="said">{html.escape(text)}</span>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str) -> str:
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in heads)
    named = [html.escape(name) for name in heads]
    body = "".join("<tr>" + "".join(f'<td data-head="{name}">{_text(str(cell))}</td>'
                                    for name, cell in zip(named, row, strict=True)) + "</tr>"
                   for row in rows)
    return (f'<div class="scroll"><table class="plain {kind}"><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")
