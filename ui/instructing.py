"""Pieces of the Instructions page as HTML: what is read and costs, answers tried, versions, changes.

All text is escaped. Does not: ask a model, or read files.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from ui import wording
from ui.guard import notice

MOST_BARS = 3


def facts(rendered: Any) -> str:  # noqa: ANN401 - a Rendered
    """Under the preview: length, opening, cost for all documents, and what the linter says."""
    tokens = wording.INSTRUCTIONS_NO_COUNT if rendered.tokens is None else \
        wording.instructions_tokens(rendered.tokens)
    lines = [f'<p class="quiet">{tokens}</p>']
    lines.append(f'<p class="quiet" id="cost">{html.escape(wording.instructions_cost(rendered))}</p>')
    if rendered.shortened:
        lines.append(notice("note", wording.INSTRUCTIONS_SHORTENED))
    if rendered.opening:
        lines.append(f'<p class="quiet">{html.escape(wording.instructions_opening(rendered.opening))}</p>')
    kinds = {"stop": "warning", "advice": "note"}
    lines += [notice(kinds[severity], text) for severity, text in rendered.notes] or [
        f'<p class="quiet">{wording.INSTRUCTIONS_FINE}</p>']
    return "".join(lines)


def difference(lines: Sequence[Sequence[Any]]) -> str:
    """What changed, word by word: underlined with + is new, struck through with − is gone."""
    if all(run.change == "same" for line in lines for run in line):
        return f'<p class="quiet">{wording.INSTRUCTIONS_SAME}</p>'
    tags = {"same": "{}", "added": "<ins>{}</ins>", "removed": "<del>{}</del>"}
    said = []
    for line in lines:
        changes = {run.change for run in line}
        mark = "±" if len(changes) > 1 else {"same": " ", "added": "+", "removed": "−"}[next(iter(changes))]
        said.append(f'<span aria-hidden="true">{mark} </span>' + "".join(
            tags[run.change].format(html.escape(run.text)) for run in line))
    key = (f'<p class="quiet"><ins>+ {wording.INSTRUCTIONS_ADDED}</ins> '
           f"<del>− {wording.INSTRUCTIONS_REMOVED}</del></p>")
    return f'{key}<pre class="difference">{chr(10).join(said)}</pre>'


def tried_table(results: Sequence[Any], before: Mapping[int, str]) -> str:
    """Answers of *Try on 10*; `before`: answer by document index of the try to compare with."""
    heads = "".join(f'<th scope="col">{head}</th>' for head in wording.INSTRUCTIONS_RESULTS_HEADS)
    rows = "".join(_row(result, before.get(result.index)) for result in results)
    return (f'<table class="plain tried stacked"><thead><tr>{heads}</tr></thead>'
            f"<tbody>{rows}</tbody></table>")


def _row(result: Any, before: str | None) -> str:  # noqa: ANN401 - a Tried
    was = ""
    if before is not None and before != result.label:
        was = f'<small class="was">{html.escape(wording.instructions_was(before))}</small>'
    heads = wording.INSTRUCTIONS_RESULTS_HEADS
    spread = _fields(result) if result.fields else _bars(result.probs)
    return (f'<tr{" class=changed" if was else ""}>'
            f'<td data-head="{heads[0]}"><span dir="auto" class="said">{html.escape(result.text)}'
            f'</span></td><td data-head="{heads[1]}"><b dir="auto">{html.escape(result.label)}</b>{was}</td>'
            f'<td data-head="{heads[2]}">{html.escape(result.sureness)}</td>'
            f'<td data-head="{heads[3]}">{spread}</td></tr>')


def _bars(probs: Mapping[str, float]) -> str:
    ranked = sorted(probs.items(), key=lambda item: -item[1])[:MOST_BARS]
    return "".join(
        f'<div class="bar"><span>{html.escape(name)}</span>'
        f'<i aria-hidden="true"><i style="width:{100 * share:.0f}%"></i></i>'
        f"<b>{wording.percent(share)}</b></div>" for name, share in ranked)


def _fields(result: Any) -> str:  # noqa: ANN401 - a Tried
    rows = "".join(f'<tr><th scope="row">{html.escape(name)}</th><td dir="auto">'
                   f'{html.escape(value) or f"<small>{html.escape(note)}</small>"}</td></tr>'
                   for name, value, note in result.fields)
    return f'<table class="plain rows">{rows}</table>'


def version_table(templates: Sequence[Any], in_use: str) -> str:
    """Every version, newest first, with note, author, parent and date."""
    heads = "".join(f'<th scope="col">{head}</th>' for head in wording.INSTRUCTIONS_VERSION_HEADS)
    rows = []
    for template in reversed(templates):
        mark = f" <small>({wording.INSTRUCTIONS_IN_USE})</small>" if template.ref == in_use else ""
        name = wording.instructions_version(template.title or template.id, template.version)
        parent = (template.parent or "").replace(f"{template.id}@", "v")
        cells = (template.note, template.author, parent, template.created.replace("T", " ")[:16])
        rows.append(f"<tr><td>{html.escape(name)}{mark}</td>"
                    + "".join(f'<td><span dir="auto">{html.escape(c)}</span></td>' for c in cells)
                    + "</tr>")
    return (f'<div class="scroll"><table class="plain versions"><thead><tr>{heads}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></div>")


def compared(before: Mapping[str, Any], name: str, results: Sequence[Any]) -> str:
    """What an edit did to the ten answers, in a sentence."""
    old = before["answers"]
    both = [r for r in results if r.index in old]
    changed = sum(old[r.index][0] != r.label for r in both)
    rose = sum(confidence(r) > old[r.index][1] + 0.02 for r in both if r.probs)
    fell = sum(confidence(r) < old[r.index][1] - 0.02 for r in both if r.probs)
    return wording.instructions_changed(before["name"], name, changed, len(results), rose, fell)


def confidence(result: Any) -> float:  # noqa: ANN401 - a Tried
    """How sure an answer is, 0 to 1; of several categories, of the one it is least sure of."""
    if not result.probs:
        return 0.0
    if result.label in result.probs:
        return result.probs[result.label]
    return min(max(p, 1 - p) for p in result.probs.values())
