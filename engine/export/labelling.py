"""Using a student at home: label a file, copy it out, or merge it into its base weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from engine.corpus.ingest import ingest
from engine.corpus.reading import ReadOptions
from engine.devices import choose_device
from engine.errors import disk_errors_in_words
from engine.evaluation.pieces import merged
from engine.export.tables import table_format, write_predictions
from engine.models.weights import require
from engine.students.base import SETTINGS_FILE, Student, read_settings
from engine.students.predicting import predict
from engine.workspace import Workspace, write_json


def open_student(workspace: Workspace, folder: Path) -> Student:
    """The student in a folder, on the installed base weights.

    Raises:
        RunError: there is none, or the base weights differ.
        WeightsError: the base is not installed.
    """
    settings = read_settings(folder)
    return Student.from_folder(folder, require(workspace.models, settings["base_model"]),
                               choose_device())


def label_file(workspace: Workspace, folder: Path, file: Path, target: Path, options: ReadOptions,
               ) -> dict[str, Any]:
    """Read a file as for training, label every document, write a table. Returns counts."""
    table_format(target)
    student = open_student(workspace, folder)
    read = ingest([file], options)
    documents = read.corpus.documents
    wholes = [d.whole for d in documents]
    probs = merged(predict(student, [d.text for d in documents]), wholes)
    originals: dict[str, str] = {}
    for d in documents:
        originals[d.whole] = originals.get(d.whole, "") + d.original
    rows = [{"id": name, "text": text, "answer": student.labels[int(p.argmax())],
             "confidence": round(float(p.max()), 4),
             **{f"p({name})": round(float(v), 4) for name, v in zip(student.labels, p, strict=True)}}
            for (name, text), p in zip(originals.items(), probs, strict=True)]
    write_predictions(target, rows)
    receipt = read.receipt
    return {"documents": len(rows), "rows_read": receipt.rows_read, "dropped": dict(receipt.dropped),
            "file": str(target)}


def export_student(workspace: Workspace, folder: Path, target: Path, *, merged: bool) -> None:
    """Copy a student's folder; merged, as a whole model with its tokenizer that needs no adapter."""
    with disk_errors_in_words(f"the small model in {target}"):
        if not merged:
            shutil.copytree(folder, target, dirs_exist_ok=True)
            return
        student = open_student(workspace, folder)
        whole = student.model.merge_and_unload()
        whole.save_pretrained(str(target), safe_serialization=True)
        student.tokenizer.save_pretrained(str(target))
        write_json(target / SETTINGS_FILE, {**student.settings, "merged": True})
        if (folder / "README.md").exists():
            shutil.copy(folder / "README.md", target / "README.md")
