"""Every word of Take home; see `ui/wording.py` for the rest and for the rules."""

from __future__ import annotations

from collections.abc import Sequence

from ui.wording import count, percent, size

# ── Take home ────────────────────────────────────────────────────────────────────────────────────

TAKE_HOME_EMPTY = "Nothing to take home yet"
TAKE_HOME_EMPTY_WHY = ("When a run is done you get: the small model with its card, all answers as a table "
                       "for your spreadsheet, the report, and the plan that repeats the run.")
TAKE_HOME_EMPTY_FIX = "Start a run under Distil."
TAKE_HOME_GET = "What you get"
TAKE_HOME_DOWNLOAD = "Download"
TAKE_HOME_TESTED = "Tested how"
TAKE_HOME_LIMITS = "Where it is weak"
TAKE_HOME_LIMITS_INFO = "Read this before you rely on it, and pass it on with the model."
TAKE_HOME_USE = "Label files by command"
TAKE_HOME_USE_INFO = ("The same as “Label my files”, for a terminal. Needs no internet and no large model. "
                      "FILE is any file that Documents can read, or several; the result opens in a "
                      "spreadsheet.")
TAKE_HOME_COMMAND = "The command"
TAKE_HOME_CARD = "Model card"
TAKE_HOME_SLOTS = 6


def take_home_tested(n: int, agreement: float) -> str:
    """On what it was checked."""
    return (f"Checked once on {count(n, 'document')} kept aside: the same answer as the large model on "
            f"{percent(agreement)}.")


# ── Take home: Label my files ────────────────────────────────────────────────────────────────────

LABEL_TITLE = "Label my files"
LABEL_LEDE = ("The small model reads documents it has never seen and says for each what it is. It needs no "
              "internet, costs nothing, and the files stay on this machine. You get a table with every "
              "document, its answer and how sure the small model is. Read below where it is weak before you "
              "rely on its answers.")
LABEL_LEDE_PUBLIC = ("The small model reads documents it has never seen and says for each what it is. They "
                     "are kept on the computer that serves this page, so bring nothing confidential. You "
                     "get a table with every document, its answer and how sure the small model is. Read "
                     "below where it is weak before you rely on its answers.")
LABEL_DROP = "Drop files here"
LABEL_KINDS = ("Anything that Documents can read: tables, workbooks, PDF, Word, JSON, chats, feeds, plain "
               "text, ZIP. They are read and cleaned as the documents it learned from were.")
LABEL_COLUMN_TITLE = "If the wrong column is read"
LABEL_COLUMN = "Which column holds the text?"
LABEL_COLUMN_INFO = "Its name as in the file. Leave this empty, and the studio finds it by itself."
LABEL_START = "Label my files"
LABEL_STOP = "Stop labelling"
LABEL_STOP_INFO = ("You may close this page: it goes on, and you find it here again. If you stop it, nothing "
                   "is kept of the answers so far.")
LABEL_STOPPED = "Labelling was stopped"
LABEL_STOPPED_WHY = "Of its answers nothing was kept. Files and small model are as they were."
LABEL_NO_FILES = "There is no file to label yet"
LABEL_NO_FILES_FIX = "Drop one or several files first, and wait until they are listed."
LABEL_NO_RUN = "There is no finished small model to label with"
LABEL_NO_RUN_FIX = "Choose a finished run in the list of runs, or wait for this one."
LABEL_TABLE = "Download the table"
LABEL_MORE = "Label more files"
LABEL_EARLIER = "Tables made before"
LABEL_FOUND = "How many of each"
LABEL_FACTS = "In how many documents each fact was found"
LABEL_FIRST = "The first rows"
LABEL_HEADS = ("document", "answer", "how sure")
LABEL_STAGES = {"": "Starting", "loading": "Opening the small model", "reading": "Reading the files",
                "duplicates": "Looking for copies", "answering": "Answering"}
LABEL_BAR = "Progress of labelling"
LABEL_QUIET_S = 30.0
LABEL_QUIET = "quieter than usual; a large file can take minutes between signs"
LABEL_NAMES_SHOWN = 3


def label_files(names: Sequence[str]) -> str:
    """Which files: “calls.csv”, “calls.csv, notes.pdf and 3 more”."""
    shown = [f"“{name}”" for name in names[:LABEL_NAMES_SHOWN]]
    if len(names) > len(shown):
        return f"{', '.join(shown)} and {len(names) - len(shown)} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def label_progress(stage: str, done: int, total: int) -> str:
    """What is being done: “Reading the files: 4 of 20 MB”, “Answering: 1,203 of 5,000”."""
    what = LABEL_STAGES.get(stage, stage)
    if stage == "reading" and total > 1e6:
        return f"{what}: {size(done)} of {size(total)}"
    return f"{what}: {done:,} of {total:,}" if stage == "answering" and total else f"{what}…"


def label_done(documents: int, files: Sequence[str]) -> str:
    """The result in a sentence."""
    are = "is" if documents == 1 else "are"
    return f"{count(documents, 'document')} of {label_files(files)} {are} labelled"


def label_rows(rows_read: int, aside: int, why: str) -> str:
    """What was set aside, and why."""
    if not aside:
        return f"Nothing was set aside: every one of {count(rows_read, 'row')} read has an answer."
    return f"Of {count(rows_read, 'row')} read, {aside:,} {'was' if aside == 1 else 'were'} set aside: {why}."


def label_columns(columns: Sequence[tuple[str, str]]) -> str:
    """Which column of each table was read as the text."""
    named = [f"“{column}” in {file}" for file, column in columns[:LABEL_NAMES_SHOWN]]
    more = f" and {len(columns) - len(named)} more" if len(columns) > len(named) else ""
    return f"Column read as the text: {'; '.join(named)}{more}." if named else ""


def label_unsure(unsure: int, documents: int) -> str:
    """How many answers deserve a look."""
    if not unsure:
        return ""
    return (f"In {unsure:,} of {count(documents, 'document')} the small model was less than half sure of its "
            "answer: read those yourself first. Sort the table by “confidence” to find them.")


def label_none(names: Sequence[str]) -> str:
    """Categories that no document has."""
    return f"None: {', '.join(names)}."
