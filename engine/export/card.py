"""The model card that goes home with a student: what it is, how it was made and checked, where it is weak."""

from __future__ import annotations

from typing import Any

from engine.plan import DistillPlan

CAPTION = "A small classifier distilled with ANON Studio"


def model_card(plan: DistillPlan, report: dict[str, Any], facts: dict[str, Any]) -> str:
    """Markdown with the front matter of the Hugging Face Hub. Numbers come from the report alone."""
    labels = "\n".join(f"- **{label.name}**{': ' + label.definition if label.definition else ''}"
                       for label in plan.task.labels)
    phases = "\n".join(f"| {p['title']} | {p['documents']} | {100 * p['agreement']:.1f} % | "
                       f"{'kept' if p['kept'] else 'rolled back'} |" for p in report["phases"])
    return f"""---
base_model: {facts['base_repo']}
library_name: peft
pipeline_tag: text-classification
license: {facts['licence'].lower()}
tags: [knowledge-distillation, lora, crisis]
---

# {CAPTION}

**Question.** {plan.task.question}

{labels}

## How it was checked

{report['verdict']}

{_scores(report)}

Checked on {report['n']} documents kept aside from training, near-duplicates included with their group.
{facts['reloaded']}

## How it was made

Large model: {report['teacher_name']}. Small model: {report['student_name']} with an adapter (LoRA, rank
{plan.student.rank}; {facts['trained_parameters']:,} trained parameters of {facts['parameters']:,}).
Learned from {report['sizes']['learn']} documents and the large model's answers to them; no labels were
used. Seed {plan.seed}. Base weights (sha256): `{facts['base_digest'][:16]}…`, from {facts['base_source']}.

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


def _scores(report: dict[str, Any]) -> str:
    if not report["has_gold"]:
        return "The documents came without labels, so only agreement with the large model is known."
    rows = [f"| {title} | {report[who]['accuracy']:.3f} | {report[who]['macro_f1']:.3f} | "
            f"{report[who]['n']} |" for who, title in (("teacher", "large model"),
                                                       ("student", "**this model**"),
                                                       ("baseline", "bag of words"))]
    return "\n".join(["| | accuracy | macro-F1 | n |", "| --- | --- | --- | --- |", *rows])
