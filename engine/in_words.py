"""What the command line prints: results as plain text. Does not: decide where to."""

from __future__ import annotations

from typing import Any

from engine.corpus.table import n_of
from engine.events import Event

Result = dict[str, Any]


def line(event: Event) -> str:
    """One event of a run as it goes on; empty where it says nothing to a reader."""
    kind = event["kind"]
    if kind == "stage_started":
        return event["title"]
    if kind == "opening":
        return f"  {event['title']}"
    if kind == "choice":
        return f"  {event['what']}: {event['because']}"
    if kind == "progress":
        return f"  {event['title']}: {event['done']} of {event['total']}"
    if kind == "step":
        return f"    step {event['step']} of {event['steps']}"
    if kind == "phase_started":
        return f"  {event['title']}: {event['because']}"
    if kind == "gate":
        return f"    step {event['step']}: agreement {100 * event['agreement']:.1f} % of {event['n']}"
    if kind == "read":
        return f"    step {event['step']}: guesses {100 * event['words']:.1f} % of the words of {event['n']}"
    if kind in ("asked_again", "phase_done"):
        return f"  {event['because']}"
    return event.get("sentence", "") if kind in ("done", "failed") else ""


def report(r: Result) -> str:
    """What came out of a run."""
    lines = [r["verdict"], ""]
    if r["has_gold"]:
        lines += [f"{title:13} accuracy {r[who]['accuracy']:.3f}  macro-F1 {r[who]['macro_f1']:.3f}  "
                  f"n {r[who]['n']}" for who, title in (
                      ("teacher", "large model"), ("student", "small model"), ("baseline", "bag of words"))]
    lines += [f"{p['title']:13} {p['because']}" for p in r["phases"]]
    return "\n".join([*lines, f"{r['seconds']:.0f} s, {r['peak_memory_gb']:.1f} GB at its peak",
                      f"Run: {r['run']}"])


def receipt(r: Result) -> str:
    """What was read of files."""
    dropped = ", ".join(f"{n} {reason}" for reason, n in r["dropped"].items()) or "none"
    return "\n".join([f"{n_of(r['documents'], 'document')} of {n_of(r['rows_read'], 'row')}; "
                      f"set aside: {dropped}; {n_of(r['duplicates'], 'near-duplicate')}.", *r["warnings"]])


def labelled(r: Result) -> str:
    """What was answered of files, which of their rows were not, and which files could not be used."""
    dropped = ", ".join(f"{n} {reason}" for reason, n in r["dropped"].items())
    aside = f"; rows set aside: {dropped}" if dropped else ""
    lines = [f"{n_of(r['documents'], 'answer')} in {r['file']}{aside}"]
    lines += r["remarks"]
    return "\n".join([*lines, *(f"Not used: {one['what']} {one['fix']}" for one in r["refused"])])


def answers(r: Result) -> str:
    """The large model on a few documents."""
    return "\n".join(f"{a['answer']:20} {a['sureness']:10} {a['text'][:90]}" for a in r["answers"])


def runs(r: Result) -> str:
    """The list of runs."""
    return "\n".join(f"{s['id']:45} {s['state']:10} {s['sentence']}" for s in r["runs"]) or "No runs yet."


def models(r: Result) -> str:
    """The list of models."""
    return "\n".join(f"{'✓' if m['installed'] else ' '} {m['name']:32} {m['note']}" for m in r["models"])
