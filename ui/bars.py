"""Bars as HTML: how much of each, and how far a piece of work is. Every string is escaped."""

from __future__ import annotations

import html


def bar(name: str, share: float, label: str) -> str:
    """One bar of several: its name, its length as a share (0..1), and what is said behind it."""
    name = html.escape(name)
    return (f'<div class="bar"><span title="{name}">{name}</span><i aria-hidden="true">'
            f'<i style="width:{100 * _within(share):.1f}%"></i></i><b>{html.escape(label)}</b></div>')


def meter(label: str, done: int, total: int) -> str:
    """How far a piece of work is; of no known end (`total` 0) it is empty, and says no number."""
    now = f'aria-valuemin="0" aria-valuemax="{total}" aria-valuenow="{min(done, total)}" ' if total else ""
    return (f'<div class="meter" role="progressbar" {now}aria-label="{html.escape(label)}">'
            f'<i style="width:{100 * _within(done / total if total else 0.0):.1f}%"></i></div>')


def _within(share: float) -> float:
    return max(0.0, min(1.0, share))
