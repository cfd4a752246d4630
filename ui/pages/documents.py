"""Documents: bring them, see what was read, put it right, and put them in use.

Does not: keep anything before *Use these documents* is pressed.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from engine.errors import EngineError
from engine.records import Corpus
from engine.studio import EXAMPLE, ReadOptions
from ui import receipts, wording
from ui.guard import guarded, notice, problem
from ui.session import Frame, Page, is_public, studio_for

MOST_ROWS = 200  # rows of the table sent to the browser; the search looks through all
HEADER_ROWS = 10
READ_OUT = 22  # outputs of a reading: status, what is held, boxes, views, and the controls


def build(frame: Frame) -> Page:
    """Build the page inside its tab."""
    status = gr.HTML(elem_classes="maybe")
    shown, held = gr.State(""), gr.State(None)

    with gr.Column(visible=False) as in_use:
        summary = gr.HTML()
        with gr.Row(elem_classes="actions"):
            onward = gr.Button(wording.DOCUMENTS_NEXT, variant="primary")
            kept_receipt = gr.DownloadButton(wording.DOCUMENTS_RECEIPT)
        search = gr.Textbox(label=wording.DOCUMENTS_SEARCH, type="text", max_length=200,
                            placeholder=wording.DOCUMENTS_SEARCH_PLACEHOLDER, elem_id="doc-search")
        found = gr.HTML()
        table = gr.HTML(elem_id="doc-table")
        with gr.Accordion(wording.DOCUMENTS_HOW, open=False):
            kept_how = gr.HTML()

    with gr.Accordion(wording.DOCUMENTS_BRING, open=True, elem_id="bring") as bring:
        lede = wording.DOCUMENTS_LEDE_PUBLIC if is_public() else wording.DOCUMENTS_LEDE
        gr.HTML(f"<p>{lede}</p>")
        file = gr.File(label=wording.DOCUMENTS_DROP, file_count="multiple", type="filepath",
                       height=150, elem_id="drop")
        with gr.Row(equal_height=True):
            example = gr.Button(wording.DOCUMENTS_EXAMPLE, elem_id="example", scale=0,
                                min_width=200)
            gr.HTML(f'<p class="quiet">{wording.DOCUMENTS_EXAMPLE_SAYS}</p>')

    with gr.Column(visible=False, elem_id="preview") as preview:
        with gr.Column() as read:
            numbers = gr.HTML()
            with gr.Row(elem_classes="actions"):
                use = gr.Button(wording.DOCUMENTS_USE, variant="primary", elem_id="use")
                leave = gr.Button(wording.DOCUMENTS_LEAVE)
                receipt = gr.DownloadButton(wording.DOCUMENTS_RECEIPT)
            remarks, rows = gr.HTML(), gr.HTML()
        with gr.Row():
            with gr.Column(scale=2, min_width=300) as roles_box:
                roles = gr.HTML()
            with gr.Column(scale=1, min_width=260):
                text_column = gr.Dropdown([], label=wording.DOCUMENTS_TEXT_COLUMN,
                                          info=wording.DOCUMENTS_TEXT_COLUMN_INFO,
                                          elem_id="text-column", allow_custom_value=True)
                with gr.Accordion(wording.DOCUMENTS_WRONG, open=False):
                    encoding = _choice(wording.DOCUMENTS_ENCODING, wording.DOCUMENTS_ENCODING_INFO,
                                       [(name, name) for name in wording.DOCUMENTS_ENCODINGS])
                    delimiter = _choice(wording.DOCUMENTS_DELIMITER,
                                        wording.DOCUMENTS_DELIMITER_INFO,
                                        list(wording.DOCUMENTS_DELIMITERS.items()))
                    header = _choice(wording.DOCUMENTS_HEADER, wording.DOCUMENTS_HEADER_INFO,
                                     [(wording.DOCUMENTS_NO_HEADER, "-1"),
                                      *((f"row {n + 1}", str(n)) for n in range(HEADER_ROWS))])
                    labels = gr.Dropdown([], label=wording.DOCUMENTS_LABELS, multiselect=True,
                                         info=wording.DOCUMENTS_LABELS_INFO)
        with gr.Column() as more:
            with gr.Accordion(wording.DOCUMENTS_CLEANING, open=False):
                steps = gr.CheckboxGroup([], show_label=False, elem_id="steps",
                                         info=wording.DOCUMENTS_CLEANING_INFO)
                changes = gr.HTML()
            with gr.Accordion(wording.DOCUMENTS_COPIES, open=False) as copies_box:
                copies = gr.HTML()

    with gr.Accordion(wording.FRAME_HELP, open=False):
        gr.Markdown(wording.help_text("documents"))

    home = [status, shown, held, in_use, bring, preview, file, summary, kept_receipt, kept_how,
            search, found, table]
    overrides = [text_column, encoding, delimiter, header, labels, steps]
    views = [numbers, remarks, rows, roles, changes, copies, copies_box, receipt]
    boxes = [in_use, bring, preview, read, roles_box, more]
    read_out = [status, held, *boxes, *views, *overrides]
    assert len(read_out) == READ_OUT
    quiet = {"api_visibility": "private"}

    gr.on([file.upload, file.delete], guarded(_read_files),
          [frame.visitor, frame.project, file], read_out,
          **quiet)
    gr.on([file.clear, leave.click], guarded(_leave), [frame.visitor, frame.project], home, **quiet,
          show_progress="hidden")
    gr.on([control.input for control in overrides], guarded(_read_again),
          [frame.visitor, held, *overrides], read_out, **quiet)
    use.click(guarded(_use), [frame.visitor, frame.project, held, frame.stamp],
              [frame.project, frame.stamp, frame.run, status, shown], **quiet)
    example.click(guarded(_example), [frame.visitor, frame.stamp],
                  [frame.project, frame.stamp, frame.run, status, shown], **quiet)
    onward.click(lambda: gr.Tabs(selected="instructions"), None, frame.tabs, **quiet)
    search.input(guarded(_search), [frame.visitor, frame.project, search], [found, table], **quiet,
                 show_progress="hidden", trigger_mode="always_last", concurrency_limit=None)
    return Page(_refresh, home, (shown,))


def _choice(label: str, info: str, choices: list[tuple[str, str]]) -> gr.Dropdown:
    return gr.Dropdown([(wording.DOCUMENTS_GUESS, ""), *choices], value="", label=label, info=info)


def _refresh(visitor: str, project: str, run: str, shown: str) -> Any:  # noqa: ANN401, ARG001
    corpus = studio_for(visitor).project(project).corpus if project else ""
    now = f"{project}/{corpus}"
    return gr.skip() if now == shown else (gr.skip(), *_at_rest(visitor, project)[1:])


def _leave(visitor: str, project: str) -> tuple[Any, ...]:
    return _at_rest(visitor, project)


def _at_rest(visitor: str, project: str) -> tuple[Any, ...]:
    """The page without an upload in hand: empty, or the documents in use. Values for `home`."""
    studio = studio_for(visitor)
    corpus_id = studio.project(project).corpus if project else ""
    now = f"{project}/{corpus_id}"
    if not corpus_id:
        return ("", now, None, gr.Column(visible=False),
                gr.Accordion(label=wording.DOCUMENTS_BRING, open=True), gr.Column(visible=False),
                None, "", None, "", "", "", "")
    told, corpus = studio.receipt(project), studio.corpus(project)
    how = "".join((receipts.how_read(told), receipts.roles(told), receipts.cleaning(told),
                   receipts.copies(told)))
    note, rows = _rows(corpus, "")
    return ("", now, None, gr.Column(visible=True),
            gr.Accordion(label=wording.DOCUMENTS_OTHERS, open=False), gr.Column(visible=False),
            None,
            f"<h2>{wording.DOCUMENTS_IN_USE}</h2>{receipts.counts(told)}{receipts.remarks(told)}",
            _as_file(told, corpus_id), how, "", note, rows)


def _rows(corpus: Corpus, wanted: str) -> tuple[str, str]:
    needle = wanted.strip().casefold()
    hits = [d for d in corpus.documents if needle in d.text.casefold() or needle in d.id.casefold()]
    rows = [(d.id, d.text, " · ".join(d.meta.values())) for d in hits[:MOST_ROWS]]
    said = wording.documents_found(len(rows), len(hits), len(corpus))
    return f'<p class="quiet" role="status">{said}</p>', receipts.documents(rows)


def _search(visitor: str, project: str, wanted: str) -> tuple[str, str]:
    return _rows(studio_for(visitor).corpus(project), wanted)


def _read_files(visitor: str, project: str, files: list[str] | None,
                progress: gr.Progress = gr.Progress()) -> Any:  # noqa: ANN401, B008
    """A drop: read by guesses alone."""
    if not files:
        return (gr.skip(),) * READ_OUT
    held = {"paths": list(files), "chosen": {}, "using": None, "steps": {},
            "beside_example": project == EXAMPLE}
    return _read(held, visitor, progress)


def _read_again(visitor: str, held: dict[str, Any], text_column: str, encoding: str,
                delimiter: str, header: str, labels: list[str], using: list[str],
                progress: gr.Progress = gr.Progress()) -> Any:  # noqa: ANN401, B008
    """A guess was put right: read again, keeping what was chosen before."""
    chosen, before = dict(held["chosen"]), held["shown"]
    if (encoding, delimiter, header) != (before["encoding"], before["delimiter"], before["header"]):
        # Columns may be called otherwise now, so what was said about them no longer holds.
        chosen = {"encoding": encoding or None, "delimiter": delimiter or None,
                  "header_row": int(header) if header else None}
    else:
        if text_column != before["text_column"]:
            chosen["text_column"] = text_column
        if labels != before["labels"] or text_column in labels:
            chosen["label_columns"] = tuple(name for name in labels if name != text_column)
    return _read({**held, "chosen": chosen, 
                  "using": [n for n in held["steps"] if n in using] if held["steps"] else None},
                 visitor, progress)


def _read(held: dict[str, Any], visitor: str, progress: gr.Progress) -> tuple[Any, ...]:
    """Read without keeping; a refusal is said in the page and leaves everything as it was."""
    try:
        told = _preview(held, visitor, progress)
    except EngineError as error:
        return _refused(held, error)
    steps = held["steps"] or {step["name"]: step["title"] for step in told["cleaning"]}
    first, chosen = receipts.files_of(told)[0], held["chosen"]
    alike = all(file["columns"] == first["columns"] for file in receipts.files_of(told))
    columns = list(first["columns"]) if alike else []
    header = chosen.get("header_row")
    shown = {"text_column": first["text_column"], "encoding": chosen.get("encoding") or "",
             "delimiter": chosen.get("delimiter") or "",
             "header": "" if header is None else str(header),
             "labels": list(told["labels_found"]) if alike else []}
    held = {**held, "steps": steps, "shown": shown}
    done = {step["name"]: step["count"] for step in told["cleaning"]}
    names = [(wording.documents_step(title, done.get(name)), name) for name, title in steps.items()]
    own = wording.DOCUMENTS_OWN_PROJECT if held["beside_example"] else ""
    return (notice("note", wording.DOCUMENTS_NOT_YET, own), held, gr.Column(visible=False),
            gr.Accordion(open=False), *(gr.Column(visible=True),) * 4,
            receipts.counts(told) + receipts.how_read(told), receipts.remarks(told),
            receipts.first_rows(told), receipts.roles(told), receipts.cleaning(told),
            receipts.copies(told),
            gr.Accordion(label=wording.documents_copies(told["duplicates"])),
            _as_file(told, Path(held["paths"][0]).stem),
            gr.Dropdown(choices=columns, value=first["text_column"], visible=len(columns) > 1,
                        allow_custom_value=True),
            shown["encoding"], shown["delimiter"], shown["header"],
            gr.Dropdown(choices=columns, value=shown["labels"], visible=len(columns) > 1,
                        multiselect=True),
            gr.CheckboxGroup(choices=names, value=list(done)))


def _refused(held: dict[str, Any], error: EngineError) -> tuple[Any, ...]:
    """Say why. A reading before this one stays; a first one offers what could put it right."""
    if "shown" in held:
        return (problem(error), *(gr.skip(),) * (READ_OUT - 1))
    nothing = {"text_column": None, "encoding": "", "delimiter": "", "header": "", "labels": []}
    hidden = gr.Column(visible=False)
    return (problem(error), {**held, "shown": nothing}, gr.skip(), gr.skip(),
            gr.Column(visible=True), hidden, hidden, hidden, *(gr.skip(),) * 8,
            gr.Dropdown(choices=[], value=None, visible=True, allow_custom_value=True), "", "", "",
            gr.Dropdown(choices=[], value=[], visible=False, multiselect=True), gr.skip())


def _preview(held: dict[str, Any], visitor: str, progress: gr.Progress) -> dict[str, Any]:
    asked: dict[str, Any] = {"options": ReadOptions(**held["chosen"])}
    if held["using"] is not None:
        asked["cleaning"] = held["using"]
    paths = [Path(p) for p in held["paths"]]
    read = studio_for(visitor).preview(paths, on_progress=_teller(progress), **asked)
    return read.receipt.to_json()


def _teller(progress: gr.Progress) -> Callable[[str, int, int], None]:
    def tell(stage: str, done: int, total: int) -> None:
        progress(done / total if total else 0.0, desc=wording.DOCUMENTS_READING.get(stage, stage))
    return tell


def _use(visitor: str, project: str, held: dict[str, Any] | None, stamp: int,
         progress: gr.Progress = gr.Progress()) -> Any:  # noqa: ANN401, B008
    """Keep a copy in the project (made if there is none) and put it in use."""
    if not held:
        return (gr.skip(),) * 5
    studio = studio_for(visitor)
    paths = [Path(p) for p in held["paths"]]
    try:
        made = project in ("", EXAMPLE)  # the example stays what it is
        if made:
            project = studio.create_project(paths[0].stem.replace("_", " ")).id
        used = studio.use_documents(project, paths, ReadOptions(**held["chosen"]), held["using"]
                                    if held["using"] is not None else tuple(held["steps"]),
                                    _teller(progress))
    except EngineError as error:
        return gr.skip(), gr.skip(), gr.skip(), problem(error), gr.skip()
    done = wording.documents_kept(studio.receipt(used.id)["documents"])
    run = "" if made else gr.skip()
    return used.id, stamp + 1, run, notice("done", done), ""


def _example(visitor: str, stamp: int) -> tuple[Any, ...]:
    """Open the example project, made on first use."""
    studio = studio_for(visitor)
    opened = studio.open_example()
    runs = studio.runs(opened.id)
    done = wording.documents_kept(studio.receipt(opened.id)["documents"])
    return opened.id, stamp + 1, runs[0].id if runs else "", notice("done", done), ""


def _as_file(receipt: dict[str, Any], name: str) -> str:
    """The receipt as a file to download; the browser gets a copy."""
    plain = re.sub(r"[^\w.-]+", "-", name)
    path = Path(tempfile.mkdtemp(prefix="anon-receipt-")) / f"receipt-{plain}.json"
    path.write_text(json.dumps(receipt, ensure_ascii=False, indent=2), encoding="utf-8")
    return str(path)
