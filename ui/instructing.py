"""Pieces of the Instructions page as HTML: what is read and costs, answers tried, versions, changes.

All text is escaped. Does not: ask a model, or read files.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from engine.studio import Rendered, Tried
from ui import wording
from ui.bars import bar
from ui.guard import notice

MOST_BARS = 3
APPLIES = 0.5  # of several categories, those from here on are shown at once
MOVED = 0.02  # of probability: less is called the same


def facts(rendered: Rendered) -> str:
    """Under the preview: length, opening, cost for all documents, and what the linter says."""
    tokens = wording.INSTRUCTIONS_NO_COUNT if rendered.tokens is None else \
        wording.instructions_tokens(rendered.tokens, rendered.shared)
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


def tried_table(results: Sequence[Tried], before: Mapping[int, Tried]) -> str:
    """Answers of *Try on 10*; `before`: by document index, those of the try to compare with."""
    chosen = any(result.probs for result in results)
    names = wording.INSTRUCTIONS_RESULTS_HEADS if chosen else wording.INSTRUCTIONS_WRITTEN_HEADS
    heads = "".join(f'<th scope="col">{head}</th>' for head in names)
    rows = "".join(_row(names, result, before.get(result.index)) for result in results)
    return (f'<table class="plain tried stacked"><thead><tr>{heads}</tr></thead>'
            f"<tbody>{rows}</tbody></table>")


def _row(heads: Sequence[str], result: Tried, before: Tried | None) -> str:
    changed = before is not None and before.label != result.label
    text = f'<span dir="auto" class="said">{html.escape(result.text)}</span>'
    was = _was(before.label) if changed else ""
    if result.probs:
        cells = [text, f'<b dir="auto">{html.escape(result.label)}</b>{was}', html.escape(result.sureness),
                 _bars(result.probs)]
    else:
        said = _fields(result, before) if result.fields else \
            f'<span dir="auto">{html.escape(result.label)}</span>'
        note = f'<small class="missing">{html.escape(result.sureness)}</small>' if result.sureness else ""
        cells = [text, f"{said}{note}{'' if result.fields else was}"]
    return (f"<tr{' class=changed' if changed else ''}>"
            + "".join(f'<td data-head="{head}">{cell}</td>' for head, cell in zip(heads, cells, strict=True))
            + "</tr>")


def _was(before: str) -> str:
    return f'<small class="was">{html.escape(wording.instructions_was(before))}</small>'


def _bars(probs: Mapping[str, float]) -> str:
    """The likeliest first; of several categories at least those that apply. The others are folded."""
    least = max(MOST_BARS, sum(share >= APPLIES for share in probs.values()))
    ranked = sorted(probs.items(), key=lambda item: -item[1])
    first, rest = ranked[:least], ranked[least:]
    folded = f"<details><summary>{wording.instructions_others(len(rest))}</summary>{_each(rest)}</details>"
    return _each(first) + (folded if rest else "")


def _each(ranked: Sequence[tuple[str, float]]) -> str:
    return "".join(bar(name, share, wording.percent(share)) for name, share in ranked)


def _fields(result: Tried, before: Tried | None) -> str:
    """What was read out, row by row; why a row is empty; what stood there in the try before."""
    old = {name: value or note for name, value, note in before.fields} if before else {}
    rows = []
    for name, value, note in result.fields:
        said = html.escape(value) or f'<small class="missing">{html.escape(note)}</small>'
        was = _was(old[name]) if old.get(name, value or note) != (value or note) else ""
        rows.append(f'<tr><th scope="row">{html.escape(name)}</th><td dir="auto">{said}{was}</td></tr>')
    return f'<table class="plain read">{"".join(rows)}</table>'


def version_table(templates: Sequence[Any], in_use: str) -> str:
    """Every version, newest first, with note, author, parent and date."""
    names = wording.INSTRUCTIONS_VERSION_HEADS
    heads = "".join(f'<th scope="col">{head}</th>' for head in names)
    rows = []
    for template in reversed(templates):
        mark = f" ({wording.INSTRUCTIONS_IN_USE})" if template.ref == in_use else ""
        parent = (template.parent or "").replace(f"{template.id}@", "v")
        cells = (f"v{template.version}{mark}", template.note, template.author, parent,
                 template.created.replace("T", " ")[:16])
        rows.append("".join(f'<td data-head="{head}"{"" if cell else " class=none"}>'
                            f'<span dir="auto">{html.escape(cell)}</span></td>'
                            for head, cell in zip(names, cells, strict=True)))
    said = html.escape(templates[-1].title or templates[-1].id)
    return (f'<p><b dir="auto">{said}</b></p><table class="plain versions stacked"><thead><tr>{heads}</tr>'
            f"</thead><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>")


def changes(before: Sequence[Tried], after: Sequence[Tried]) -> tuple[int, int]:
    """How many answers are other ones, and of how many documents both know the answer."""
    old = {a.index: a.label for a in before}
    both = [a for a in after if a.index in old]
    return sum(old[a.index] != a.label for a in both), len(both)


def compared(before: Sequence[Tried], after: Sequence[Tried], name: str, now: str) -> str:
    """What an edit did to the ten answers, in a sentence."""
    old = {a.index: confidence(a) for a in before}
    moved = [confidence(a) - old[a.index] for a in after if a.probs and a.index in old]
    rose, fell = sum(by > MOVED for by in moved), sum(by < -MOVED for by in moved)
    return wording.instructions_changed(name, now, *changes(before, after), rose, fell)


def confidence(result: Tried) -> float:
    """How sure an answer is, 0 to 1; of several categories, of the one it is least sure of."""
    if not result.probs:
        return 0.0
    if result.label in result.probs:
        return result.probs[result.label]
    return min(max(p, 1 - p) for p in result.probs.values())
