"""What each part of the method adds: the same plan with one part left out, on the same answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.phase_plan import COOLED, SLICE_SHARES, PhasePlan
from engine.plan import DistillPlan

FULL = "full"


def variants(plan: DistillPlan) -> dict[str, DistillPlan]:
    """The plan as it is, and once for each part that it has and can do without."""
    made = {"without reading first": _with(plan, phases=teaching(plan.phases)),
            "without representations": _without_representations(plan), "without phases": _one_phase(plan)}
    if not plan.writes:  # what is written has no likings to take off, and is learned as it was written
        made |= {"without adaptive prompts": _asked_once(plan),
                 "without calibration": _with(plan, ask=plan.ask.model_copy(update={"calibrate": False})),
                 "hard labels only": _with(_without_representations(plan), targets="hard")}
    return {FULL: plan} | {name: one for name, one in made.items() if one != _with(plan)}


def _with(plan: DistillPlan, **changes: Any) -> DistillPlan:  # noqa: ANN401 - fields of a plan
    return plan.model_copy(update={**changes, "preset": "custom"})


def _without_representations(plan: DistillPlan) -> DistillPlan:
    """The other losses as they are; a phase that had no other learns from the answers."""
    answers = "text" if plan.writes else "outputs"
    return _with(plan, representation_loss="relational", phases=tuple(phase.model_copy(update={
        "representations": 0.0, **({} if phase.outputs or phase.text else {answers: 1.0})})
        for phase in plan.phases))


def _one_phase(plan: DistillPlan) -> DistillPlan:
    """All documents from the first step that teaches, as many passes in all, at the mean rate and weights."""
    taught = teaching(plan.phases)
    if len(taught) == 1:
        return _with(plan)
    passes = sum(phase.passes * SLICE_SHARES[phase.slice] for phase in taught)
    mean = {name: sum(getattr(phase, name) * phase.passes for phase in taught) / sum(
        phase.passes for phase in taught)
        for name in ("learning_rate", "outputs", "text", "representations")}
    first = taught[0].model_copy(update=mean | {
        "name": "all-at-once", "title": "All at once", "slice": "all", "passes": passes,
        "cools_to": COOLED, "ask_again": False})
    return _with(plan, phases=(*(phase for phase in plan.phases if phase.reads), first))


def teaching(phases: Sequence[PhasePlan]) -> tuple[PhasePlan, ...]:
    """The phases that teach answers, without those that read before."""
    return tuple(phase for phase in phases if not phase.reads)


def _asked_once(plan: DistillPlan) -> DistillPlan:
    """The analyst's own instructions, nothing asked again."""
    phases = tuple(phase.model_copy(update={"ask_again": False}) for phase in plan.phases)
    return _with(plan, phases=phases, ask=plan.ask.model_copy(update={"candidates": ()}))


def row(name: str, report: Mapping[str, Any]) -> dict[str, Any]:
    """What a table shows of one run's report. Intervals are 95 %, over documents kept aside."""
    student = report["student"]
    return {"what": name, "n": report["n"], "agreement": report["agreement"],
            "agreement_interval": report["agreement_interval"], "macro_f1": student["macro_f1"],
            "macro_f1_interval": student["macro_f1_interval"],
            "teacher_macro_f1": report["teacher"]["macro_f1"], "seconds": report["seconds"]}


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as text. Agreement is with that run's own large model, whose answers differ between rows."""
    lines = [f"{'':26} {'agreement':>20} {'macro-F1':>20} {'large model':>12} {'seconds':>8}"]
    lines += [f"{r['what']:26} {_share(r['agreement'], r['agreement_interval']):>20} "
              f"{_share(r['macro_f1'], r['macro_f1_interval']):>20} "
              f"{_share(r['teacher_macro_f1'], None):>12} "
              f"{r['seconds']:8.0f}" for r in rows]
    return "\n".join([*lines, f"n = {rows[0]['n']} documents kept aside; 95 % intervals, of each row alone. "
                              "Agreement is with the large model as each run asked it; macro-F1 is against "
                              "the labels of the upload. What was asked is not asked twice: the first row's "
                              "seconds hold most of the asking."])


def _share(value: float | None, interval: Mapping[str, Any] | None) -> str:
    if value is None:
        return "–"
    if interval is None or interval.get("low") is None:
        return f"{value:.3f}"
    return f"{value:.3f} ({interval['low']:.2f}–{interval['high']:.2f})"
