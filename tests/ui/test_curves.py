"""Live plots of a run's events, and the sentence that reads them."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from engine.studio import Studio
from engine.workspace import Workspace
from tests.ui import made_runs
from ui import curves


@pytest.fixture
def events(workspace: Workspace, tmp_path: Path) -> list:
    studio = Studio(workspace)
    project = made_runs.project_with_documents(studio, tmp_path)
    return list(curves.taught(studio.status(made_runs.finished(studio, project)).events))


def step(phase: str, number: int, **terms: float) -> dict:
    return {"kind": "step", "phase": phase, "step": number, "steps": 9, "title": phase, **terms}


def test_steps_go_on_counting_over_the_phases(events: list) -> None:
    assert curves.phase_starts(events) == {"foundations": 0, "breadth": 14, "hard-cases": 34}
    table = curves.mistakes(events)
    assert sorted(set(table[table["series"] == "Answers"]["step"])) == list(range(1, 43))


def test_what_was_read_is_drawn_until_answers_are_taught(workspace: Workspace, tmp_path: Path) -> None:
    studio = Studio(workspace)
    project = made_runs.project_with_documents(studio, tmp_path)
    every = list(studio.status(made_runs.finished(studio, project)).events)
    taught = [i for i, e in enumerate(every) if e["kind"] == "step" and e["phase"] == "foundations"]
    alone = curves.taught(every[:taught[0]])
    assert set(curves.mistakes(alone)["series"]) == {"Words"} and curves.agreement(alone).empty
    assert curves.reading(alone) == (
        "Mistakes in guessing the next word of your documents: going down slowly.")
    assert curves.reading(alone, going=False) == ""  # nobody agreed with anybody yet
    later = curves.taught(every[:taught[0] + 3])
    assert "Words" not in set(curves.mistakes(later)["series"])
    assert "Reading" not in curves.reading(later) and "Foundations" in curves.reading(later)
    assert curves.phase_starts(later) == {"foundations": 0} and curves.reach(later, False)[1] < 9


def test_each_term_is_drawn_for_the_phases_that_have_it(events: list) -> None:
    table = curves.mistakes(events)
    inner = table[table["series"] == "Inner representations"]
    assert len(inner) == 14 and inner["step"].max() == 14  # the later phases learn from answers alone


def test_phase_beginnings_are_upright_lines_over_the_whole_height(events: list) -> None:
    table = curves.mistakes(events)
    marks = table[table["series"] == "Breadth begins"]
    assert list(marks["step"]) == [14, 14] and marks["mistakes"].min() == 0
    assert marks["mistakes"].max() == pytest.approx(table["mistakes"].max())


def test_every_series_has_its_colour_and_is_named_in_the_key(events: list) -> None:
    for table in (curves.mistakes(events), curves.agreement(events)):
        assert set(curves.colours(table)) == set(table["series"])
        assert all(f"</i>{name}</span>" in curves.key(table) for name in table["series"])
    assert curves.colours(curves.mistakes(events[:20])) != curves.colours(curves.mistakes(events))


def test_a_name_from_outside_is_no_mark_in_the_key() -> None:
    hostile = [step("a", 1, outputs=1.0), step(made_runs.HOSTILE, 1, outputs=1.0)]
    assert "<img" not in curves.key(curves.mistakes(hostile))


def test_steps_made_twice_after_a_resume_count_once() -> None:
    twice = [step("a", 1, outputs=9.0), step("a", 2, outputs=9.0), step("a", 2, outputs=1.0)]
    table = curves.mistakes(twice)
    assert list(table["step"]) == [1, 2] and list(table["mistakes"]) == [9.0, 5.0]


def test_what_is_not_a_number_is_left_out() -> None:
    table = curves.mistakes([step("a", 1, outputs=1.0), step("a", 2, outputs=math.nan)])
    assert list(table["step"]) == [1] and not table.isna().any().any()


def test_before_the_first_step_there_is_nothing_to_draw() -> None:
    assert curves.mistakes([]).empty and curves.agreement([]).empty and curves.reading([]) == ""
    assert list(curves.mistakes([]).columns) == list(curves.MISTAKES)


def gate(phase: str, number: int, agreement: float) -> dict:
    return {"kind": "gate", "phase": phase, "step": number, "agreement": agreement, "n": 67}


def done(phase: str, before: float, agreement: float, kept: bool) -> dict:
    return {"kind": "phase_done", "phase": phase, "agreement_before": before, "agreement": agreement,
            "kept": kept, "n": 67}


STOPPED = [{"kind": "stage_started", "stage": "training"},
           *(step("a", k, outputs=0.5) for k in range(1, 53)), gate("a", 26, 0.5224), gate("a", 52, 0.58209),
           done("a", 0.4328, 0.5821, True),
           *(step("b", k, outputs=0.3) for k in range(1, 32)), gate("b", 31, 0.5373),
           done("b", 0.5821, 0.5821, False), {"kind": "stage_done", "stage": "training"}]


def looks_of(events: list) -> list[tuple[float, float]]:
    table = curves.agreement(events)
    shown = table[table["series"] == curves.NOW]
    return [(row.step, round(row.agreement)) for row in shown.itertuples()]


def test_agreement_is_shown_where_it_was_looked_at_and_ends_at_what_was_kept() -> None:
    assert looks_of(STOPPED) == [(0, 43), (26, 52), (52, 58), (83, 54), (83, 58)]


@pytest.mark.parametrize(("until", "shown"), [
    (27, []), (54, [(26, 52)]), (55, [(26, 52), (52, 58)]), (56, [(0, 43), (26, 52), (52, 58)]),
    (80, [(0, 43), (26, 52), (52, 58)]), (88, [(0, 43), (26, 52), (52, 58), (83, 54)])])
def test_agreement_is_never_drawn_where_nobody_looked(until: int, shown: list) -> None:
    assert looks_of(STOPPED[:until]) == shown


def test_a_phase_whose_best_look_was_not_its_last_ends_at_the_best() -> None:
    assert looks_of([step("a", 4, outputs=1.0), gate("a", 2, 0.6), gate("a", 4, 0.5),
                     done("a", 0.4, 0.6, True)]) == [(0, 40), (2, 60), (4, 50), (4, 60)]


def test_both_plots_begin_at_nought_and_end_a_little_after_the_last_step() -> None:
    assert curves.reach(STOPPED, going=False) == [0, 86]
    assert curves.reach([], going=True) == [0, 10] and curves.reach([], going=False) == [0, 2]


def test_a_plot_is_built_anew_seldom_while_a_run_goes_on() -> None:
    ends = [curves.reach([step("a", made, outputs=1.0)], going=True)[1] for made in range(1, 2_001)]
    assert all(made <= end for made, end in enumerate(ends, 1)) and ends == sorted(ends)
    assert len(set(ends)) < 15 and max(end / made for made, end in enumerate(ends[9:], 10)) < 2


@pytest.mark.parametrize(("values", "said"), [
    ([2.0 - 0.1 * k for k in range(15)], "going down steadily"),
    ([1.0 - 0.005 * k for k in range(15)], "going down slowly"),
    ([1.0] * 15, "about the same"),
    ([1.0 + 0.1 * k for k in range(15)], "going up"),
    ([1.0, 0.5], "too early to say"),
])
def test_the_sentence_reads_the_curve(values: list[float], said: str) -> None:
    assert said in curves.reading([step("a", k + 1, outputs=v) for k, v in enumerate(values)])


BREADTH = [.32, .12, .41, .20, .33, .33, .43, .32, .28, .58, .16, .11, .17, .72, .39, .33, .17, .29, .26, .53,
           .26, .13, .18, .18, .27, .41, .27, .23, .31, .24, .35]  # of a real run, step by step


def test_scatter_is_no_trend_however_far_a_phase_is() -> None:
    for made in range(9, len(BREADTH) + 1):
        said = curves.reading([step("b", k, outputs=v) for k, v in enumerate(BREADTH[:made], 1)])
        assert "about the same" in said, made


def test_chance_alone_seldom_makes_a_trend() -> None:
    draw = random.Random(3)
    said = [curves.reading([step("a", k, outputs=draw.lognormvariate(-1, 0.6)) for k in range(1, n)])
            for n in (10, 30, 90) for _ in range(200)]
    assert sum("about the same" not in one for one in said) < 0.06 * len(said)


def test_a_step_made_twice_counts_once_in_the_sentence() -> None:
    assert "too early" in curves.reading([step("a", k % 5, outputs=1.0 + k) for k in range(20)])


def test_the_sentence_gives_agreement_with_its_n() -> None:
    assert "now agree on 58 % of the 67 steering documents (52 %" in curves.reading(STOPPED[:55])


@pytest.mark.parametrize(("until", "going", "said"), [
    (None, False, "agreed on 58 % of the 67 steering documents when training ended"),
    (None, True, "agreed on 58 % of the 67 steering documents when training ended"),  # while it is checked
    (89, True, "now agree on 58 % of the 67 steering documents."),  # after Breadth was rolled back
    (70, False, "agreed on 58 % of the 67 steering documents at the last look so far"),  # paused
    (88, False, "agreed on 54 % of the 67 steering documents at the last look so far"), (27, False, "")])
def test_the_sentence_says_what_was_kept_and_whether_training_ended(
        until: int | None, going: bool, said: str) -> None:
    told = curves.reading(STOPPED[:until], going)
    assert said in told if said else told == ""


def test_a_run_resumed_has_not_ended() -> None:
    assert "at the last look so far" in curves.reading([*STOPPED, STOPPED[0]], going=False)


def test_a_phase_rolled_back_is_not_the_last_word(events: list) -> None:
    looks = [e["agreement"] for e in events if e["kind"] == "gate"]
    assert looks[-1] == 0.8  # of the phase that was rolled back
    assert "agreed on 70 % of the 18 steering documents" in curves.reading(events, going=False)
