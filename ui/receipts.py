"""A receipt as the page shows it: what was read, kept, set aside, refused, cleaned; and the copies.

Text of documents is escaped: it is shown, never interpreted. Does not: read files.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ui import wording_documents as words
from ui.guard import notice, with_more

Receipt = Mapping[str, Any]
PRIVATE = "private"  # the cleaning step that masks
REMARKS_SHOWN = 4


def files_of(receipt: Receipt) -> Sequence[Mapping[str, Any]]:
    """The file receipts in a receipt's JSON, which holds a single file at its top."""
    return receipt.get("files") or [receipt]


def counts(receipt: Receipt) -> str:
    """Rows read, kept, set aside, copies and long documents, as a row of numbers."""
    dropped, copies, long = receipt["dropped"], receipt["duplicates"], receipt["in_pieces"]
    cells = [(receipt["rows_read"], words.DOCUMENTS_READ, ""),
             (receipt["documents"], words.DOCUMENTS_KEPT, ""),
             (sum(dropped.values()), words.DOCUMENTS_AWAY, words.documents_set_aside(dropped)),
             (copies, words.documents_copies_among(copies), "")]
    if long:
        cells.append((long, *words.documents_long(long, receipt["pieces"])))
    shown = "".join(f"<div><b>{number:,}</b> <span>{name}</span><small>{html.escape(why)}</small></div>"
                    for number, name, why in cells)
    return f'<div class="numbers">{shown}</div>'


def how_read(receipt: Receipt) -> str:
    """One line a file: format, encoding, delimiter, sheet, header row. Of many files the first few."""
    files = files_of(receipt)
    lines = [_how(file, len(files) > 1) for file in files[:words.DOCUMENTS_FILES_SHOWN]]
    if len(files) > len(lines):
        lines.append(words.documents_more_files(len(files) - len(lines)))
    return "".join(f'<p class="quiet">{html.escape(line)}</p>' for line in lines)


def _how(file: Mapping[str, Any], one_of_several: bool) -> str:
    parts = [f"“{file['name']}”", words.DOCUMENTS_FORMATS.get(file["format"], file["format"]),
             file["encoding"]]
    if file["delimiter"]:
        parts.append(words.documents_delimiter(file["delimiter"]))
    if file["sheet"]:
        parts.append(words.documents_sheet(file["sheet"]))
    if file["header_row"] is not None:
        parts.append(words.documents_header(file["header_row"]) if file["header_row"] >= 0
                     else words.documents_no_header())
    if one_of_several:
        parts.append(words.documents_of_file(file["documents"], file["rows_read"]))
    return " · ".join(part for part in parts if part)


def refused(receipt: Receipt) -> str:
    """Files of the upload that could not be used: name, what, what to do. Empty if there are none."""
    found = receipt["refused"]
    if not found:
        return ""
    items = [f'<li>{html.escape(one["what"])} <span class="quiet">{html.escape(one["fix"])}</span></li>'
             for one in found]
    said = f"<ul>{''.join(items[:REMARKS_SHOWN])}</ul>"
    if more := items[REMARKS_SHOWN:]:
        said += (f"<details><summary>{words.documents_more(len(more))}</summary>"
                 f'<ul>{"".join(more)}</ul></details>')
    return with_more(notice("warning", words.documents_refused(len(found))), said)


def remarks(receipt: Receipt) -> str:
    """Refusals, warnings, labels found, and what will be kept aside."""
    first = receipt["refused"][0]["what"] if receipt["refused"] else None
    warnings = [w for w in receipt["warnings"] if not (first and w.endswith(first))]  # told above, in full
    said = [refused(receipt), *(notice("warning", warning) for warning in warnings[:REMARKS_SHOWN])]
    if more := warnings[REMARKS_SHOWN:]:
        said.append(f"<details><summary>{words.documents_more(len(more))}</summary>"
                    f'{"".join(notice("warning", warning) for warning in more)}</details>')
    if receipt["labels_found"]:
        said.append(notice("note", words.documents_labels(receipt["labels_found"])))
    said.append(notice("note", words.documents_kept_aside(receipt["documents"] - receipt["duplicates"])))
    return "".join(said)


def first_rows(receipt: Receipt, most: int = 3) -> str:
    """The first documents as they will be read, of as many files as there are."""
    previews = [file["preview"] for file in files_of(receipt)[:most]]
    rows = [preview[i] for i in range(most) for preview in previews if i < len(preview)][:most]
    shown = [(row.get("id", ""), row.get("text", "")) for row in rows]
    return _titled(words.DOCUMENTS_FIRST_ROWS, _table(words.DOCUMENTS_TABLE_HEADS["rows"], shown, "rows"))


def roles(receipt: Receipt) -> str:
    """What each column was taken for, and why: for documents in use."""
    known = {role["column"]: role for file in reversed(files_of(receipt)) for role in reversed(file["roles"])}
    rows = [(role["column"], words.DOCUMENTS_ROLE_NAMES.get(role["role"], role["role"]), role["because"])
            for role in reversed(known.values())]
    return _titled(words.DOCUMENTS_ROLES,
                   _table(words.DOCUMENTS_TABLE_HEADS["roles"], rows, "roles stacked")) if rows else ""


def doubled(receipt: Receipt, repaired: bool) -> str:
    """Letters that were encoded twice, before and after. Empty if there are none."""
    found = receipt["doubled"]
    if not found:
        return ""
    say = words.documents_repaired if repaired else words.documents_doubled
    title = say(found["changed"], found["sampled"])
    box = notice("done", title) if repaired else notice("warning", title, words.DOCUMENTS_DOUBLED_WHY)
    return with_more(box, "".join(_change("", *example) for example in found["examples"]))


def private(receipt: Receipt, found: Mapping[str, Any] | None) -> str:
    """Private details by kind, each with examples, or where they are masked; and what is not looked for.

    `found`: the report of a reading in which they were not masked, if there was one.
    """
    said = f'<p class="quiet">{words.DOCUMENTS_PRIVATE_LIMITS}</p>'
    step = masking(receipt)
    if step:
        said += f"<p>{words.documents_masked(step['count'])}</p>"
    kinds = [kind for kind in (found or {}).get("kinds", ()) if kind["details"]]
    if kinds and not step:
        said += f"<p>{words.documents_private_found(found['with_details'], found['documents'])}</p>"
    elif not kinds and not step:
        said += f"<p>{words.DOCUMENTS_PRIVATE_NONE}</p>"
    for kind in kinds:
        title = words.documents_private_kind(kind["title"], kind["details"], kind["documents"])
        said += _figure(title, "".join(_pair(*example) for example in kind["examples"]))
    if step and not kinds and step["count"]:
        said += _change("", step["before"], step["after"])
    return said


def masking(receipt: Receipt) -> Mapping[str, Any] | None:
    """What the masking step did, or None if it was not among the steps."""
    return next((step for step in receipt["cleaning"] if step["name"] == PRIVATE), None)


def cleaning(receipt: Receipt) -> str:
    """One document before and after each step that changed something; masking is told elsewhere."""
    return "".join(_change(step["title"], step["before"], step["after"])
                   for step in receipt["cleaning"] if step["count"] and step["name"] != PRIVATE)


def copies(receipt: Receipt) -> str:
    """Groups of documents that say the same."""
    if not receipt["groups"]:
        return f'<p class="quiet">{words.DOCUMENTS_NO_COPIES}</p>'
    groups = "".join(
        f'<figure class="group"><figcaption>{words.documents_group(group["size"])}</figcaption>'
        + "".join(f"<div>{_text(text)}</div>" for text in group["examples"]) + "</figure>"
        for group in receipt["groups"])
    return (f"<p>{words.documents_more_groups(receipt['duplicates'])}</p>{groups}"
            f'<p class="quiet">{words.DOCUMENTS_COPIES_SAY}</p>')


def documents(rows: Iterable[Sequence[str]]) -> str:
    """Documents in use: name, text, and the facts kept beside it, where any has some."""
    heads, rows = words.DOCUMENTS_TABLE_HEADS["documents"], list(rows)
    if not any(row[-1] for row in rows):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    table = _table(heads, rows, "documents stacked")
    return f'<div class="tall" tabindex="0">{table}</div>'


def _change(title: str, before: str, after: str) -> str:
    return _figure(title, _pair(before, after))


def _pair(before: str, after: str) -> str:
    return (f"<div><small>{words.DOCUMENTS_BEFORE}</small>{_text(before)}</div>"
            f"<div><small>{words.DOCUMENTS_AFTER}</small>{_text(after)}</div>")


def _figure(title: str, body: str) -> str:
    caption = f"<figcaption>{html.escape(title)}</figcaption>" if title else ""
    return f'<figure class="change">{caption}{body}</figure>'


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
