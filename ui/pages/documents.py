"""Documents: bring them, see what was read, put it right, and put them in use.

Does not: keep anything before *Use these documents* is pressed.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import gradio as gr

from engine.errors import EngineError
from engine.records import Corpus
from engine.studio import DEFAULT_STEPS, EXAMPLE
from ui import bringing, columns_table, receipts, wording
from ui import wording_documents as words
from ui.bringing import Values
from ui.guard import guarded, notice, problem
from ui.reading_form import HOW, Given, Held, after_reading, put_right, shown
from ui.session import Frame, Page, is_public, studio_for

MOST_ROWS = 200  # documents sent to the browser; a search stops there
UNKNOWN, ANEW = "", "anew"  # for `shown`: nothing yet, or Gradio gave it up; and: to be shown again


def build(frame: Frame) -> Page:
    """Build the page inside its tab."""
    at: Values = {"status": gr.HTML(elem_classes="maybe")}
    at["shown"] = gr.State(UNKNOWN)
    at["held"] = gr.State(None, delete_callback=bringing.forget)

    with gr.Column(visible=False) as at["in_use"]:
        at["summary"] = gr.HTML()
        with gr.Row(elem_classes="actions"):
            onward = gr.Button(words.DOCUMENTS_NEXT, variant="primary")
            at["kept_receipt"] = gr.DownloadButton(words.DOCUMENTS_RECEIPT)
        at["kept_remarks"] = gr.HTML()
        search = gr.Textbox(label=words.DOCUMENTS_SEARCH, type="text", max_length=200,
                            placeholder=words.DOCUMENTS_SEARCH_PLACEHOLDER, elem_id="doc-search")
        at["found"], at["table"] = gr.HTML(), gr.HTML(elem_id="doc-table")
        with gr.Accordion(words.DOCUMENTS_HOW, open=False):
            at["kept_how"] = gr.HTML()
    at["search"] = search

    with gr.Accordion(words.DOCUMENTS_BRING, open=True, elem_id="bring") as at["bring"]:
        gr.HTML(f"<p>{words.DOCUMENTS_LEDE_PUBLIC if is_public() else words.DOCUMENTS_LEDE}</p>")
        file = gr.File(label=words.DOCUMENTS_DROP, file_count="multiple", type="filepath", height=150,
                       elem_id="drop")
        gr.HTML(f'<p class="quiet">{words.DOCUMENTS_KINDS}</p>')
        with gr.Row(equal_height=False):
            example = gr.Button(words.DOCUMENTS_EXAMPLE, elem_id="example", scale=0, min_width=200)
            with gr.Column(min_width=260):
                gr.HTML(f'<p class="quiet">{words.DOCUMENTS_EXAMPLE_SAYS}</p>')
        with gr.Accordion(words.DOCUMENTS_OTHER_WAYS, open=False, elem_id="other-ways"):
            gr.HTML(f"<p>{words.DOCUMENTS_FOLDER}</p>")
            hub = gr.Textbox(label=words.DOCUMENTS_HUB, info=words.DOCUMENTS_HUB_INFO, max_length=300,
                             placeholder=words.DOCUMENTS_HUB_PLACEHOLDER, elem_id="hub")
            fetch = gr.Button(words.DOCUMENTS_FETCH, size="sm", elem_classes="narrow")
    at["file"] = file

    with gr.Column(visible=False, elem_id="preview") as at["preview"]:
        with gr.Column() as at["read"]:
            at["numbers"] = gr.HTML(elem_id="numbers", min_height=60)
            with gr.Row(elem_classes="actions"):
                use = gr.Button(words.DOCUMENTS_USE, variant="primary", elem_id="use")
                leave = gr.Button(words.DOCUMENTS_LEAVE)
                at["receipt"] = gr.DownloadButton(words.DOCUMENTS_RECEIPT, elem_id="receipt")
            at["how"], at["remarks"] = gr.HTML(elem_id="how"), gr.HTML(elem_id="remarks")
            with gr.Column(visible=False, elem_id="doubled") as at["doubled_box"]:
                at["doubled"] = gr.HTML()
                at["repair"] = gr.Checkbox(label=words.DOCUMENTS_REPAIR, info=words.DOCUMENTS_REPAIR_INFO)
        with gr.Column(elem_classes="out-of-sight"):  # not a State: that may be newer than the form
            at["mark"] = gr.Textbox("")
        table, table_choices = columns_table.build()
        at |= table
        with gr.Row():
            with gr.Column(scale=2, min_width=300) as at["rows_box"]:
                at["rows"] = gr.HTML(elem_id="first-rows")
            with gr.Column(scale=1, min_width=260), \
                    gr.Accordion(words.DOCUMENTS_WRONG, open=False, elem_id="differently") as at["wrong"]:
                gr.HTML(f'<p class="quiet">{words.DOCUMENTS_WRONG_INFO}</p>')
                at |= bringing.ways_to_read()
        with gr.Column() as at["more"]:
            with gr.Accordion(words.DOCUMENTS_PRIVATE, open=False, elem_id="private") as at["private_box"]:
                also = f" {words.DOCUMENTS_PRIVATE_ON}" if is_public() else ""
                at["mask"] = gr.Checkbox(label=words.DOCUMENTS_MASK, info=words.DOCUMENTS_MASK_INFO + also,
                                         elem_id="mask")
                at["private"] = gr.HTML()
            with gr.Accordion(words.DOCUMENTS_CLEANING, open=False, elem_id="cleaning") as at["cleaning_box"]:
                at["steps"] = gr.CheckboxGroup([], show_label=False, elem_id="steps",
                                               info=words.DOCUMENTS_CLEANING_INFO)
                at["changes"] = gr.HTML()
            with gr.Accordion(words.DOCUMENTS_COPIES, open=False) as at["copies_box"]:
                at["copies"] = gr.HTML()

    with gr.Accordion(wording.FRAME_HELP, open=False):
        gr.Markdown(wording.help_text("documents"))
    at |= {"project": frame.project, "stamp": frame.stamp, "run": frame.run}

    home = ["status", "shown", "held", "in_use", "bring", "preview", "file", "summary", "kept_receipt",
            "kept_remarks", "kept_how", "search", "found", "table", "mark"]
    choices = [*table_choices, *HOW]
    reading = [name for name in at if name not in {*home, "project", "stamp", "run"}]
    reading = ["status", "held", "in_use", "bring", "preview", "mark", *reading]
    used = ["project", "stamp", "run", "status", "shown", "held"]

    def listen(events: Any, handler: Callable[..., Values], wanted: list[Any], outputs: list[str],  # noqa: ANN401
               **how: Any) -> None:  # noqa: ANN401
        gr.on(events, _onto(at, guarded(handler)), [frame.visitor, *wanted], [at[name] for name in outputs],
              api_visibility="private", **how)

    controls = [at[name] for name in choices]
    typed = at["named"]
    listen([file.upload, file.delete], _read_files, [frame.project, file, at["held"]], reading,
           show_progress_on=[file])
    listen([hub.submit, fetch.click], _read_dataset, [frame.project, hub, at["held"]], reading,
           show_progress_on=[hub])
    listen([typed.submit, *(control.input for control in controls if control is not typed)], _read_again,
           [at["held"], at["mark"], *controls], reading, trigger_mode="always_last",
           show_progress_on=[at["numbers"], at["rows"]])
    listen([at["to_front"].input], _show_column, [at["held"], at["to_front"]], ["held", *table])
    listen([file.clear, leave.click], _leave, [frame.project, at["held"]], home, show_progress="hidden")
    listen([use.click], _use, [frame.project, at["held"], frame.stamp, *controls], used,
           show_progress_on=[at["numbers"]])
    listen([example.click], _example, [frame.stamp], ["project", "stamp", "run", "status", "shown"],
           show_progress_on=[at["status"], file])
    listen([search.input, search.submit], _search, [frame.project, search], ["found", "table"],
           show_progress="hidden", trigger_mode="always_last", concurrency_limit=None)
    onward.click(lambda: gr.Tabs(selected="instructions"), None, frame.tabs, api_visibility="private")
    return Page(_onto(at, _refresh), [at[name] for name in home], (at["shown"], at["held"], at["mark"]))


def _onto(at: Values, handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler whose values go to the components of these names."""
    @functools.wraps(handler)
    def on(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any handler
        values = handler(*args, **kwargs)
        return {at[name]: value for name, value in values.items()} or gr.skip()
    return on


# At rest: nothing in hand


def _refresh(visitor: str, project: str, run: str, shown: str, held: Held | None,  # noqa: ARG001
             mark: str) -> Values:
    corpus = studio_for(visitor).project(project).corpus if project else ""
    now = f"{project}/{corpus}"
    if now == shown:
        return {}
    if held and shown != ANEW:  # an upload stays in hand, whatever else changes: it may have taken an hour
        new = project in ("", EXAMPLE)
        in_hand = words.documents_in_hand("" if new else studio_for(visitor).project(project).title,
                                          bool(corpus) and not new)
        return {"shown": now} | ({} if shown == UNKNOWN else {"status": notice("note", *in_hand)})
    bringing.forget(held)
    values = _at_rest(visitor, project)
    stays = set() if values["status"] else {"status"}
    if not (held or mark):  # nothing was in hand when this was sent; what was dropped since stays in sight
        stays |= {"held", "file", "preview", "mark"}
    return {name: value for name, value in values.items() if name not in stays}


def _leave(visitor: str, project: str, held: Held | None) -> Values:
    bringing.forget(held)
    return _at_rest(visitor, project)


def _at_rest(visitor: str, project: str) -> Values:
    """The page without an upload in hand: empty, or the documents in use."""
    studio = studio_for(visitor)
    corpus_id = studio.project(project).corpus if project else ""
    values: Values = {"status": "", "shown": f"{project}/{corpus_id}", "held": None, "file": None,
                      "search": "", "preview": gr.Column(visible=False), "mark": ""}
    receipt, corpus = None, None
    if corpus_id:
        try:
            receipt, corpus = studio.receipt(project), studio.corpus(project)
        except EngineError as error:  # damaged, or stored by another version: others can be brought
            values["status"] = problem(error)
    if receipt is None or corpus is None:
        return values | {"in_use": gr.Column(visible=False), "summary": "", "kept_receipt": None,
                         "kept_remarks": "", "kept_how": "", "found": "", "table": "",
                         "bring": gr.Accordion(label=words.DOCUMENTS_BRING, open=True)}
    how = (receipts.how_read(receipt), receipts.roles(receipt), receipts.cleaning(receipt),
           receipts.private(receipt, receipt["private"]), receipts.copies(receipt))
    key = hashlib.sha256(f"{visitor}/{project}/{corpus_id}".encode()).hexdigest()
    note, rows = _rows(corpus, "", receipt["pieces"] > receipt["documents"])
    return values | {
        "in_use": gr.Column(visible=True), "bring": gr.Accordion(label=words.DOCUMENTS_OTHERS, open=False),
        "summary": f"<h2>{words.DOCUMENTS_IN_USE}</h2>{receipts.counts(receipt)}",
        "kept_remarks": receipts.remarks(receipt),
        "kept_receipt": bringing.as_file(studio.masked_receipt(receipt), key, corpus_id),
        "kept_how": "".join(how),
        "found": note, "table": rows}


def _rows(corpus: Corpus, wanted: str, pieces: bool) -> tuple[str, str]:
    """The first documents that hold what is wanted, and how many; enough of them end the search."""
    needle = wanted.strip().casefold()
    hits = corpus.documents if not needle else (
        d for d in corpus.documents if needle in d.text.casefold() or needle in d.id.casefold())
    found = list(islice(hits, MOST_ROWS + 1))
    rows = [(d.id, d.text, " · ".join(d.meta.values())) for d in found[:MOST_ROWS]]
    note = (words.documents_found(len(rows), len(corpus), pieces, len(found) <= MOST_ROWS) if needle else
            words.documents_all(len(rows), len(corpus), pieces))
    return f'<p class="quiet" role="status">{note}</p>', receipts.documents(rows)


def _search(visitor: str, project: str, wanted: str) -> Values:
    studio = studio_for(visitor)
    receipt = studio.receipt(project)
    note, rows = _rows(studio.corpus(project), wanted, receipt["pieces"] > receipt["documents"])
    return {"found": note, "table": rows}


# In hand: read, and read again


def _read_files(visitor: str, project: str, files: list[str] | None, held: Held | None,
                progress: gr.Progress = gr.Progress()) -> Values:  # noqa: B008
    """A drop: read by guesses alone."""
    return _read_new(visitor, project, files or [], held, progress)


def _read_dataset(visitor: str, project: str, name: str, held: Held | None,
                  progress: gr.Progress = gr.Progress()) -> Values:  # noqa: B008
    """A data set of the Hub: fetched, then read like a drop."""
    if not name.strip():
        return {}
    try:
        files = studio_for(visitor).fetch_dataset(name, _teller(progress))
    except EngineError as error:
        return {"status": problem(error)}
    return _read_new(visitor, project, map(str, files), held, progress)


def _read_new(visitor: str, project: str, files: Iterable[str], before: Held | None,
              progress: gr.Progress) -> Values:
    paths = tuple(files)
    if not paths:
        return {}
    steps = (*DEFAULT_STEPS, receipts.PRIVATE) if is_public() else tuple(DEFAULT_STEPS)
    in_use = studio_for(visitor).project(project).corpus if project else ""
    beside = words.DOCUMENTS_OWN_PROJECT if project == EXAMPLE else words.DOCUMENTS_REPLACE if in_use else ""
    held = Held(visitor, paths, beside, steps)
    values = _read(held, replace(held, shown=shown(held)), progress)
    bringing.forget(before)
    return values


def _read_again(visitor: str, held: Held | None, mark: str, *controls: Any,  # noqa: ANN401, ARG001
                progress: gr.Progress = gr.Progress()) -> Values:  # noqa: B008
    """A guess was put right: read again, keeping what was chosen before."""
    if held is None:
        return _gone()
    turn = held.turn
    with turn.lock:
        now = turn.latest or held
        wanted = put_right(now, Given.of(controls), turn.filled.get(mark, held))
        asked = wanted.chosen, wanted.steps
        if wanted is now or turn.asked == asked:
            return {}
        values = _read(now, wanted, progress)
        turn.latest = values.get("held", turn.latest)
        turn.asked = asked if "numbers" in values else None
    return values


def _read(before: Held, wanted: Held, progress: gr.Progress) -> Values:
    """Read without keeping. A refusal is said in the page, and the reading before this one stays."""
    studio = studio_for(wanted.visitor)
    try:
        reading = studio.read_files([Path(path) for path in wanted.paths], wanted.options, wanted.steps,
                                    _teller(progress))
    except EngineError as error:
        return bringing.refused(before if before.reading else wanted, error)
    bringing.forget(before)
    now = after_reading(wanted, reading)
    now.turn.filled[reading.folder.name] = now
    made = bringing.in_hand(now, reading)
    return made if before.reading else made | {"wrong": gr.Accordion(open=False)}  # else as it is


def _show_column(visitor: str, held: Held | None, name: str | None) -> Values:  # noqa: ARG001
    """Bring one of the folded columns into the table, where its role can be chosen."""
    if not (held and held.reading and name in held.order):
        return {}
    columns = columns_table.columns_of(held.reading.receipt)
    held = replace(held, order=(name, *(other for other in held.order if other != name)))
    held = replace(held, shown=replace(held.shown, columns=columns_table.said(columns, held.order)))
    held.turn.latest = held.turn.filled[held.reading.folder.name] = held
    return {"held": held, **columns_table.updates(columns, held.order)}


def _gone() -> Values:
    """Gradio gave the upload up, an hour after the last sign of the page."""
    return {"status": notice("warning", words.DOCUMENTS_GONE, words.DOCUMENTS_GONE_FIX)}


def _teller(progress: gr.Progress) -> Callable[[str, int, int], None]:
    def tell(stage: str, done: int, total: int) -> None:
        progress(done / total if total else 0.0, desc=words.documents_progress(stage, done, total))
    return tell


# Put in use


def _use(visitor: str, project: str, held: Held | None, stamp: int, *controls: Any,  # noqa: ANN401
         progress: gr.Progress = gr.Progress()) -> Values:  # noqa: B008
    """Put what was read in use in the project (made if there is none)."""
    if held is None:
        return _gone()
    if not held.reading:
        return {}
    if put_right(held, Given.of(controls)) is not held:
        return {"status": notice("warning", words.DOCUMENTS_BUSY, words.DOCUMENTS_BUSY_FIX)}
    studio = studio_for(visitor)
    progress(0.0, desc=words.DOCUMENTS_STAGES["using"])
    made = project in ("", EXAMPLE)  # the example stays what it is
    try:
        if made:
            project = studio.create_project(Path(held.paths[0]).stem.replace("_", " ")).id
        studio.use_reading(project, held.reading)
    except EngineError as error:
        return {"status": problem(error)}
    bringing.forget_file(held.reading.folder.name)
    done = words.documents_kept(held.reading.receipt["documents"])
    return {"project": project, "stamp": stamp + 1, "status": notice("done", done), "shown": ANEW,
            "held": None, **({"run": ""} if made else {})}


def _example(visitor: str, stamp: int) -> Values:
    """Open the example project, made on first use."""
    studio = studio_for(visitor)
    opened = studio.open_example()
    runs = studio.runs(opened.id)
    done = words.documents_kept(studio.receipt(opened.id)["documents"])
    return {"project": opened.id, "stamp": stamp + 1, "run": runs[0].id if runs else "",
            "status": notice("done", done), "shown": ANEW}
