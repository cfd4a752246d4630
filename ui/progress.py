"""What a run shows while it works and after: status line, timeline, reasons, error card, as HTML.

Everything is derived from a `RunStatus` and a plan; every string is escaped. Does not: read files.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from engine.phase_plan import PhasePlan
from engine.plan import DistillPlan
from engine.studio import RunStatus, Studio
from ui import wording, wording_compare
from ui import wording_run as words
from ui.bars import meter
from ui.guard import notice

MARKS = {"done": "✓", "now": "●", "next": "○", "skip": "–", "bad": "!", "back": "↩", "held": "‖"}
STAGES = ("parts", "asking", "training", "scoring", "take-home")


def says(text: str) -> str:
    """Any text as safe HTML."""
    return html.escape(str(text))


def status_line(status: RunStatus) -> str:
    """The line that is never silent: state, sentence, sign of life, time left."""
    state = wording.FRAME_STATES.get(status.state, status.state).capitalize()
    said = status.sentence.removeprefix(f"{state}. ")
    if status.wish:  # “Running” is what it was told to end
        state, _, said = status.sentence.partition(" ")
    bits = [f"<b>{says(state)}</b>"]
    if status.state not in ("failed", "lost"):  # those have a card of their own
        bits.append(f"<span>{says(said)}</span>")
    small = []
    if status.state == "running":
        small.append(words.distil_updated(status.age_s))
        if status.left_s is not None:
            small.append(words.distil_left(status.left_s))
        elif status.count_left_s is not None:
            small.append(words.distil_count_left(status.count_left_s))
        if status.age_s > words.DISTIL_QUIET_S:
            small.append(words.distil_quiet(status.stage))
    if status.elapsed_s:
        small.append(words.distil_elapsed(status.elapsed_s, status.state == "running"))
    tail = f'<span class="quiet">{says(" · ".join(small))}</span>' if small else ""
    return (f'<div class="status status-{says(status.state)}">'
            f'{" ".join(bits)} {tail}{_bar(status)}</div>')


def _bar(status: RunStatus) -> str:
    """How far the newest piece of work is: empty while it has not counted, none where it is to end early."""
    if status.state != "running" or (status.wish and not status.total):
        return ""
    return meter(words.DISTIL_BAR, status.done, status.total)


def timeline(status: RunStatus, plan: DistillPlan) -> str:
    """What was done, is being done and will be done: one sentence each."""
    events = status.events
    done = {e["stage"] for e in events if e["kind"] == "stage_done"}
    items: list[str] = []
    for stage in STAGES:
        if stage == "training":
            items += [_phase(phase, status) for phase in plan.phases]
            continue
        state = "done" if stage in done else "now" if status.stage == stage else "next"
        if state == "now" and status.state != "running":
            state = _halted(status)
        items.append(_item(state, words.DISTIL_STAGES[stage], _stage_words(stage, state, status)))
    return f'<ol class="timeline">{"".join(items)}</ol>'


def _stage_words(stage: str, state: str, status: RunStatus) -> str:
    if state == "now" and status.total:
        return words.distil_count(status.done, status.total, status.counts)
    if state == "done" and stage == "parts":
        sizes = next((e["choice"] for e in reversed(status.events)
                      if e["kind"] == "choice" and e["what"] == "parts"), None)
        if isinstance(sizes, Mapping):
            return words.distil_parts(sizes)
    return words.DISTIL_STAGE_WORDS[stage]


def _phase(phase: PhasePlan, status: RunStatus) -> str:
    found = next((p for p in status.phases if p["name"] == phase.name), None)
    if found is None:
        skipped = status.state == "done" or status.wish == "stop"
        if skipped:
            return _item("skip", phase.title, words.DISTIL_SKIPPED)
        return _item("next", phase.title, words.distil_ahead(phase.slice, phase.passes, phase.reads))
    looks = [e for e in status.events if e["kind"] == "gate" and e["phase"] == phase.name]
    n = looks[-1]["n"] if looks else None
    if found["state"] == "done":
        kept = found["kept"]
        said = words.distil_phase_done(found["agreement"], n, kept, found["because"],
                                          found["seconds"])
        return _item("done" if kept else "back", phase.title, said)
    steps = [e for e in status.events if e["kind"] == "step" and e["phase"] == phase.name]
    said = words.distil_phase_now(steps[-1]["step"] if steps else 0,
                                     steps[-1]["steps"] if steps else 0,
                                     found["agreement"], n, found["because"])
    return _item("now" if status.state == "running" else _halted(status), phase.title, said)


def _halted(status: RunStatus) -> str:
    """The mark of the step at which a run that does not go on stands."""
    return {"done": "done", "paused": "held", "cancelled": "held", "new": "next"}.get(status.state, "bad")


def _item(state: str, title: str, said: str) -> str:
    return (f'<li class="tl-{state}"><span class="tl-mark" aria-hidden="true">{MARKS[state]}</span>'
            f'<div><b>{says(title)}</b> <span class="quiet">({says(words.DISTIL_MARKS[state])})</span>'
            f"<br><span>{says(said)}</span></div></li>")


def reasons(events: Sequence[Mapping[str, Any]]) -> str:
    """The choices made automatically and why: the latest of each kind, in the order they were made."""
    lines: dict[str, str] = {}
    for event in events:
        if event["kind"] == "choice":
            lines[str(event["what"])] = (
                f"<dt>{says(event['what'].capitalize())}: {says(_chosen(event['choice']))}</dt>"
                f"<dd>{says(words.sentence(event['because']))}</dd>")
        elif event["kind"] == "asked_again":
            lines["asked again"] = (f"<dt>{says(words.distil_asked_again(event['n'], event['changed']))}"
                                    f"</dt><dd>{says(words.sentence(event['because']))}</dd>")
    if not lines:
        return f'<p class="quiet">{says(words.DISTIL_NO_REASONS)}</p>'
    return f'<dl class="why">{"".join(lines.values())}</dl>'


def _chosen(choice: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(choice, Mapping):
        return ", ".join(f"{str(k).replace('_', ' ')} {v}" for k, v in choice.items())
    if isinstance(choice, list | tuple):
        return ", ".join(map(str, choice))
    return str(choice)


def failure(status: RunStatus, log: str) -> str:
    """What happened, is my work safe, what to do; details folded. Empty unless failed or lost.

    `log`: where the worker wrote down everything, or "" where visitors cannot look.
    """
    if status.state == "failed" and status.error:
        card = notice("problem", *(status.error.get(key, "") for key in ("what", "safe", "fix")))
    elif status.state == "lost":
        card = notice("warning", status.sentence)
    else:
        return ""
    lines = [words.distil_details_run(status.id, status.stage), words.distil_details_log(log)
             if log else ""]
    details = "".join(f"<p>{says(line)}</p>" for line in lines if line)
    return (f"{card}<details class='quiet'><summary>{says(words.DISTIL_DETAILS)}</summary>"
            f"{details}</details>")


def reading_line(reading: str, state: str) -> str:
    """The sentence that reads the plots, or when they will begin."""
    if reading:
        return f'<p class="reading">{says(reading)}</p>'
    return f'<p class="quiet">{says(words.DISTIL_PLOT_SOON)}</p>' if state == "running" else ""


def finished_run(studio: Studio, project: str, wanted: str) -> tuple[str, str]:
    """The finished run to show and a notice about it: the run in view, else the newest finished one.

    Both are empty where the project has none.
    """
    runs = studio.runs(project) if project else []
    done = [run.id for run in runs if run.state == "done"]
    if wanted in done or not done:
        return (wanted if wanted in done else ""), ""
    unfinished = any(run.id == wanted for run in runs)
    instead = wording_compare.compare_instead(done[0].rpartition("/")[2])
    note = notice("note", wording_compare.COMPARE_NOT_DONE, instead)
    return done[0], note if unfinished else ""
