"""The command line: one JSON object or words, three lines for an error, and the right exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main
from engine.jobs.folder import RunFolder, put_request
from engine.jobs.worker import work
from engine.plan import load_plan, save_plan
from engine.presets import HEALING
from engine.workspace import HOME_SETTING, write_text
from tests.students.tiny import FIRST, MODEL, TEACHER, Made, calm, made, phases, tiny_home

__all__ = ["calm", "made", "tiny_home"]
ROOT = Path(__file__).resolve().parents[1]
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Call:
    """Run a command; exit code, standard output, standard error."""
    def _call(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            code = main([str(w) for w in words])
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        out, err = capfd.readouterr()
        return code, out, err
    return _call


@pytest.fixture
def here(made: Made, monkeypatch: pytest.MonkeyPatch) -> Made:
    """The tiny workspace as everybody's home."""
    monkeypatch.setenv(HOME_SETTING, str(made.workspace.home))
    return made


def object_of(answer: tuple[int, str, str]) -> dict[str, Any]:
    code, out, err = answer
    assert code == 0, err
    assert out.count("\n") == 1 and isinstance(json.loads(out), dict)
    return json.loads(out)


def refused(answer: tuple[int, str, str], *parts: str) -> None:
    code, out, err = answer
    assert code == 1 and out == "" and "Traceback" not in err
    lines = err.strip().splitlines()
    assert len(lines) == 3 and all(lines), err
    for part in parts:
        assert part in err


@pytest.mark.parametrize("words", [
    ("report", "none"), ("report", "p/none"), ("watch", "none"), ("pause", "none"), ("stop", "none"),
    ("cancel", "none"), ("resume", "none"), ("start", "none"), ("export", "none", "--to", "x"),
    ("ask", "--project", "none"), ("plan", "--project", "none", "-o", "p.yaml"), ("run", "none.yaml"),
    ("ingest", "none.csv"), ("predict", "none", "none.csv", "-o", "out.csv"),
    ("models", "get", "no-such-model"),
    ("report", "../../etc"), ("ask", "--project", "Not A Name"),
])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_is_not_there_is_told_in_three_lines(
    call: Call, words: tuple[str, ...], form: tuple[str, ...]
) -> None:
    refused(call(*words, *form))


@pytest.mark.parametrize("words", [("nonsense",), ("report",), ("ingest",), ("run",), ("predict", "a"), (),
                                   ("demo", "--seed", "x"), ("models", "get"), ("ask", "--n", "3")])
def test_wrong_usage_is_two(call: Call, words: tuple[str, ...]) -> None:
    code, out, err = call(*words)
    assert code == 2 and "Traceback" not in err and "usage" in (out + err).lower()


NUMBERS = [(("ask", "--project", "p"), "--n", 1), (("demo",), "--seed", 0),
           (("plan", "--project", "p", "-o", "p.yaml"), "--seed", 0),
           (("plan", "--project", "p", "-o", "p.yaml"), "--layers", 1),
           (("ingest", "d.csv"), "--header-row", 0)]


@pytest.mark.parametrize(("words", "option", "least"), NUMBERS)
@pytest.mark.parametrize("said", ["below", "-7", "1.5", "ten", "", "²"])
def test_a_number_that_will_not_do_is_told_with_what_would(
    call: Call, words: tuple[str, ...], option: str, least: int, said: str
) -> None:
    said = str(least - 1) if said == "below" else said
    code, out, err = call(*words, f"{option}={said}")
    assert code == 2 and out == "" and "Traceback" not in err
    assert f"“{said}” will not do: give a whole number, {least} or more" in err and "Nothing was done" in err


def test_every_option_that_takes_a_number_has_its_least() -> None:
    from engine.cli import _parser
    numbers, checked = set(), {option for _, option, _ in NUMBERS}
    for command in _parser()._subparsers._group_actions[0].choices.values():
        for action in command._actions:
            assert action.type is not int, action.option_strings
            if action.type not in (None, Path):
                numbers |= set(action.option_strings)
    assert numbers == checked


def test_files_that_cannot_be_used(call: Call, tmp_path: Path) -> None:
    write_text(tmp_path / "empty.csv", "")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 10)
    write_text(tmp_path / "numbers.csv", "id,n\n1,2\n2,3\n")
    for name in ("empty.csv", "binary.csv", "."):
        refused(call("ingest", tmp_path / name))
    refused(call("run", tmp_path))
    write_text(tmp_path / "bad.yaml", "batch: [")
    refused(call("run", tmp_path / "bad.yaml"))
    refused(call("ingest", tmp_path / "numbers.csv", "--text-column", "nope"), "nope")


def test_names_in_any_script_are_projects_of_their_own(call: Call, tmp_path: Path) -> None:
    """Of “فيضانات 2024” an id keeps the digits only: another project of that year must not take its place."""
    write_text(tmp_path / "d.csv", "id,text\n1,The river came over the road\n2,Fire in the hills\n")
    names = ("فيضانات 2024", "حرائق 2024", "Überflutung", "Überflutung 2")
    ids = [object_of(call("ingest", tmp_path / "d.csv", "--project", name, "--json"))["project"]
           for name in names]
    assert len(set(ids)) == 4
    for name, its in zip(names, ids, strict=True):
        assert object_of(call("ingest", tmp_path / "d.csv", "--project", name, "--json"))["project"] == its
        assert object_of(call("runs", "--project", name, "--json")) == {"runs": []}
    refused(call("runs", "--project", "زلزال"), "There is no project", *ids)


def test_a_folder_is_no_plan_file(call: Call, here: Made, tmp_path: Path) -> None:
    refused(call("plan", "--project", here.project, "-o", tmp_path), "is a folder")


def test_a_console_of_another_alphabet_shows_what_it_can() -> None:
    told = subprocess.run([sys.executable, "-m", "engine", "models"], capture_output=True, check=False,
                          env={**os.environ, "PYTHONIOENCODING": "cp1252"}, cwd=ROOT)
    assert told.returncode == 0 and b"Traceback" not in told.stderr and told.stdout


def test_ingest_keeps_documents_in_a_project(call: Call, tmp_path: Path) -> None:
    write_text(tmp_path / "d.csv", "id,text,label\n" + "".join(
        f"{i},The {word} came over the road last night,{label}\n" for i, (word, label) in enumerate(
            [("river", "flood"), ("fire", "fire"), ("snow", "storm"), ("herd", "other"),
             ("music", "other")])))
    seen = object_of(call("ingest", tmp_path / "d.csv", "--json"))
    kept = object_of(call("ingest", tmp_path / "d.csv", "--project", "My Floods", "--json"))
    assert kept["project"] == "my-floods" and {k: v for k, v in kept.items() if k != "project"} == seen
    for key in ("format", "encoding", "delimiter", "sheet", "header_row", "text_column", "rows_read",
                "documents", "duplicates", "dropped", "warnings", "labels_found"):
        assert key in kept
    assert kept["rows_read"] == kept["documents"] + sum(kept["dropped"].values()) == 5
    for name in ("my-floods", "My Floods", "MY FLOODS", "my floods!"):
        again = object_of(call("ingest", tmp_path / "d.csv", "--project", name, "--json"))
        assert again["project"] == "my-floods"
    code, out, _ = call("ingest", tmp_path / "d.csv")
    assert code == 0 and out.startswith("5 documents of 5 rows; set aside: none; 0 near-duplicates.")
    (tmp_path / "one.txt").write_text("The bridge at the old mill is under water.")
    assert call("ingest", tmp_path / "one.txt")[1].startswith("1 document of 1 row;")


def test_models_and_runs_are_listed(call: Call, here: Made) -> None:
    listed = object_of(call("models", "--json"))["models"]
    names = {m["name"]: m for m in listed}
    assert names["tiny-student"]["installed"] and not names["smollm2-135m-instruct"]["installed"]
    assert object_of(call("runs", "--json")) == {"runs": []}
    assert call("runs")[1].strip() == "No runs yet."
    here.run("one")
    run, = object_of(call("runs", "--json", "--project", here.project))["runs"]
    assert run["id"] == f"{here.project}/one" and run["state"] == "new" and run["sentence"]
    refused(call("report", f"{here.project}/one"), "no report yet")
    refused(call("pause", f"{here.project}/one"), "new")


def test_the_whole_road(call: Call, here: Made, tmp_path: Path) -> None:
    run = here.run("one", phases=phases(2.0))
    made = object_of(call("run", run.plan, "--json"))
    assert made["run"] == run.id
    for who in ("teacher", "student", "baseline"):
        assert set(made[who]) >= {"accuracy", "macro_f1", "n"}
    assert {"agreement", "phases", "seconds", "peak_memory_gb"} <= set(made)
    assert [set(p) >= {"name", "agreement", "kept", "seconds"} for p in made["phases"]] == [True] * 3
    assert object_of(call("report", run.id, "--json")) == made
    assert object_of(call("watch", run.id, "--json")) == made
    code, out, _ = call("report", run.id)
    assert code == 0 and made["verdict"] in out and "bag of words" in out and run.id in out
    assert object_of(call("runs", "--json"))["runs"][0]["state"] == "done"
    refused(call("resume", run.id), "nothing to resume")

    target = tmp_path / "out.csv"
    file = here.workspace.home / "documents.csv"
    told = object_of(call("predict", run.student, file, "-o", target, "--json"))
    assert told["documents"] == len(here.corpus) and told["file"] == str(target)
    rows = target.read_text(encoding="utf-8-sig").splitlines()
    assert len(rows) == len(here.corpus) + 1 and "answer" in rows[0]
    twice = tmp_path / "twice.csv"
    twice.write_text("id,text\n" + "a,The river took the bridge.\n" * 2 + "b,The road to the mill is shut.\n")
    code, out, _ = call("predict", run.student, twice, "-o", target)
    assert code == 0 and "“id” is empty or repeated" in out and out.startswith("3 answers in")
    refused(call("predict", run.student, file, "-o", tmp_path / "out.doc"), ".csv")
    before = file.read_bytes()
    refused(call("predict", run.student, file, "-o", file.parent / "." / file.name), "over the documents")
    assert file.read_bytes() == before
    more = tmp_path / "more.csv"
    more.write_text("id,text\n1,Water in the street\n2,\n3,Smoke over town\n")
    code, out, _ = call("predict", run.student, more, "-o", tmp_path / "more-answers.csv")
    assert code == 0 and "2 answers" in out and "rows set aside: 1 empty" in out
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04 cut short")
    code, out, _ = call("predict", run.student, more, broken, file, "-o", tmp_path / "more-answers.csv")
    assert code == 0 and f"{len(here.corpus) + 2} answers" in out and "Not used: “broken.xlsx”" in out

    object_of(call("export", run.id, "--to", tmp_path / "taken", "--json"))
    assert (tmp_path / "taken" / "adapter_model.safetensors").exists()
    refused(call("export", run.id, "--to", tmp_path / "taken"), "already")
    refused(call("export", run.id, "--to", target), "already")
    object_of(call("export", run.id, "--to", tmp_path / "merged", "--merged", "--json"))
    refused(call("predict", tmp_path / "merged", file, "-o", tmp_path / "o.csv"), "merged")
    assert_merged_answers_alike(run, tmp_path / "merged")


def assert_merged_answers_alike(run: RunFolder, merged: Path) -> None:
    import pandas as pd
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    settings = json.loads((merged / "anon_student.json").read_text())
    model, tokenizer = AutoModelForCausalLM.from_pretrained(merged), AutoTokenizer.from_pretrained(merged)
    table = pd.read_parquet(run.predictions).head(10)
    for prompt, probs in zip(table["student_prompt"], table["student_probs"], strict=True):
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, -1, settings["label_tokens"]]
        for a, b in zip(torch.softmax(logits, -1).tolist(), json.loads(probs).values(), strict=True):
            assert a == pytest.approx(b, abs=1e-3)


def test_a_run_that_fails_gives_its_three_lines(call: Call, here: Made) -> None:
    ask = here.plan().ask
    changed = FIRST.model_copy(update={"text": "Other: " + FIRST.text})
    run = here.run("one", ask=ask.model_copy(update={"template": changed}))
    for form in ((), ("--json",)):
        code, out, err = call("run", run.plan, *form)
        assert code == 1 and out == "" and "Traceback" not in err
        assert "do not cover" in err and "Ask the large model live" in err
    code, out, err = call("watch", run.id, "--json")
    refused((code, out, "\n".join(err.splitlines()[-3:])), "cover")


def test_watching_a_run_that_stands_ends_at_once(call: Call, here: Made) -> None:
    run = here.run("one", phases=phases(1.0))
    run.event_log.write("launched", requests=0)
    put_request(run, "pause")
    assert work(run, here.workspace) == "paused"
    code, out, err = call("watch", run.id)
    assert code == 1 and out == "" and "is paused" in err and f"resume {run.id}" in err
    assert work(run, here.workspace) == "done"
    code, out, _ = call("watch", run.id)  # not fooled by the pause further up in the log
    assert code == 0 and "bag of words" in out


def test_beside_a_running_run_no_other_starts_in_the_terminal(call: Call, here: Made, tmp_path: Path) -> None:
    first, second = here.run("one"), here.run("two")
    save_plan(tmp_path / "p.yaml", here.plan())
    first.event_log.write("launched", requests=0)
    second.event_log.write("run_started", resumed=False)
    second.event_log.write("paused")
    for words in (("run", tmp_path / "p.yaml"), ("run", second.plan), ("ablate", tmp_path / "p.yaml"),
                  ("resume", second.id), ("start", second.id), ("demo",)):
        refused(call(*words, "--json"), f"{first.id} is running", "pause it")
    assert len(object_of(call("runs", "--json", "--project", here.project))["runs"]) == 2
    assert second.events.read_text().count("\n") == 2


@pytest.mark.parametrize("project", ["../../*/projects/*", "*", "/", "../other", "No Name"])
def test_runs_of_no_project_are_refused_and_nobody_s_are_named(call: Call, here: Made, project: str) -> None:
    here.run("one")
    for form in ((), ("--json",)):
        answer = call("runs", f"--project={project}", *form)
        refused(answer, "There is no project")
        assert "one" not in answer[2].split()


@pytest.mark.parametrize("run", ["/tmp/nope", "/", "../one", "*", "..", "", "/\0"])
@pytest.mark.parametrize("verb", ["watch", "report", "resume", "start", "pause", "stop", "cancel"])
def test_a_path_is_no_run(call: Call, here: Made, verb: str, run: str) -> None:
    here.run("one")
    refused(call(verb, run), "There is no run")


def test_a_plan_is_written_and_run_from_anywhere(call: Call, here: Made, tmp_path: Path) -> None:
    made = object_of(call("plan", "--project", here.project, "--preset", "quick", "--teacher", TEACHER,
                          "--task", "informative", "-o", tmp_path / "p.yaml", "--json"))
    assert Path(made["plan"]).exists()
    cut = tmp_path / "cut.yaml"
    object_of(call("plan", "--project", here.project, "--student", MODEL, "--layers", 2, "-o", cut, "--json"))
    assert load_plan(cut).student.layers == 2 and load_plan(cut).student.model == MODEL
    assert load_plan(cut).hint_loss == "cosine" and load_plan(cut).phases[0].representations == HEALING
    refused(call("plan", "--project", here.project, "--layers", 1, "-o", cut), "student.layers")
    refused(call("plan", "--project", here.project, "--task", "nonsense", "-o", tmp_path / "q.yaml"),
            "nonsense")
    object_of(call("plan", "--project", here.project, "-o", tmp_path / "q.yaml", "--json"))  # left as it was
    refused(call("run", tmp_path / "p.yaml"), "fetch it first")  # told before a run is made
    assert object_of(call("runs", "--json")) == {"runs": []}


def test_a_new_process_says_one_object_and_nothing_else(here: Made) -> None:
    def ran(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "engine", *words], cwd=ROOT, capture_output=True,
                              text=True, timeout=120, check=False)
    fine, wrong = ran("runs", "--json"), ran("report", "none")
    assert (fine.returncode, fine.stdout, fine.stderr) == (0, '{"runs": []}\n', "")
    assert wrong.returncode == 1 and wrong.stdout == "" and len(wrong.stderr.strip().splitlines()) == 3
