"""The model card that goes home with a student: what it is, how it was made and checked, where it is weak."""

from __future__ import annotations

from typing import Any

from engine.evaluation.comparing import not_scored
from engine.plan import DistillPlan
from engine.tasks.definition import TaskKind

MADE: dict[TaskKind, tuple[str, str]] = {
    "single_label": ("A small classifier", "text-classification"),
    "multi_label": ("A small classifier", "text-classification"),
    "extract": ("A small model that reads out facts,", "text-generation"),
    "generate": ("A small model that writes short texts,", "text-generation")}
"""What a student is, and the Hub's name for what it does, by the kind of its question."""


def model_card(plan: DistillPlan, report: dict[str, Any], facts: dict[str, Any]) -> str:
    """Markdown with the front matter of the Hugging Face Hub. Numbers come from the report alone."""
    asked = {"extract": plan.task.fields, "generate": ()}.get(plan.task.kind, plan.task.labels)
    labels = "\n".join(f"- **{one.name}**{': ' + one.definition if one.definition else ''}" for one in asked)
    what, tag = MADE[plan.task.kind]
    phases = "\n".join(f"| {p['title']} | {p['documents']} | {_stood(p)} | "
                       f"{'kept' if p['kept'] else 'rolled back'} |" for p in report["phases"])
    return f"""---
base_model: {facts['base_repo']}
library_name: peft
pipeline_tag: {tag}
license: {facts['licence'].lower()}
tags: [knowledge-distillation, lora, crisis]
---

# {what} distilled with ANON Studio

**Question.** {plan.task.question}

{labels}

## How it was checked

{report['verdict']}

{_scores(report, plan)}

Checked on {report['n']} documents kept aside from training, near-duplicates included with their group.
{facts['reloaded']}

## How it was made

Large model: {report['teacher_name']}. Small model: {report['student_name']} with an adapter (LoRA, rank
{plan.student.rank}; {facts['trained_parameters']:,} trained parameters of {facts['parameters']:,}).
{_learned(report)} No labels were used.{_read(report)}{_stopped(plan, report)}
Seed {plan.seed}. Base weights (sha256): `{facts['base_digest'][:16]}…`, from {facts['base_source']}.

| phase | documents | agreement on steering documents | |
| --- | --- | --- | --- |
{phases}

## Limits

{chr(10).join('- ' + note for note in report['limits'])}

## How to use it

```
python -m engine predict THIS_FOLDER messages.csv -o answers.csv
```

The prompt in `anon_student.json` must be used exactly as it stands. Method: Saxena, Janzen, Maass,
“Streamlining LLMs: Adaptive Knowledge Distillation for Tailored Language Models”, NAACL-SRW 2025.
"""


def _stood(phase: dict[str, Any]) -> str:
    """How it stood after a phase; one that reads comes before any answer."""
    return "read, without answers" if phase.get("reads") else f"{100 * phase['agreement']:.1f} %"


def _learned(report: dict[str, Any]) -> str:
    """From how many documents it learned what was kept: a phase that was rolled back taught nothing."""
    there = report.get("learned_from", report["sizes"]["learn"])
    kept = [phase["documents"] for phase in report["phases"] if phase["kept"] and not phase.get("reads")]
    if not any(kept):
        return "It learned nothing: no phase of training was kept."
    most, all_of_them = max(kept), min(sum(kept), there)  # of phases that share documents
    number = str(most) if most == all_of_them else f"{most} to {all_of_them}"
    of = "" if most == there else f" of {there}"
    return f"Learned from {number}{of} documents and the large model's answers to them."


def _read(report: dict[str, Any]) -> str:
    """What it read before, and what follows for whoever passes it on; empty where that was not kept."""
    read = [phase["documents"] for phase in report["phases"] if phase["kept"] and phase.get("reads")]
    if not read:
        return ""
    return (f"\nBefore that it read {max(read)} documents word by word. It may hold pieces of their wording: "
            "pass it on\nonly to people who may read them.")


def _stopped(plan: DistillPlan, report: dict[str, Any]) -> str:
    """That training was stopped before its end, and what was not reached; empty where it was not."""
    begun = report["phases"]
    ahead = [f"“{phase.title}”" for phase in plan.phases[len(begun):]]
    if not ahead and not (begun and begun[-1].get("stopped")):
        return ""
    where = f" in “{begun[-1]['title']}”" if begun and begun[-1].get("stopped") else ""
    missed = f"; not reached: {', '.join(ahead)}" if ahead else ""
    return f"\n**Training was stopped early**{where}{missed}."


def _scores(report: dict[str, Any], plan: DistillPlan) -> str:
    if plan.writes:
        return "What is written is compared with the large model's answers; labels of an upload are not used."
    if not report["has_gold"]:
        if report.get("gold_left_out"):
            return not_scored(report["gold_left_out"])
        return "The documents came without labels, so only agreement with the large model is known."
    rows = [f"| {title} | {report[who]['accuracy']:.3f} | {report[who]['macro_f1']:.3f} | "
            f"{report[who]['n']} |" for who, title in (("teacher", "large model"),
                                                       ("student", "**this model**"),
                                                       ("baseline", "bag of words"))]
    return "\n".join(["| | accuracy | macro-F1 | n |", "| --- | --- | --- | --- |", *rows])
