"""Using a student at home: label files, copy it out, or merge it into its base weights."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from engine.corpus.gathering import MOST_PIECES
from engine.corpus.ingest import Ingested, ingest
from engine.corpus.reading import ReadOptions
from engine.corpus.receipt import Receipt
from engine.corpus.table import n_of
from engine.devices import choose_device
from engine.errors import InputError, RunError, disk_errors_in_words
from engine.evaluation.labelled import answered
from engine.evaluation.pieces import merged
from engine.export.tables import table_format, write_predictions
from engine.metrics.deciding import certainty, decisions, given_in, named
from engine.models.weights import require
from engine.progress import Counted, Staged
from engine.records import Document
from engine.students.base import Student
from engine.students.opening import open_student as open_on
from engine.students.predicting import predict
from engine.students.settings import read_settings
from engine.tasks.answer_form import read_back
from engine.tasks.definition import NO_LABEL
from engine.workspace import Workspace

WITH_COLUMNS = ("json", "geojson", "parquet")  # kinds of files that have columns, but no row of their names
FIRST, SHOWN, HALF = 5, 300, 0.5  # rows and characters of each that are shown; below half nobody is sure


def open_student(workspace: Workspace, folder: Path) -> Student:
    """The student in a folder, on the installed base weights.

    Raises:
        RunError: there is none, or the base weights differ.
        WeightsError: the base is not installed.
    """
    base = require(workspace.models, read_settings(folder).base_model)
    return open_on(folder, base, choose_device())


def label_files(workspace: Workspace, folder: Path, files: Sequence[Path], target: Path, options: ReadOptions,
                on_progress: Staged | None = None) -> dict[str, Any]:
    """Read files as the documents of training were, answer each document, write a table. Returns counts.

    `on_progress(what, done, total)`: as `ingest` tells of reading, then documents answered.

    Raises:
        InputError: the table would be written over the documents, or has an ending that is not known.
    """
    table_format(target)
    met = next((file for file in files if target.resolve().is_relative_to(file.resolve())), None)
    if met and met.is_dir():  # over one of its files, or to be read as one of them the next time
        raise InputError(f"The answers would be written among the documents, into “{met}”.",
                         "Choose a place outside that folder, after -o.")
    if met:
        raise InputError("The answers would be written over the documents themselves.",
                         "Give the answers another name, after -o.")
    student = open_student(workspace, folder)
    read = read_as_taught(student, files, options, on_progress)
    tell = (lambda done, total: on_progress("Answering", done, total)) if on_progress else None
    rows = answer_rows(student, read.corpus.documents, tell)
    write_predictions(target, rows)
    return {"documents": len(rows), **_of_reading(read.receipt), "file": str(target)}


def read_as_taught(student: Student, files: Sequence[Path], options: ReadOptions,
                   on_progress: Staged | None = None) -> Ingested:
    """Read files as the documents were that the student learned from: cleaned and mended alike.

    Raises:
        InputError: none of them can be used.
    """
    options = replace(options, repair=options.repair or student.settings.repair)
    return ingest(files, options, student.settings.cleaning, on_progress)


def answer_rows(student: Student, documents: Sequence[Document],
                tell: Counted | None = None) -> list[dict[str, Any]]:
    """Rows of a table: id, text and answer; with labels also `confidence` (0..1) and each label's `p(label)`.

    One row a document; where the student writes, one a document or piece of it. `tell` counts documents and
    pieces.
    """
    return (_chosen if student.labels else _written)(student, documents, tell)


def told_of(student: Student, read: Ingested, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is told beside a table of `answer_rows`, as JSON: see `views.Labelling`."""
    receipt = read.receipt
    kind = "single_label" if student.labels and not student.several else student.kind
    sure = [row["confidence"] for row in rows] if kind == "single_label" else []
    return {"kind": kind, "documents": receipt.documents, **_of_reading(receipt),
            "found": sorted(_found(student, read.corpus.documents, rows).items(), key=lambda item: -item[1]),
            "columns": [[file.name, file.text_column] for file in receipt.files
                        if file.header_row is not None or file.format.startswith(WITH_COLUMNS)],
            "unsure": sum(one < HALF for one in sure),
            "first": [{"id": row["id"], "text": row["text"][:SHOWN], "answer": row["answer"],
                       "confidence": row.get("confidence")} for row in rows[:FIRST]]}


def _of_reading(receipt: Receipt) -> dict[str, Any]:
    """What is told of the files themselves, wherever their answers go."""
    long = [f"{n_of(receipt.shortened, 'document')} longer than {MOST_PIECES} pieces: what is beyond was not "
            "read."] if receipt.shortened else []
    return {"rows_read": receipt.rows_read, "dropped": receipt.dropped,
            "refused": [asdict(one) for one in receipt.refused], "remarks": [*receipt.remarks, *long]}


def _found(student: Student, documents: Sequence[Document],
           rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Documents of each category, or those in which each fact was found; of texts nothing."""
    if student.several:
        names = [*student.labels, NO_LABEL]
        given = [given_in(row["answer"], names) for row in rows]
        return {name: sum(each[i] for each in given) for i, name in enumerate(names)}
    if student.labels:
        times = Counter(row["answer"] for row in rows)
        return {name: times[name] for name in student.labels}
    task = student.settings.task
    if task.kind != "extract":
        return {}
    found: dict[str, set[str]] = {field.name: set() for field in task.fields}
    for document, row in zip(documents, rows, strict=True):  # a fact in two pieces is one of the document
        for name, value in read_back(task, row["answer"]).items():
            if value:
                found[name].add(document.whole)
    return {name: len(wholes) for name, wholes in found.items()}


def _chosen(student: Student, documents: Sequence[Document], tell: Counted | None) -> list[dict[str, Any]]:
    """One row a document: its label or labels, and the probability of each."""
    wholes, several = [d.whole for d in documents], student.several
    probs = merged(predict(student, [d.text for d in documents], tell), wholes, several)
    originals: dict[str, str] = {}
    for d in documents:
        before = originals.get(d.whole)  # pieces were cut at a blank
        originals[d.whole] = f"{before} {d.original}" if before else d.original
    given, sure = decisions(probs, several), certainty(probs, several)
    return [{"id": name, "text": text, "answer": named(student.labels, given[i]),
             "confidence": round(float(sure[i]), 4),
             **{f"p({label})": round(float(v), 4) for label, v in zip(student.labels, probs[i], strict=True)}}
            for i, (name, text) in enumerate(originals.items())]


def _written(student: Student, documents: Sequence[Document], tell: Counted | None) -> list[dict[str, Any]]:
    """One row a document or piece of one: what the student wrote, and facts each in a column of its own."""
    task = student.settings.task
    rows = []
    answers, _ = answered(student, [d.text for d in documents], tell)
    for document, answer in zip(documents, answers, strict=True):
        row = {"id": document.id, "text": document.original, "answer": answer}
        if task.kind == "extract":
            row |= {f"{field} (fact)" if field in row else field: value or ""
                    for field, value in read_back(task, answer).items()}
        rows.append(row)
    return rows


def export_student(workspace: Workspace, folder: Path, target: Path, *, merged: bool) -> None:
    """Copy a student's folder; merged, as a whole model with its tokenizer that needs no adapter.

    Raises:
        RunError: an encoder with a head of its own, which other programs have no place for, is to be merged.
    """
    with disk_errors_in_words(f"the small model in {target}"):
        if not merged:
            shutil.copytree(folder, target, dirs_exist_ok=True)
            return
        if read_settings(folder).encoder:
            raise RunError("A small model that only reads has a head of its own and cannot be merged.",
                           "Take it as it is: leave out --merged.")
        student = open_student(workspace, folder)
        whole = student.model.merge_and_unload()
        whole.save_pretrained(str(target), safe_serialization=True)
        student.tokenizer.save_pretrained(str(target))
        student.settings.model_copy(update={"merged": True}).save(target)
        if (folder / "README.md").exists():
            shutil.copy(folder / "README.md", target / "README.md")
