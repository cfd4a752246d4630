"""Every word of Documents; see `ui/wording.py` for the rest and for the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ui.wording import count, size

# ── Bringing documents ───────────────────────────────────────────────────────────────────────────

DOCUMENTS_LEDE = ("Bring the messages, articles or reports you want sorted. They need no labels, "
                  "and they stay on this machine.")
DOCUMENTS_LEDE_PUBLIC = ("Bring the messages, articles or reports you want sorted. They need no labels. "
                         "They are kept on the computer that serves this page, so bring nothing "
                         "confidential.")
DOCUMENTS_BRING = "Bring documents"
DOCUMENTS_OTHERS = "Use other documents instead"
DOCUMENTS_DROP = "Drop files here"
DOCUMENTS_KINDS = "Tables, workbooks, PDF, Word, JSON, chats, feeds, plain text; for a folder, a ZIP of it."
DOCUMENTS_EXAMPLE = "Try with the example"
DOCUMENTS_EXAMPLE_SAYS = ("No file at hand? The example holds short messages about floods, fires "
                          "and other crises, and the large model's answers to them.")
DOCUMENTS_OTHER_WAYS = "Other ways to bring documents"
DOCUMENTS_FOLDER = ("A whole folder: pack it as a ZIP file and drop that. Every file in it is read by "
                    "itself, and what cannot be read is named.")
DOCUMENTS_HUB = "Data set of the Hugging Face Hub"
DOCUMENTS_HUB_INFO = ("owner/name, as on its page. Its files are fetched over the internet; nothing of "
                      "yours is sent there, only this name.")
DOCUMENTS_HUB_PLACEHOLDER = "owner/name"
DOCUMENTS_FETCH = "Fetch and read"
DOCUMENTS_STAGES = {"reading": "Reading", "duplicates": "Looking for copies", "using": "Putting in use"}

# ── What was read ────────────────────────────────────────────────────────────────────────────────

DOCUMENTS_USE = "Use these documents"
DOCUMENTS_LEAVE = "Put them back"
DOCUMENTS_NEXT = "Go on to Instructions"
DOCUMENTS_NOT_YET = ("Nothing is kept yet. Look through what was read, then press “Use these "
                     "documents”.")
DOCUMENTS_OWN_PROJECT = "They get a project of their own: the example stays as it is."
DOCUMENTS_REPLACE = "They take the place of the documents in use; runs keep those they learned from."
DOCUMENTS_STAYS = "What was read before is still shown."
DOCUMENTS_GONE = "These files were put away, because this page was not looked at for an hour."
DOCUMENTS_GONE_FIX = "Drop them again. Nothing else was lost."
DOCUMENTS_BUSY = "A change you made is still being read"
DOCUMENTS_BUSY_FIX = "Press “Use these documents” again when the numbers have followed."
DOCUMENTS_RECEIPT = "Download the receipt"
DOCUMENTS_HOW = "How it was read"
DOCUMENTS_FIRST_ROWS = "The first documents, as models will read them"
DOCUMENTS_READ, DOCUMENTS_KEPT, DOCUMENTS_AWAY = "read", "kept", "set aside"
DOCUMENTS_DROPPED = {"empty": "without text", "no letters": "without a single word",
                     "unreadable line": "that could not be read", "totals row": "with totals only",
                     "service message": "by the service itself (somebody joined, …)",
                     "notice of the service": "with notices of the service"}
DOCUMENTS_FORMATS = {
    "csv": "table", "tsv": "table", "json": "JSON", "txt": "plain text", "xlsx": "Excel workbook",
    "xls": "Excel workbook", "xlsb": "Excel workbook", "ods": "OpenDocument sheet", "html": "web page",
    "pdf": "PDF", "docx": "Word", "parquet": "Parquet", "rss": "news feed", "atom": "news feed",
    "rdf": "news feed", "cap": "CAP alert", "twitter": "X/Twitter posts", "telegram": "Telegram chat",
    "reliefweb": "ReliefWeb reports", "geojson": "GeoJSON", "hxl": "HXL table"}
DOCUMENTS_TABLE_HEADS = {"rows": ("document", "text"), "documents": ("document", "text", "kept beside it"),
                         "roles": ("column", "taken for", "because")}
DOCUMENTS_FILES_SHOWN = 5  # files named one by one; the downloaded receipt names them all

# ── Columns ──────────────────────────────────────────────────────────────────────────────────────

DOCUMENTS_ROLES = "What the columns hold"
DOCUMENTS_ROLES_INFO = ("Guessed from names and cells; the reason stands below each. If one is wrong, "
                        "change it: the files are read again at once.")
DOCUMENTS_ROLE_NAMES = {"text": "text: what models read", "title": "title", "date": "date", "place": "place",
                        "id": "name of the document", "language": "language",
                        "label": "category: kept for checking only", "ignore": "kept beside it: not read"}
DOCUMENTS_NO_CELL = "–"
DOCUMENTS_MORE_LABELS = "Categories among them"
DOCUMENTS_MORE_LABELS_INFO = "Labels. Kept for checking only; the small model never sees them."
DOCUMENTS_MORE_IGNORED = "Kept beside the documents"
DOCUMENTS_MORE_IGNORED_INFO = "Models do not read these. Taken out of this list, a column is guessed anew."
DOCUMENTS_FETCH_COLUMN = "Show a column in the table above"
DOCUMENTS_FETCH_COLUMN_INFO = "There you can say what it holds. It takes the first place."

# ── Read it differently ──────────────────────────────────────────────────────────────────────────

DOCUMENTS_WRONG = "Read it differently"
DOCUMENTS_WRONG_INFO = "Change one, and the files are read again at once."
DOCUMENTS_GUESS = "decide for me"
DOCUMENTS_ENCODING = "Alphabet of the file"
DOCUMENTS_ENCODING_INFO = "Encoding. Change it if letters look broken."
DOCUMENTS_ENCODINGS = {
    "utf-8 · Unicode, the usual one": "utf-8", "utf-16 · Unicode of older Excel": "utf-16",
    "cp1252 · Western Europe": "cp1252", "cp1250 · Central Europe": "cp1250", "cp1251 · Cyrillic": "cp1251",
    "koi8-r · Cyrillic, older": "koi8-r", "cp1253 · Greek": "cp1253", "cp1254 · Turkish": "cp1254",
    "cp1255 · Hebrew": "cp1255", "cp1256 · Arabic, Persian, Urdu": "cp1256", "cp1257 · Baltic": "cp1257",
    "cp1258 · Vietnamese": "cp1258", "cp874 · Thai": "cp874", "gb18030 · Chinese, simplified": "gb18030",
    "big5 · Chinese, traditional": "big5", "shift_jis · Japanese": "shift_jis", "euc_kr · Korean": "euc_kr",
    "mac_roman · older Macs": "mac_roman"}
DOCUMENTS_DELIMITER = "Sign between columns"
DOCUMENTS_DELIMITER_INFO = "Delimiter. Change it if columns run together."
DOCUMENTS_DELIMITERS = {"comma ,": ",", "semicolon ;": ";", "tab": "\t", "bar |": "|"}
DOCUMENTS_SHEET = "Sheet"
DOCUMENTS_SHEET_INFO = "The sheet that seems to hold the documents was chosen."
DOCUMENTS_HEADER = "Row with the column names"
DOCUMENTS_HEADER_INFO = "Header row, counted over rows that are not blank."
DOCUMENTS_NO_HEADER = "there is none"
DOCUMENTS_HEADER_ROWS = 10
DOCUMENTS_LINES = "In plain text, a document is"
DOCUMENTS_LINES_INFO = "Plain text does not say where one document ends."
DOCUMENTS_LINES_CHOICES = {"each line": "line", "the whole file": "file"}
DOCUMENTS_NAMED = "Which column holds the text?"
DOCUMENTS_NAMED_INFO = "Its name as in the file. Press Enter."

# ── Letters encoded twice, private details ───────────────────────────────────────────────────────

DOCUMENTS_REPAIR = "Repair these letters"
DOCUMENTS_REPAIR_INFO = "Double encoding. What the file held is kept beside it."
DOCUMENTS_DOUBLED_WHY = ("A program stored them twice before the file came here. Nothing is repaired "
                         "unless you tick it.")
DOCUMENTS_PRIVATE = "Private details"
DOCUMENTS_MASK = "Mask them in what models read"
DOCUMENTS_MASK_INFO = "What the file held is kept beside it, in the project only."
DOCUMENTS_PRIVATE_LIMITS = (
    "Looked for: phone numbers, e-mail addresses, names of accounts, coordinates, numbers of documents. Not "
    "found: street addresses and names of people. Masking lowers the risk; it does not make a text "
    "anonymous.")
DOCUMENTS_PRIVATE_ON = "In a public demonstration they are masked unless you take the tick away."
DOCUMENTS_PRIVATE_NONE = "None of these were found."

# ── Cleaning, copies ─────────────────────────────────────────────────────────────────────────────

DOCUMENTS_CLEANING = "Cleaning"
DOCUMENTS_CLEANING_INFO = ("What models read is cleaned; what the file held is kept beside it. "
                           "Untick a step to leave it out.")
DOCUMENTS_COPIES = "Copies and near-copies"
DOCUMENTS_NO_COPIES = "No two documents say the same."
DOCUMENTS_COPIES_SAY = ("Copies stay together: what is learned from and what is kept aside for "
                        "checking never hold the same message.")
DOCUMENTS_BEFORE, DOCUMENTS_AFTER = "before", "after"

# ── In use ───────────────────────────────────────────────────────────────────────────────────────

DOCUMENTS_IN_USE = "Documents in use"
DOCUMENTS_SEARCH = "Search the documents"
DOCUMENTS_SEARCH_PLACEHOLDER = "A word or part of one"


def documents_progress(stage: str, done: int, total: int) -> str:
    """What goes on, in words: “Reading · 45 of 200 MB”; a sentence of the engine stays as it is."""
    known = DOCUMENTS_STAGES.get(stage, stage)
    return f"{known} · {size(done)} of {size(total)}" if stage == "reading" and total > 1e6 else known


def documents_copies_among(number: int) -> str:
    """What the number of copies counts."""
    return "copy among them" if number == 1 else "copies among them"


def documents_long(number: int, pieces: int) -> tuple[str, str]:
    """Long documents: what the number counts, and what became of them."""
    return ("long one in pieces" if number == 1 else "long ones in pieces",
            f"{pieces:,} pieces and whole documents in all")


def documents_set_aside(dropped: Mapping[str, int]) -> str:
    """Rows set aside with their reasons."""
    return ", ".join(f"{number:,} {DOCUMENTS_DROPPED.get(reason, reason)}"
                     for reason, number in dropped.items())


def documents_delimiter(delimiter: str) -> str:
    """How columns are parted, in a line about a file."""
    signs = {sign: name for name, sign in DOCUMENTS_DELIMITERS.items()}
    return f"columns parted by {signs.get(delimiter, delimiter)}"


def documents_sheet(name: str) -> str:
    """The sheet that was read."""
    return f"sheet “{name}”"


def documents_header(row: int) -> str:
    """Where the column names stand, counted from 0."""
    return f"column names in row {row + 1}"


def documents_no_header() -> str:
    """A file without column names."""
    return "no column names in it"


def documents_of_file(documents: int, rows: int) -> str:
    """One of several files: what it gave."""
    return f"{documents:,} of {count(rows, 'row')} kept"


def documents_more_files(number: int) -> str:
    """Files beyond those named."""
    return f"and {count(number, 'more file')}"


def documents_refused(number: int) -> str:
    """Files that could not be used, beside others that could."""
    return f"{count(number, 'file')} could not be used; the rest is kept"


def documents_more(number: int) -> str:
    """Remarks beyond those shown."""
    return f"and {number:,} more"


def documents_labels(columns: Sequence[str]) -> str:
    """Labels found in an upload."""
    named = ", ".join(f"“{column}”" for column in columns[:6])
    more = f" and {len(columns) - 6:,} more" if len(columns) > 6 else ""
    return f"Labels found in {named}{more}: kept for checking only; the small model never sees them."


def documents_kept_aside(number: int) -> str:
    """What will be kept aside."""
    return (f"About {round(0.2 * number):,} of {number:,} different documents (20 %) will be kept aside: "
            "neither model learns from them, so that the final check is honest.")


def documents_guess(decided: str) -> str:
    """The choice that leaves it to the program, with what it decided."""
    return f"{DOCUMENTS_GUESS} ({decided})" if decided else DOCUMENTS_GUESS


def documents_row(row: int) -> str:
    """A row of a file as a choice, counted from 0."""
    return f"row {row + 1}"


def documents_more_columns(number: int) -> str:
    """Label of the folded columns beyond the table."""
    return f"{count(number, 'more column')}"


def documents_in_file(name: str) -> str:
    """Which of several files a column is shown from."""
    return f"in {name}"


def documents_doubled(changed: int, sampled: int) -> str:
    """Letters that look broken."""
    return f"Letters look broken in {changed:,} of {count(sampled, 'text')} looked at"


def documents_repaired(changed: int, sampled: int) -> str:
    """Letters that were broken."""
    return f"Letters were broken in {changed:,} of {count(sampled, 'text')} looked at, and are repaired"


def documents_private(found: int, masked: int | None) -> str:
    """Label of the folded private details. `masked`: documents in which they are masked, if they are."""
    if masked is not None:
        return f"{DOCUMENTS_PRIVATE} · masked in {count(masked, 'text')}"
    where = f"in {count(found, 'text')}" if found else "none found"
    return f"{DOCUMENTS_PRIVATE} · {where}"


def documents_private_found(found: int, documents: int) -> str:
    """How many documents hold private details, of those looked at."""
    return f"Found in {found:,} of {count(documents, 'text')} looked at."


def documents_masked(number: int) -> str:
    """After masking."""
    return f"Masked in {count(number, 'text')}. For example:"


def documents_private_kind(title: str, details: int, documents: int) -> str:
    """One kind of private detail."""
    return f"{title}: {details:,} in {count(documents, 'text')}"


def documents_step(title: str, number: int | None) -> str:
    """A cleaning step with its count, as a tick box names it; None: it was left out."""
    if number is None:
        return f"{title} (left out)"
    return f"{title} ({count(number, 'text')})" if number else f"{title} (nothing to do)"


def documents_cleaning(steps: int) -> str:
    """Label of the folded cleaning steps: how many of them changed something."""
    return f"{DOCUMENTS_CLEANING} · {count(steps, 'step')} changed texts" if steps else \
        f"{DOCUMENTS_CLEANING} · nothing to do"


def documents_copies(number: int) -> str:
    """Label of the folded copies."""
    return f"{DOCUMENTS_COPIES} · {number:,}" if number else f"{DOCUMENTS_COPIES} · none"


def documents_group(number: int) -> str:
    """One group of copies."""
    return f"{number:,} documents say:"


def documents_more_groups(number: int) -> str:
    """Copies beyond the groups shown."""
    return f"{'1 document repeats' if number == 1 else f'{number:,} documents repeat'} another one. " \
           "The largest groups:"


def documents_all(shown: int, total: int, pieces: bool) -> str:
    """The table without a search. `pieces`: long documents stand in it piece by piece."""
    named = "documents and pieces" if pieces else "documents"
    if shown < total:
        return f"The first {shown:,} of {total:,} {named}."
    return f"All {total:,} {named}." if total != 1 else "1 document."


def documents_found(shown: int, total: int, pieces: bool, complete: bool) -> str:
    """Result of a search; `complete`: it looked through all."""
    named = "documents and pieces" if pieces else "documents"
    if complete:
        return f"{shown:,} of {total:,} {named} hold this."
    return f"The first {shown:,} found among {total:,} {named}. Type more to narrow it down."


def documents_in_hand(title: str, replaces: bool) -> tuple[str, str]:
    """That an upload stays though another project is in view, and where it would go."""
    to = f"the project “{title}”" if title else "a new project"
    instead = ", instead of the documents there" if replaces else ""
    return ("What you brought is still here.",
            f"“{DOCUMENTS_USE}” puts it into {to}{instead}; “{DOCUMENTS_LEAVE}” drops it.")


def documents_kept(number: int) -> str:
    """After documents were put in use."""
    return f"{count(number, 'document')} in use. A copy is kept in the project."
