"""Pieces of the Instructions page as HTML: answers tried, versions, and what an edit changed.

All text is escaped. Does not: ask a model, or read files.
"""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ui import wording

MOST_BARS = 3


def difference(before: str, after: str) -> str:
    """What `after` changes in `before`, word by word: underlined is new, struck through is gone."""
    if before == after:
        return f'<p class="quiet">{wording.INSTRUCTIONS_SAME}</p>'
    old, new = (re.findall(r"\s+|\w+|[^\w\s]", text) for text in (before, after))
    parts = []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = html.escape("".join(old[i:j])), html.escape("".join(new[k:m]))
        if kind == "equal":
            parts.append(gone)
        else:
            parts.append(f"<del>{gone}</del>" * bool(gone) + f"<ins>{come}</ins>" * bool(come))
    key = (f'<p class="quiet"><ins>{wording.INSTRUCTIONS_ADDED}</ins> '
           f"<del>{wording.INSTRUCTIONS_REMOVED}</del></p>")
    return f'{key}<pre class="difference">{"".join(parts)}</pre>'


def tried_table(results: Sequence[Any], before: Mapping[int, str]) -> str:
    """Answers of *Try on 10*; `before`: label by document index of the try to compare with."""
    heads = "".join(f'<th scope="col">{head}</th>' for head in wording.INSTRUCTIONS_RESULTS_HEADS)
    rows = "".join(_row(result, before.get(result.index)) for result in results)
    return (f'<table class="plain tried stacked"><thead><tr>{heads}</tr></thead>'
            f"<tbody>{rows}</tbody></table>")


def _row(result: Any, before: str | None) -> str:  # noqa: ANN401 - a Tried
    was = ""
    if before is not None and before != result.label:
        was = f'<small class="was">{html.escape(wording.instructions_was(before))}</small>'
    ranked = sorted(result.probs.items(), key=lambda item: -item[1])[:MOST_BARS]
    bars = "".join(
        f'<div class="bar"><span>{html.escape(name)}</span>'
        f'<i aria-hidden="true"><i style="width:{100 * share:.0f}%"></i></i>'
        f"<b>{wording.percent(share)}</b></div>" for name, share in ranked)
    heads = wording.INSTRUCTIONS_RESULTS_HEADS
    return (f'<tr{" class=changed" if was else ""}>'
            f'<td data-head="{heads[0]}"><span dir="auto" class="said">{html.escape(result.text)}'
            f'</span></td><td data-head="{heads[1]}"><b>{html.escape(result.label)}</b>{was}</td>'
            f'<td data-head="{heads[2]}">{html.escape(result.sureness)}</td>'
            f'<td data-head="{heads[3]}">{bars}</td></tr>')


def version_table(templates: Sequence[Any], in_use: str) -> str:
    """Every version, newest first, with note, author and date."""
    heads = "".join(f'<th scope="col">{head}</th>' for head in wording.INSTRUCTIONS_VERSION_HEADS)
    rows = []
    for template in reversed(templates):
        mark = f" <small>({wording.INSTRUCTIONS_IN_USE})</small>" if template.ref == in_use else ""
        name = wording.instructions_version(template.title or template.id, template.version)
        cells = (template.note, template.author, template.created.replace("T", " ")[:16])
        rows.append(f"<tr><td>{html.escape(name)}{mark}</td>"
                    + "".join(f'<td><span dir="auto">{html.escape(c)}</span></td>' for c in cells)
                    + "</tr>")
    return (f'<div class="scroll"><table class="plain versions"><thead><tr>{heads}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></div>"
            f'<p class="quiet">{wording.INSTRUCTIONS_RESTORE}</p>')
