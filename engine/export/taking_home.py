"""What the analyst takes home: the student's folder with its card, a ZIP of it, and answers as a table."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.errors import RunError
from engine.evaluation.labelled import answered
from engine.evaluation.pieces import merged
from engine.export.card import model_card
from engine.export.tables import write_predictions
from engine.metrics.calibration import sureness
from engine.metrics.deciding import certainty, decisions, given_in, named
from engine.models.weights import ModelFolder
from engine.plan import DistillPlan
from engine.progress import Counted
from engine.students.base import Student
from engine.workspace import write_atomic, write_text

SAME_AGAIN = 0.5  # rounding moves an answer now and then, never half of them
COLUMNS = ("id", "text", "student", "student_confidence", "teacher", "sureness", "baseline", "part")


def reload_check(student: Student, table: pd.DataFrame, on_progress: Counted | None = None) -> str:
    """Ask a freshly loaded student the kept-aside documents again; one sentence on how it went.

    Raises:
        RunError: it is plainly not the one that was scored.
    """
    kept = table[(table["part"] == "kept_aside") & (table["teacher"] != "")]
    texts = kept["text"].tolist()
    again, _ = answered(student, texts, on_progress)
    same = sum(a == b for a, b in zip(again, kept["student"], strict=True))
    if same < SAME_AGAIN * len(kept):
        raise RunError("The small model did not come back from its files as it was: only "
                       f"{same} of {len(kept)} answers are the same.",
                       "Start a new run: it uses the large model's answers.",
                       "The report and the files of this run are kept.")
    return f"Saved, loaded again and asked once more: {same} of {len(kept)} answers are the same."


def pack(run: Path, plan: DistillPlan, report: dict[str, Any], table: pd.DataFrame, base: ModelFolder,
         facts: dict[str, Any]) -> dict[str, Any]:
    """Write card, ZIP and table; returns their sizes in bytes."""
    student, home = run / "student", run / "take-home"
    facts = {**facts, "base_repo": base.card.hub.repo if base.card and base.card.hub else base.name,
             "licence": base.card.licence if base.card else "other", "base_digest": base.digest,
             "base_source": {"hub": "the Hugging Face Hub", "package-index": "a package index (4-bit "
                             "files of third parties, dequantised)"}.get(base.source, f"a {base.source}")}
    write_text(student / "README.md", model_card(plan, report, facts))
    home.mkdir(exist_ok=True)
    write_atomic(home / "student.zip", lambda path: zip_folder(student, path))
    if not plan.writes:
        table = of_wholes(table, plan.task.kind == "multi_label")
    rows = table[list(COLUMNS)].rename(columns={"student": "answer", "student_confidence": "confidence",
                                                "teacher": "large_model", "baseline": "bag_of_words"})
    write_predictions(home / "predictions.csv", rows.to_dict("records"))
    return {path.name: path.stat().st_size for path in sorted(home.iterdir())}


def of_wholes(table: pd.DataFrame, several: bool) -> pd.DataFrame:
    """The table with one row a document: pieces of a long one are merged as they are scored.

    `table`: one row a document or piece. `several`: each label is yes or no by itself.
    """
    if table["whole"].is_unique:
        return table
    wholes = table["whole"].tolist()
    by_whole = table.groupby("whole", sort=False)
    made = by_whole.first().reset_index()
    made["id"] = made["whole"]
    made["text"] = by_whole["text"].agg(" ".join).to_numpy()
    for who, confidence in (("student", "student_confidence"), ("teacher", "teacher_confidence")):
        each = [json.loads(said) for said in table[f"{who}_probs"]]
        names = list(each[0])
        probs = merged(np.array([[one[name] for name in names] for one in each]), wholes, several)
        made[who] = [named(names, row) for row in decisions(probs, several)]
        made[confidence] = certainty(probs, several).round(4)
    stable = by_whole["teacher_stability"].mean().to_numpy()
    made["sureness"] = [sureness(float(sure), float(same)) for sure, same in
                        zip(made["teacher_confidence"], stable, strict=True)]
    bag = np.array([given_in(said, names) for said in table["baseline"]], float)
    made["baseline"] = [named(names, row) for row in decisions(merged(bag, wholes, several), several)]
    return made


def zip_folder(folder: Path, target: Path) -> None:
    """All files of a folder, under its name."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.write(path, f"{folder.name}/{path.relative_to(folder)}")
