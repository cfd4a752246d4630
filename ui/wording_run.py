"""Every word of Distil; see `ui/wording.py` for the rest and for the rules."""

from __future__ import annotations

from collections.abc import Mapping

from ui.wording import count, duration, percent

# ── Distil ───────────────────────────────────────────────────────────────────────────────────────

DISTIL_LEDE = ("The large model answers every document; the small model learns those answers, "
               "from easy to hard. Nothing starts before you press Start.")
DISTIL_NO_DOCUMENTS = "There are no documents yet"
DISTIL_NO_DOCUMENTS_FIX = "Add some under Documents, or try the example there. Then come back."
DISTIL_SETUP = "Set up a run"
DISTIL_SETUP_ANOTHER = "Set up another run"
DISTIL_LARGE = "Large model"
DISTIL_LARGE_INFO = "Answers every document; it may be asked several times about each (the teacher)."
DISTIL_SMALL = "Small model"
DISTIL_SMALL_INFO = "Learns from those answers; you take it home (the student)."
DISTIL_HOW = "How thorough"
DISTIL_HOW_INFO = ("How often the large model is asked, and how often the small one goes over the documents "
                   "(epochs in each phase).")
DISTIL_RECORDED = "Recorded example answers"
DISTIL_LOCAL = "Runs on this machine."
DISTIL_STAYS = "Your documents stay on this machine: nothing is sent anywhere."
DISTIL_STAYS_PUBLIC = "Your documents stay on the computer that serves this page."
DISTIL_FETCH = "Fetch from the makers"
DISTIL_FETCH_INDEX = "Fetch unofficial copies"
DISTIL_FETCHING = "Fetching"
DISTIL_START = "Start"
DISTIL_STARTED = "Started. You may close this page: the work goes on."
DISTIL_BUSY = ("A run is going on. Starting another now would slow both down: "
               "wait, or pause it first.")
DISTIL_ZERO = "This Space lends its graphics card for a minute at a time"
DISTIL_ZERO_FIX = ("Training takes longer than that, so it cannot run here. Duplicate the Space on "
                   "other hardware, or run ANON Studio on your own machine.")
DISTIL_PREFLIGHT = "Before you start"
DISTIL_NEEDS = {"time": "Time", "memory": "Memory", "disk": "Disk", "money": "Money"}
DISTIL_PROBLEMS = "This stands in the way:"
DISTIL_COMMAND = "The command that does the same"
DISTIL_COMMAND_RUN = "The command that does the same as this run"
DISTIL_SEED = "Seed"
DISTIL_SEED_INFO = "Same seed, same documents: same run (random seed)."
DISTIL_PHASES = "Phases"
DISTIL_PHASES_INFO = ("Easy to hard. “passes”: times over the phase's documents (epochs). "
                      "“answers” and “inner”: weight of the mistakes in answers (outputs) and in inner "
                      "representations. “softness”: temperature. Under “Thorough”, “Reading” learns the "
                      "documents' own words before any answer (task-adaptive pretraining).")
DISTIL_PHASE_COLUMNS = ("phase", "passes", "learning rate", "answers", "inner", "softness")
DISTIL_BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
DISTIL_LOSS = "How mistakes in answers are measured"
DISTIL_LOSS_INFO = "Output loss."
DISTIL_LOSSES = {"forward_kl": "Cover everything the large model considers (forward KL)",
                 "reverse_kl": "Stick to its favourites (reverse KL)",
                 "jensen_shannon": "In between (Jensen–Shannon)",
                 "skew_kl": "Cover everything, softened (skew KL)"}
DISTIL_RANK = "Size of what is trained"
DISTIL_RANK_INFO = "Rank of the adapter (LoRA)."
DISTIL_BATCH = "Documents per step"
DISTIL_BATCH_INFO = "Batch size."
DISTIL_ORDERS = "Times each document is asked"
DISTIL_ORDERS_INFO = ("With the categories in a different order each time. With 1, a few are asked in a "
                      "second order, to see what a place in the list adds (position bias).")
DISTIL_ADAPT = "Let the studio find how to ask"
DISTIL_ADAPT_INFO = ("Tries other instructions beside yours on a few documents, uses what works best, and "
                     "asks again where the large model is in doubt (adaptive prompting). No label is "
                     "looked at.")
DISTIL_ADAPT_QUICK = "Not in “Quick look”: choose another under “How thorough”, and you can tick it."
DISTIL_ADAPT_RECORDED = ("Not available with recorded answers: they fit only the instructions they were "
                         "recorded with.")
DISTIL_BAD_PHASES = "A cell of the phases table is empty, not a number, or outside its range."
DISTIL_BAD_PHASES_FIX = "Mend it under Advanced, or choose a preset again to reset the table."
DISTIL_NO_FIT_FIX = "Change it under Advanced."
DISTIL_STAGES = {"parts": "Set documents aside", "asking": "Ask the large model",
                 "scoring": "Check the result", "take-home": "Pack what you take home"}
DISTIL_STAGE_WORDS = {"parts": "Some documents to learn from, some to steer by, some kept aside.",
                      "asking": "Its answer to every document, with how sure it is.",
                      "scoring": "Once, on documents that neither model trained on.",
                      "take-home": "The small model, its card and all answers as a table."}
DISTIL_MARKS = {"done": "done", "now": "now", "next": "to come", "skip": "left out", "bad": "look here",
                "back": "rolled back", "held": "stopped here"}
DISTIL_SLICES = {"confident": "documents the large model is sure of", "all": "all documents",
                 "hard": "the hard documents"}
DISTIL_READS = ", word by word, before it is taught any answer"
DISTIL_SKIPPED = "Not reached: the run was stopped before."
DISTIL_BAR = "Progress of this step"
DISTIL_QUIET_S = 45.0
DISTIL_QUIET = {
    "asking": "loading a model, or answering long documents, can take minutes between signs",
    "training": "on a slow or busy machine a step of the small model, or a look at the steering documents, "
                "can take minutes",
    "scoring": "the small model answers many documents between two signs",
    "take-home": "what was packed is loaded anew and asked again before the next sign"}
DISTIL_QUIET_ELSE = "the machine may be busy"
DISTIL_NO_REASONS = "Nothing has been decided yet."
DISTIL_WHY = "Why: choices made for you"
DISTIL_MISTAKES = "Mistakes (lower is better)"
DISTIL_AGREEMENT = "Agreement on the steering documents, %"
DISTIL_MISTAKES_AXIS = "mistakes"
DISTIL_AGREEMENT_AXIS = "agreement, %"
DISTIL_STEP = "step"
DISTIL_PLOT_SOON = "The plots begin with the first training step."
DISTIL_PAUSE = "Pause"
DISTIL_STOP = "Stop and keep"
DISTIL_CANCEL = "Cancel and discard"
DISTIL_RESUME = "Resume"
DISTIL_KEEPS = {"pause": "Saves and frees the machine. Resume goes on from the same step.",
                "stop": "Ends training now; the small model keeps what it learned and is checked.",
                "cancel": "Ends without a small model. The large model's answers stay, and Resume "
                          "can still bring it back.",
                "resume": "Goes on from the last save point; nothing is asked twice."}
DISTIL_ASKED = {"pause": "Pausing: the present step is finished and saved first.",
                "stop": "Stopping: what was learned is kept and checked.",
                "cancel": "Cancelling: the present step is finished first.", "resume": "Going on."}
DISTIL_COMPARE = "Compare the two models"
DISTIL_DETAILS = "Details for a report"


def distil_updated(seconds: float) -> str:
    """A sign of life: “updated 2 s ago”."""
    return f"updated {duration(max(0.0, seconds))} ago"


def distil_left(seconds: float) -> str:
    """Time left: “about 4 min left”."""
    return f"about {duration(seconds)} left" if seconds >= 20 else "nearly there"


def distil_count_left(seconds: float) -> str:
    """Time left of one step of a run: “about 4 min left of this step”."""
    return f"{distil_left(seconds)} of this step" if seconds >= 20 else "this step is nearly done"


def distil_quiet(stage: str) -> str:
    """Why there was no sign of life for a while, by what is being done."""
    return f"quieter than usual; {DISTIL_QUIET.get(stage, DISTIL_QUIET_ELSE)}"


def distil_elapsed(seconds: float, going: bool) -> str:
    """Time since the start."""
    return f"{duration(seconds)} of work so far" if going else f"took {duration(seconds)}"


def distil_count(done: int, total: int, counts: str) -> str:
    """Progress in counts; `counts`: of what, where it is not the step itself."""
    return (f"{counts}: " if counts else "") + f"{done:,} of {total:,}."


def distil_parts(sizes: Mapping[str, int]) -> str:
    """How the documents were divided."""
    return (f"{sizes.get('learn', 0):,} to learn from, {sizes.get('steer', 0):,} to steer by, "
            f"{sizes.get('kept_aside', 0):,} kept aside for the check. Of near-duplicates the small model "
            "learns from one.")


def distil_ahead(slice_name: str, passes: float, reads: bool = False) -> str:
    """What a phase will do."""
    over = f"{count_of_passes(passes)} over {DISTIL_SLICES.get(slice_name, slice_name)}"
    return f"{over}{DISTIL_READS if reads else ''}."


def count_of_passes(passes: float) -> str:
    """“1 pass”, “2.5 passes”."""
    return f"{passes:g} {'pass' if passes == 1 else 'passes'}"


def distil_agreement(agreement: float | None, n: int | None) -> str:
    """“78 % agreement on 70 steering documents”."""
    if agreement is None:
        return ""
    return f"{percent(agreement)} agreement" + (f" on {n:,} steering documents" if n else "")


def distil_phase_done(agreement: float | None, n: int | None, kept: bool, because: str,
                      seconds: float | None) -> str:
    """How a phase ended. The reason mostly says from which agreement to which: it is not said twice."""
    bits = ["" if "agreement on" in because else distil_agreement(agreement, n), "kept" if kept else "",
            duration(seconds) if seconds else ""]
    said = sentence(" · ".join(bit for bit in bits if bit))
    return f"{said} {sentence(because)}".strip()


def distil_phase_now(step: int, steps: int, agreement: float | None, n: int | None,
                     because: str) -> str:
    """How a phase stands."""
    bits = [f"Step {step:,} of {steps:,}" if steps else "Beginning", distil_agreement(agreement, n)]
    return " · ".join(bit for bit in bits if bit) + f". {sentence(because)}"


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    said = text[:1].upper() + text[1:]
    return said if said.endswith((".", "!", "?", "…")) or not said else f"{said}."


def distil_asked_again(n: int, changed: int) -> str:
    """What asking again did."""
    return f"Asked again about {count(n, 'document')}; {count(changed, 'answer')} changed"


def distil_details_run(run: str, stage: str) -> str:
    """Which run, and where it stopped."""
    return f"Run {run}" + (f", at the step “{stage}”." if stage else ".")


def distil_details_log(path: str) -> str:
    """Where everything was written down."""
    return f"Everything it wrote down: {path}"


def distil_choice(title: str, minutes: str) -> str:
    """A preset with its time: “Quick look · about 3 min”."""
    return f"{title} · {minutes}"


def distil_fetching(title: str, words: str) -> str:
    """How a fetch stands."""
    return f"{DISTIL_FETCHING} {title}: {words}"


def distil_not_here(title: str) -> str:
    """A model that would have to be fetched, in a list."""
    return f"{title} (not fetched yet)"


def distil_gone(name: str) -> str:
    """A model that is in use and not on this machine any more, in a list."""
    return f"{name} (no longer here)"


def distil_no_fit(title: str, bounds: Mapping[str, float], whole: bool) -> str:
    """A number box or a cell that holds no number that fits; `bounds` by gt, ge, lt and le."""
    said = [f"{DISTIL_BOUNDS[bound]} {limit:,g}" if limit < 1e6 else f"{DISTIL_BOUNDS[bound]} {limit:,}"
            for bound, limit in bounds.items()]
    return f"“{title}” has to be a {'whole number' if whole else 'number'}, {' and '.join(said)}."


def distil_cell(phase: str, column: int) -> str:
    """A cell of the table of phases; `column` counts from its first number."""
    return f"{phase}: {DISTIL_PHASE_COLUMNS[1 + column]}"


def distil_recorded(title: str) -> str:
    """What the recorded teacher is."""
    return (f"Answers of {title}, recorded beforehand for the example documents and the instructions "
            "that come with them: nothing has to be loaded, so it starts at once.")


def distil_size(parameters: int, ram_gb: float, licence: str) -> str:
    """Size, memory and licence of a model."""
    millions = f"{parameters / 1e9:.1f} billion" if parameters >= 1e9 else f"{parameters / 1e6:.0f} million"
    count_words = f"{millions} parameters, " if parameters else ""
    return f"{count_words}about {ram_gb:.1f} GB of memory, licence {licence}."


def distil_missing(disk_gb: float) -> str:
    """A model that is not here."""
    return f"Not on this machine yet: {disk_gb:.1f} GB of disk once fetched."


def distil_caution(text: str) -> str:
    """What must be said where unofficial copies are offered."""
    return f"About unofficial copies: {text}"
