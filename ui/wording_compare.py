"""Every word of Compare; see `ui/wording.py` for the rest and for the rules."""

from __future__ import annotations

from collections.abc import Mapping

from ui.wording import count, duration, percent

# ── Compare ──────────────────────────────────────────────────────────────────────────────────────

COMPARE_LARGE, COMPARE_SMALL, COMPARE_BAG = "Large model", "Small model", "Bag of words"
COMPARE_GOLD = "Label in the upload"
COMPARE_EMPTY = "Nothing to compare yet"
COMPARE_EMPTY_WHY = ("When a run is done, this page says first whether the small model is good enough, "
                     "then shows both models side by side on documents that neither was trained on.")
COMPARE_EMPTY_FIX = "Start a run under Distil. A quick look at the example takes a few minutes."
COMPARE_NOT_DONE = "The run in view is not done yet"
COMPARE_SCORES = "Side by side"
COMPARE_SCORES_INFO = ("On documents kept aside. In small print: where the true number probably lies "
                       "(95 % interval), and n, the number of documents. – means not measured.")
COMPARE_ROWS = {
    "agreement": ("Agreement with the large model", "how often the same answer"),
    "macro_f1": ("Category score", "macro-F1 against the labels in the upload; every category counts "
                 "the same; 1 is best"),
    "accuracy": ("Right answers", "accuracy against the labels in the upload"),
    "actionable_recall": ("Found of what needs action", "recall over the actionable categories; n is "
                          "how many were to be found"),
    "ece": ("Honesty about its own certainty", "expected calibration error; 0 is best"),
    "speed": ("Speed", "documents a second on this machine"),
    "minutes": ("Time for 10,000 documents", "money: nothing, it runs on this machine"),
    "size": ("Size", "parameters"),
    "disk": ("Disk", ""),
}
COMPARE_AGREEMENT = {
    "extract": ("Agreement with the large model", "share of fields with the same fact or the same silence"),
    "generate": ("Likeness to the large model", "of meaning, by a sentence encoder; 100 % is the same"),
    "multi_label": ("Agreement with the large model", "how often all categories are the same"),
}
COMPARE_NOTHING = "(nothing said)"
COMPARE_RIVAL = "Without a model"  # what stands in the third column where answers are written
COMPARE_NONE = "–"
COMPARE_ITSELF = "by definition"
COMPARE_PICTURES = "Pictures"
COMPARE_CONFUSION = "Who answered what"
COMPARE_CONFUSION_INFO = ("Confusion matrix. On the diagonal both say the same; a number elsewhere counts "
                          "documents that were taken for something else.")
COMPARE_AGAINST = "Compare the small model with"
COMPARE_AGAINST_LARGE, COMPARE_AGAINST_GOLD = "the large model", "the labels in the upload"
COMPARE_F1 = "Score in each category"
COMPARE_F1_INFO = ("F1 against the labels in the upload; n is the number of documents with that label. Few "
                   "documents make a shaky score: with n below 10, one answer moves it by a tenth or so.")
COMPARE_SHARES = "How often each category was chosen"
COMPARE_SHARES_INFO = ("Of the documents kept aside. A category that the small model never chooses is a "
                       "warning.")
COMPARE_DOCUMENTS = "Documents"
COMPARE_SHOW = "Show"
COMPARE_FILTERS = {"different": "Different", "unsure": "Unsure", "kept": "All kept aside",
                   "all": "All documents"}
COMPARE_PICK = "Pick a row to see the text, both answers and what each model was asked."
COMPARE_COLUMNS = {"id": "id", "text": "text", "teacher": "large model", "student": "small model",
                   "same": "answers", "sureness": "small model sure", "baseline": "bag of words",
                   "gold": "label"}
# Pixels; the texts get what columns that are not there leave.
COMPARE_WIDTHS = {"id": 90, "text": 360, "large model": 135, "small model": 135, "answers": 120,
                  "small model sure": 100, "bag of words": 130, "label": 130}
COMPARE_TEXT_WIDTHS = {"id": 90, "text": 430, "large model": 270, "small model": 270,
                       "answers": 120}  # of answers in writing: fewer columns, longer ones
COMPARE_WIDTH = 1200
COMPARE_SAME, COMPARE_OTHER = "= same", "≠ different"
COMPARE_TEXT = "Text"
COMPARE_BARS = "How sure each model is"
COMPARE_PROMPTS = "What each model was given, word for word"
COMPARE_LARGE_PROMPT = "To the large model (prompt, in the first order of the categories)"
COMPARE_SMALL_PROMPT = "To the small model (prompt)"
COMPARE_PARTS = {"kept_aside": "Kept aside: neither model was trained on it.",
                 "steer": "Used to steer training, not to learn from.",
                 "learn": "Learned from: agreement here proves little."}
COMPARE_PHASES = "What each phase was worth"
COMPARE_PHASES_INFO = ("Agreement with the large model. Phases are kept or rolled back by the documents that "
                       "steer; those kept aside were looked at when all was over, each phase beside the one "
                       "before it (95 % interval).")
COMPARE_PHASE, COMPARE_PHASE_STEER, COMPARE_PHASE_ASIDE, COMPARE_PHASE_WHY = (
    "phase", "while steering", "kept aside, after it", "what was decided")
COMPARE_PHASE_HEADS = (COMPARE_PHASE, COMPARE_PHASE_STEER, COMPARE_PHASE_ASIDE, COMPARE_PHASE_WHY)
COMPARE_OWN = "Type your own"
COMPARE_OWN_INFO = "One message; the small model answers. The first answer takes some seconds longer."
COMPARE_OWN_PLACEHOLDER = "For example: Water is up to the windows in our street, we need a boat"
COMPARE_ASK = "Ask the small model"
COMPARE_OWN_EMPTY = "There is no text to ask about"
COMPARE_OWN_EMPTY_FIX = "Type or paste a message first."


def compare_shown(run: str, large: str, small: str, date: str) -> str:
    """Which run is shown."""
    return f"Run {run} of {date[:10]}: {small} learned from {large}."


def compare_instead(run: str) -> str:
    """Another run than the one in view is shown."""
    return f"Until then you see the newest finished one, {run}."


def compare_gap(value: float, low: float, high: float, n: int) -> str:
    """The paired difference to the bag of words."""
    return (f"Small model minus bag of words, category score: {value:+.2f} "
            f"({low:+.2f} to {high:+.2f}), n {n:,}.")


def compare_with_n(name: str, n: int) -> str:
    """A category beside its bars."""
    return f"{name}, n {n:,}"


def compare_rival(kind: str) -> str:
    """What the models are measured against, by the kind of the question."""
    return COMPARE_RIVAL if kind in ("extract", "generate") else COMPARE_BAG


def compare_speed(value: float) -> str:
    """Documents a second."""
    return f"{value:,.1f} a second" if value < 100 else f"{value:,.0f} a second"


def compare_ten_thousand(value: float) -> str:
    """How long 10,000 documents take at this speed."""
    return duration(10_000 / value) if value else COMPARE_NONE


def compare_size(value: float) -> str:
    """Parameters in words."""
    return f"{value / 1e9:.1f} billion" if value >= 1e9 else f"{value / 1e6:,.0f} million"


def compare_disk(value: float) -> str:
    """Megabytes."""
    return f"{value / 1000:.1f} GB" if value >= 1000 else f"{value:,.0f} MB"


def compare_first(shown: int, total: int) -> str:
    """Of many documents the first are shown."""
    return (f"The first {shown:,} of {total:,} documents are shown and searched. All of them, with every "
            "answer, are in the table under Take home.")


def compare_filter(which: str, number: int) -> str:
    """A filter with its count."""
    return f"{COMPARE_FILTERS[which]} ({number:,})"


def compare_answer(label: str, confidence: float, sureness: str) -> str:
    """An answer with how sure it is, where that is known."""
    sure = "" if confidence != confidence else f" · {percent(confidence)}"  # NaN: of what was written
    return f"{label or COMPARE_NONE}{sure}" + (f" · {sureness}" if sureness else "")


def compare_after(phase: str) -> str:
    """Whose answer: the small model's, when this phase was over."""
    return f"{COMPARE_SMALL}, after “{phase}”"


def compare_worth(before: float | None, after: float | None, n: int | None, kept: bool = True) -> str:
    """Agreement on some documents before a phase and after what was kept of it, as far as it is known."""
    if after is None:
        return COMPARE_NONE
    of = f", n {n:,}" if n else ""
    if not kept:
        return f"stays {percent(after)}{of}"
    return f"{percent(after)}{of}" if before is None else f"{percent(before)} → {percent(after)}{of}"


def compare_change(change: Mapping[str, float | None] | None) -> str:
    """What a phase added to agreement, in points, with its interval; "" where nothing stood before it."""
    if not change:
        return ""
    value, low, high = (None if (one := change[key]) is None else f"{100 * one:+.0f}"
                        for key in ("value", "low", "high"))
    return f"{value} points" + ("" if low is None else f" ({low} to {high})")


def compare_asked(prompts: int, again: bool, why: str = "") -> str:
    """How often the large model was asked about a document, and why more than once."""
    times = "once" if prompts == 1 else f"{prompts} times" if why else \
        f"{prompts} times, categories in different orders"
    reasons = [why] * bool(why) + ["asked again, in doubt"] * again
    return f"The large model was asked {'; '.join((times, *reasons))}."


def compare_own(answer: str, share: float | None) -> str:
    """The small model's answer to a typed text; `share` where it is one label."""
    if not answer:
        return "What the small model wrote could not be read."
    return f"The small model says “{answer}”{'' if share is None else f' ({percent(share)})'}."


# ── Compare: judge blind ─────────────────────────────────────────────────────────────────────────

JUDGE_TITLE = "Judge blind"
JUDGE_LEDE = ("One document on which the two models differ, both answers, no names. Say which is right: that "
              "is a check which needs no labels. Twenty are worth more than none; you can stop at any time "
              "and go on later.")
JUDGE_FIRST, JUDGE_SECOND = "A", "B"
JUDGE_CHOICES = (("first", "1 · A is right"), ("second", "2 · B is right"), ("both", "3 · Both are right"),
                 ("neither", "4 · Neither is right"))
JUDGE_KEYS = "Keys 1 to 4 do the same."
JUDGE_BACK = "Take the last one back"
JUDGE_NONE = "On the documents kept aside the two never differ: there is nothing to judge."
JUDGE_OUTCOME = "What came out so far"
JUDGE_NOTHING_YET = ("Nothing yet. Open this after about twenty documents; seeing the score earlier could "
                     "influence you.")
JUDGE_WHO = {"student": "Only the small model was right", "teacher": "Only the large model was right",
             "both": "Both were right", "neither": "Neither was right"}
JUDGE_LIKELY = 0.05  # a lead that comes of chance more seldom than this is called one


def judge_title(n: int, of: int) -> str:
    """How far judging is, on the bar that unfolds it."""
    return f"{JUDGE_TITLE} · {n:,} of {count(of, 'document')}" if of else JUDGE_TITLE


def judge_done(of: int) -> str:
    """All were judged."""
    return f"You judged {'the one document' if of == 1 else f'all {of:,} documents'} on which the two differ."


def judge_outcome(student: int, teacher: int, n: int, of: int, chance: float | None) -> str:
    """What the judgements say, and what they do not."""
    judged = f"You judged {n:,} of the {count(of, 'document')} on which the two differ. "
    if chance is None:
        return (f"{judged}Each time both were right or both were wrong, so this does not show which model is "
                "better.")
    judged += (f"In {student + teacher:,} only one was right: the small model in {student:,}, the large one "
               f"in {teacher:,}. ")
    if student == teacher:
        return f"{judged}Neither leads."
    often = f"{100 * chance:.0f} of 100" if round(100 * chance) else "fewer than 1 of 100"
    judged += f"Chance alone gives such a lead in {often} trials (sign test): "
    if chance < JUDGE_LIKELY:
        return f"{judged}on these documents the {'small' if student > teacher else 'large'} model is better."
    return f"{judged}too few, or too alike, to call one better."
