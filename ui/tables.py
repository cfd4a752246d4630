"""What Compare and Take home show of a finished report: scores side by side, documents, downloads.

Every number carries its n; every string is escaped. Does not: read files, compute scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from engine.studio import given_in
from ui import wording, wording_take_home
from ui import wording_compare as words
from ui.bars import bar
from ui.progress import says

KEPT = "kept_aside"
DIFFERENT, UNSURE, ALL_KEPT, ALL = "different", "unsure", "kept", "all"
HALF = 0.5  # a small model that gives no category at least half is unsure
TEXT_SHOWN = 160
MOST_ROWS = 1_000  # documents sent to the browser; 50,000 of them are 7 MB
WHO = (("teacher", words.COMPARE_LARGE), ("student", words.COMPARE_SMALL),
       ("baseline", words.COMPARE_BAG))

Report = Mapping[str, Any]


# Scores side by side


def with_interval(value: float | None, interval: Mapping[str, Any] | None, n: int | None, *,
                  share: bool = False) -> str:
    """A number with its n and 95 % interval as HTML: “0.71 (0.62 to 0.79), n 84”."""
    if value is None:
        return f'<span class="quiet">{says(words.COMPARE_NONE)}</span>'

    def shown(number: float) -> str:
        return f"{100 * number:.0f} %" if share else f"{number:.2f}"
    low, high = (interval or {}).get("low"), (interval or {}).get("high")
    span = f"{shown(low)} to {shown(high)}" if low is not None and high is not None else ""
    small = ", ".join(bit for bit in (span, f"n {n:,}" if n else "") if bit)
    return f"<b>{says(shown(value))}</b>" + (f' <span class="quiet">{says(small)}</span>'
                                             if small else "")


def side_by_side(report: Report) -> str:
    """Large model, small model and bag of words, one column each."""
    n, none = report["n"], with_interval(None, None, None)
    rows = [(words.COMPARE_AGREEMENT.get(report.get("kind", ""), words.COMPARE_ROWS["agreement"]), [
        f'<span class="quiet">{says(words.COMPARE_ITSELF)}</span>',
        with_interval(report["agreement"], report.get("agreement_interval"), n, share=True),
        with_interval(report["agreement_baseline"], None, n, share=True)])]
    if report["has_gold"]:
        for key, share in (("macro_f1", False), ("accuracy", True), ("actionable_recall", True)):
            of = "actionable_n" if key == "actionable_recall" else "n"  # older reports lack it: no n is shown
            cells = [with_interval(report[who][key], report[who].get(f"{key}_interval"),
                                   report[who].get(of), share=share) for who, _ in WHO]
            rows.append((words.COMPARE_ROWS[key], cells))
        rows.append((words.COMPARE_ROWS["ece"], [
            with_interval(report[who].get("ece"), None, report[who]["n"]) for who, _ in WHO]))
    cost = report.get("cost", {})
    costs = [cost.get(who, {}) for who, _ in WHO]
    rows += [
        (words.COMPARE_ROWS["speed"], [_plain(words.compare_speed, c.get("documents_per_s"))
                                       for c in costs]),
        (words.COMPARE_ROWS["minutes"], [_plain(words.compare_ten_thousand, c.get("documents_per_s"))
                                         for c in costs]),
        (words.COMPARE_ROWS["size"], [_plain(words.compare_size, c.get("parameters")) for c in costs]),
        (words.COMPARE_ROWS["disk"], [_plain(words.compare_disk, c.get("disk_mb")) for c in costs]),
    ]
    shown = [(title, cells) for title, cells in rows
             if any(cell not in (none, _plain(words.compare_speed, None)) for cell in cells)]
    titles = [title for _, title in WHO[:2]] + [words.compare_rival(report.get("kind", ""))]
    head = "".join(f"<th scope='col'>{says(title)}</th>" for title in titles)
    body = "".join(
        f"<tr><th scope='row'>{says(title)}<span class='quiet'>{says(info)}</span></th>"
        + "".join(f"<td data-who='{says(who)}'>{cell}</td>"
                  for cell, who in zip(cells, titles, strict=True)) + "</tr>"
        for (title, info), cells in shown)
    because = report.get("baseline_because")
    foot = f'<p class="quiet">{says(titles[2])}: {says(because)}</p>' if because else ""
    return (f'<table class="scores"><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody>'
            f"</table>{foot}")


def _plain(words_of: Any, value: float | None) -> str:  # noqa: ANN401 - a function of one number
    return (f'<span class="quiet">{says(words.COMPARE_NONE)}</span>' if value is None
            else f"<span>{says(words_of(value))}</span>")


def verdict(report: Report) -> str:
    """The outcome in words, first of all; and the paired difference to the bag of words."""
    first, _, rest = str(report["verdict"]).partition(". ")
    lead = first if not rest or first.endswith(".") else f"{first}."
    more = f"<p>{says(rest)}</p>" if rest else ""
    gap = report.get("student_minus_baseline")
    difference = ""
    if gap and gap.get("low") is not None:
        words_of_it = words.compare_gap(gap["value"], gap["low"], gap["high"], gap["n"])
        difference = f'<p class="quiet">{says(words_of_it)}</p>'
    return f'<div class="verdict"><p class="lead">{says(lead)}</p>{more}{difference}</div>'


def phases(report: Report) -> str:
    """What each phase was worth: agreement before and after it, and why it was kept or not."""
    heads = [title for title in words.COMPARE_PHASE_HEADS
             if title != words.COMPARE_PHASE_ASIDE or any("kept_aside" in p for p in report["phases"])]
    last = next((p for p in reversed(report["phases"]) if p["kept"]), None)
    body = ""
    for phase in report["phases"]:
        aside = phase.get("kept_aside", report["agreement"] if phase is last else None)
        cells = {words.COMPARE_PHASE: phase["title"],
                 words.COMPARE_PHASE_STEER: words.compare_worth(
                     phase.get("agreement_before"), phase["agreement"], phase.get("n"), phase["kept"]),
                 words.COMPARE_PHASE_ASIDE: "; ".join(filter(None, (
                     words.compare_worth(None, aside, report["n"]),
                     words.compare_change(phase.get("kept_aside_change"))))),
                 words.COMPARE_PHASE_WHY: phase["because"]}
        body += "<tr>" + "".join(f'<td data-head="{says(head)}">{says(cells[head])}</td>'
                                 for head in heads) + "</tr>"
    head = "".join(f'<th scope="col">{says(title)}</th>' for title in heads)
    return (f'<div class="scroll"><table class="plain stacked"><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")


def limits(report: Report) -> str:
    """Where the small model is weak, as a list."""
    items = "".join(f"<li>{says(line)}</li>" for line in report.get("limits", ()))
    return f"<ul class='limits'>{items}</ul>" if items else ""


# Documents


def unsure(rows: pd.DataFrame) -> pd.Series:
    """Which rows a model was unsure of: the large one in words, the small one by its probability."""
    large = rows["sureness"].astype(str).str.contains("unsure|changes its mind", regex=True)
    return large | (rows["student_confidence"] < HALF)


def chosen(rows: pd.DataFrame, which: str) -> pd.DataFrame:
    """The documents of a filter, the least sure first within it."""
    if which == ALL:
        return rows
    kept = rows[rows["part"] == KEPT]
    if which == DIFFERENT:
        kept = kept[kept["teacher"] != kept["student"]]
    elif which == UNSURE:
        kept = kept[unsure(kept)]
    return kept.sort_values("student_confidence", kind="stable") if which == UNSURE else kept


def counts(rows: pd.DataFrame) -> dict[str, int]:
    """How many documents each filter has."""
    return {which: len(chosen(rows, which)) for which in (DIFFERENT, UNSURE, ALL_KEPT, ALL)}


def documents(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns of the table of documents, as plain text."""
    shown = pd.DataFrame({
        "id": rows["id"].astype(str),
        "text": rows["text"].map(lambda text: shortened(str(text), TEXT_SHOWN)),
        "teacher": rows["teacher"].map(readable), "student": rows["student"].map(readable),
        "same": [mark(row) for row in rows[["teacher", "student", "student_confidence", "part"]].to_dict(
            "records")],
        "sureness": [words.COMPARE_NONE if c != c else wording.percent(c)  # NaN: of what was written
                     for c in rows["student_confidence"]],
        "baseline": rows["baseline"]})
    if rows["student_confidence"].isna().all():  # written: the beginning of the text says nothing new
        shown = shown.drop(columns=["baseline", "sureness"])
    if rows["gold"].notna().any():
        shown["gold"] = rows["gold"].fillna("")
    return shown.rename(columns=words.COMPARE_COLUMNS)


def mark(row: Mapping[str, Any]) -> str:
    """Whether both models say the same, in a word; “–” where one of them was not asked.

    A small model writes about documents kept aside only, and of these about what the large one answered.
    """
    if _written(row) and not row["student"] and (row["part"] != KEPT or not row["teacher"]):
        return words.COMPARE_NONE
    return words.COMPARE_SAME if row["teacher"] == row["student"] else words.COMPARE_OTHER


def _written(row: Mapping[str, Any]) -> bool:
    """Whether answers were written; of these nobody says how sure they are."""
    return row["student_confidence"] != row["student_confidence"]  # NaN


def readable(answer: str) -> str:
    """An answer as people read it: facts that were given, by name; everything else as it stands."""
    if not str(answer).startswith("{"):
        return answer
    try:
        facts = json.loads(answer)
    except ValueError:
        return answer
    given = [f"{name}: {value}" for name, value in facts.items() if value is not None]
    return " · ".join(given) or words.COMPARE_NOTHING


def shortened(text: str, limit: int) -> str:
    """One line of at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[:limit - 1].rstrip() + "…"


def labels_in(answers: pd.Series, kind: str, names: Sequence[str]) -> list[str]:
    """Every label that was given; of several in one answer each. Names may hold what stands between them."""
    if kind != "multi_label":
        return [str(answer) for answer in answers]
    return [name for answer in answers
            for name, given in zip(names, given_in(answer, names), strict=True) if given]


def probabilities(row: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Who → label → probability, for one document."""
    return {words.COMPARE_LARGE: json.loads(row["teacher_probs"]),
            words.COMPARE_SMALL: json.loads(row["student_probs"])}


def about(row: Mapping[str, Any]) -> str:
    """One document's answers in words."""
    same = mark(row)
    sign = {words.COMPARE_SAME: "same", words.COMPARE_OTHER: "other"}.get(same, "none")
    large, small = (readable(row[who]) for who in ("teacher", "student"))
    lines = [(words.COMPARE_LARGE, words.compare_answer(large, row["teacher_confidence"], row["sureness"])),
             (words.COMPARE_SMALL, words.compare_answer(small, row["student_confidence"], ""))]
    earlier = row.get("by_phase")  # of reports made before this was looked at there is none
    lines += [(words.compare_after(phase), words.compare_answer(said or words.COMPARE_NOTHING, sure, ""))
              for phase, said, sure in (json.loads(earlier) if isinstance(earlier, str) and earlier else ())]
    if not _written(row):
        lines.append((words.COMPARE_BAG, str(row["baseline"])))
    if isinstance(row["gold"], str) and row["gold"]:
        lines.append((words.COMPARE_GOLD, row["gold"]))
    facts = "".join(f"<tr><th scope='row'>{says(who)}</th><td>{says(what)}</td></tr>"
                    for who, what in lines)
    asked = words.compare_asked(int(row["asked"]), bool(row["asked_again"]), row.get("why_asked") or "")
    part = words.COMPARE_PARTS.get(row["part"], row["part"])
    return (f'<p><b class="mark mark-{sign}">{says(same)}</b> '
            f'<span class="quiet">{says(part)} {says(asked)}</span></p>'
            f'<table class="plain rows">{facts}</table>')


def bars(probs: Mapping[str, float]) -> str:
    """A distribution as bars in HTML, most likely first."""
    ranked = sorted(probs.items(), key=lambda item: -item[1])
    rows = "".join(bar(label, p, wording.percent(p)) for label, p in ranked)
    return f'<div class="bars">{rows}</div>'


# Take home


def download_note(title: str, size: int, note: str) -> str:
    """What one download is."""
    return (f'<div class="take"><b>{says(title)}</b> <span class="quiet">{says(wording.size(size))}'
            f"</span><br>{says(note)}</div>")


def tested(report: Report) -> Sequence[str]:
    """How the small model was tested, one sentence each."""
    lines = [str(report["verdict"]) if report.get("kind") in words.COMPARE_AGREEMENT
             else wording_take_home.take_home_tested(report["n"], report["agreement"])]
    return [*lines, str(report["reloaded"])] if report.get("reloaded") else lines
