"""The front desk: choices are kept, versions are never changed, and starting checks first."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tokenizers

from engine.cache.signals import save_vectors
from engine.errors import RunError, SettingsError, TeacherError
from engine.jobs.status import status
from engine.jobs.worker import work
from engine.plan import DEFAULT_TEACHER, EXAMPLE_TEACHER, load_plan
from engine.studio import Studio
from engine.tasks.definition import Label
from engine.workspace import Workspace
from tests.students.tiny import FIRST, MODEL, TASK, TEACHER, Made, calm, made, phases, tiny_home

__all__ = ["calm", "made", "tiny_home"]


@pytest.fixture
def studio(made: Made) -> Studio:
    return Studio(made.workspace)


def test_projects_are_made_changed_and_listed(tmp_path: Path) -> None:
    studio = Studio(Workspace(tmp_path / "home"))
    assert studio.projects() == []
    one, two = studio.create_project("  Übung:  Fluten! "), studio.create_project("Übung: Fluten!")
    assert (one.id, two.id) == ("ubung-fluten", "ubung-fluten-2") and one.title == "Übung: Fluten!"
    studio.change(one.id, teacher="big", task="informative")
    for choice in ({"task": "nonsense"}, {"template": "nonsense@1"}, {"again_template": "letters@99"}):
        with pytest.raises(SettingsError):
            studio.change(one.id, **choice, teacher="other")
    assert Studio(Workspace(tmp_path / "home")).project(one.id).teacher == "big"
    assert studio.task(one.id).id == "informative"
    with pytest.raises(RunError, match="no documents yet"):
        studio.corpus(one.id)
    for name in ("none", "../x", "A B"):
        with pytest.raises(RunError):
            studio.project(name)


@pytest.mark.parametrize(("long_ones", "window"), [(0, 500), (1, 500), (20, 1200), (80, 1200)])
def test_the_small_model_reads_what_the_large_one_reads_but_for_a_rare_long_text(
    tmp_path: Path, long_ones: int, window: int
) -> None:
    studio = Studio(Workspace(tmp_path / "home"))
    project = studio.create_project("Articles")
    file = tmp_path / "articles.csv"
    pd.DataFrame({"text": [f"Report {i}. " + f"Bridge {i} is closed to all. " * (40 if i < long_ones else 3)
                           for i in range(80)]}).to_csv(file, index=False)
    assert studio.draft_plan(project.id, "quick").student.max_chars == 500  # no documents yet
    studio.use_documents(project.id, [file])
    plan = studio.draft_plan(project.id, "quick")
    assert plan.student.max_chars == window <= plan.ask.max_chars == 1200


def test_a_quick_look_asks_a_model_that_reads_once_and_no_more(studio: Studio, made: Made) -> None:
    times = {}
    for preset in ("quick", "balanced", "thorough"):
        live, played = (studio.draft_plan(made.project, preset, teacher=teacher)
                        for teacher in (DEFAULT_TEACHER, EXAMPLE_TEACHER))
        assert (live.ask.orders, played.ask.orders) == (1 if preset == "quick" else 2, 2)
        assert any(p.ask_again for p in live.phases) == (preset != "quick")
        assert any(p.ask_again for p in played.phases)
        times[preset] = studio.preflight(live).time.value
    assert times["quick"] < times["balanced"] < times["thorough"]


def test_a_small_model_that_guesses_no_words_reads_nothing_first(studio: Studio, made: Made) -> None:
    for student, reads in (("smollm2-135m-instruct", True), ("all-minilm-l6-v2", False), (MODEL, True)):
        plan = studio.draft_plan(made.project, "thorough", student=student)
        assert any(p.reads for p in plan.phases) is reads and len(plan.phases) == 3 + reads
        assert len(studio.draft_plan(made.project, "quick", student=student).phases) == 3
    (made.workspace.models / "hollow").mkdir()  # its weights are gone: a draft can still be made
    (made.workspace.models / "hollow" / "manifest.json").write_text("{}")
    assert any(p.reads for p in studio.draft_plan(made.project, "thorough", student="hollow").phases)
    told = studio.preflight(studio.draft_plan(made.project, "thorough", student=MODEL)).problems
    assert not any("next words" in problem for problem in told)


def test_the_example_is_one_click_and_made_once(tmp_path: Path) -> None:
    studio = Studio(Workspace(tmp_path / "home"))
    project = studio.open_example()
    assert studio.open_example() == project and len(studio.projects()) == 1
    corpus = studio.corpus(project.id)
    assert len(corpus) >= 420 and project.teacher == EXAMPLE_TEACHER and project.gold_column
    assert studio.receipt(project.id)["documents"] == len(corpus)
    studio.change(project.id, task="informative")
    assert studio.open_example().task == "informative"  # one's own choices stay
    plan = studio.draft_plan(project.id, "quick")
    plan.check()
    assert plan.ask.teacher == EXAMPLE_TEACHER and plan.corpus == project.corpus


def test_own_questions_are_kept_and_presets_untouched(studio: Studio, made: Made) -> None:
    studio.use_preset(made.project, "hazard")
    preset = studio.task(made.project)
    assert studio.save_task(made.project, preset).digest == preset.digest
    assert studio.project(made.project).task == "hazard"  # nothing was changed
    edited = preset.model_copy(update={"labels": (*preset.labels, Label(name="heat"))})
    studio.save_task(made.project, edited)
    assert studio.task(made.project).names[-1] == "heat"
    studio.use_preset(made.project, "hazard")
    assert studio.task(made.project) == preset
    with pytest.raises(SettingsError):
        studio.save_task(made.project, preset.model_copy(update={"labels": preset.labels[:1]}))


def test_edited_instructions_become_a_version_in_use(studio: Studio, made: Made) -> None:
    before = studio.template(made.project)
    saved = studio.save_template(made.project, before.text + "\nBe brief.", parent=before.ref, note="brief")
    assert saved.version == before.version + 1 and studio.template(made.project) == saved
    assert studio.template(made.project, before.ref) == before and saved in studio.templates(made.project)
    assert studio.save_template(made.project, saved.text, parent=saved.ref) == saved
    assert studio.draft_plan(made.project, "quick").ask.template == saved


def test_what_the_teacher_reads_is_shown_as_it_is(studio: Studio, made: Made) -> None:
    shown = studio.rendered(made.project, FIRST.text, TASK, 3, "tiny-student")
    assert made.corpus.documents[3].text in shown.text and not shown.shortened
    opening = studio.template(made.project).opening
    chat = tokenizers.Tokenizer.from_file(str(made.workspace.models / "tiny-student" / "tokenizer.json"))
    assert shown.tokens == len(chat.encode(f"{shown.text} . {opening}", add_special_tokens=False).ids)
    with pytest.raises(SettingsError):
        studio.rendered(made.project, "{{ docment }}", TASK, 3, "tiny-student")


def test_trying_asks_the_same_diverse_documents_each_time(studio: Studio, made: Made) -> None:
    studio.change(made.project, template="letters@1")  # reads letters, as the recording does
    tried = studio.try_on(made.project, FIRST.text, TASK, TEACHER, n=8)
    assert len({t.index for t in tried}) == 8
    for t in tried:
        assert t.text == made.corpus.documents[t.index].text and t.sureness
        assert sum(t.probs.values()) == pytest.approx(1) and t.label == max(t.probs, key=t.probs.get)
    assert np.mean([t.label == TASK.names[made.truth[t.index]] for t in tried]) > 0.7
    again = studio.try_on(made.project, FIRST.text, TASK, TEACHER, n=8)
    assert [t.index for t in again] == [t.index for t in tried]
    with pytest.raises(TeacherError, match="do not cover"):
        studio.try_on(made.project, "Now: " + FIRST.text, TASK, TEACHER, n=8)


def test_starting_checks_before_it_makes_anything(studio: Studio, made: Made) -> None:
    with pytest.raises(SettingsError, match="leaves the message out"):
        studio.start(made.plan(student={"model": "tiny-student", "prompt": "What?"}))
    with pytest.raises(RunError, match="fetch it first"):
        studio.start(made.plan(student={"model": "smollm2-135m-instruct"}))
    assert studio.runs() == []


def test_a_run_from_plan_to_downloads(studio: Studio, made: Made) -> None:
    plan = made.plan(phases=phases(1.0, representations=0.0)[:1])
    run = studio.prepare(plan)
    assert load_plan(run.plan) == plan and studio.status(run.id).state == "new"
    with pytest.raises(RunError, match="no report yet"):
        studio.report(run.id)
    with pytest.raises(RunError, match="cannot be asked to pause"):
        studio.request(run.id, "pause")
    assert work(run, made.workspace) == "done"
    assert studio.plan(run.id) == plan and studio.report(run.id)["n"] == 18
    assert len(studio.predictions(run.id)) == len(made.corpus)
    downloads = {d.path.name: d for d in studio.downloads(run.id)}
    assert set(downloads) == {"student.zip", "predictions.csv", "report.json", "plan.yaml"}
    assert all(d.bytes == d.path.stat().st_size > 0 and d.title and d.note for d in downloads.values())
    answers = pd.read_csv(downloads["predictions.csv"].path, encoding="utf-8-sig")
    assert len(answers) == len(made.corpus) and set(answers["answer"]) <= set(TASK.names)
    assert studio.report(run.id)["verdict"] in studio.model_card(run.id)
    with pytest.raises(RunError, match="nothing to resume"):
        studio.resume(run.id)
    assert [s.state for s in studio.runs(made.project)] == ["done"]


def test_a_run_that_never_began_can_be_discarded(studio: Studio, made: Made) -> None:
    run = made.run()
    studio.request(run.id, "cancel")
    assert studio.status(run.id).state == "cancelled" and studio.status(run.id).can == {"resume"}
    assert not (run.path / "requests").exists()


def test_models_say_what_is_here(studio: Studio) -> None:
    views = {m.name: m for m in studio.models()}
    assert views["tiny-student"].installed and not views["qwen2.5-coder-1.5b-instruct"].installed
    assert all(m.title and m.licence for m in views.values())


def test_a_finished_student_answers_typed_text_through_the_asker(studio: Studio, made: Made) -> None:
    import http.client

    import psutil

    from engine.jobs import asker
    from engine.workspace import read_json

    run = made.run(phases=phases(2.0)[:1])
    assert work(run, made.workspace) == "done"
    row = studio.predictions(run.id).iloc[0]
    try:
        said = studio.ask_student(run.id, row["text"])
        assert list(said.probs) == list(TASK.names) and said.answer == row["student"]
        for name, value in json.loads(row["student_probs"]).items():
            assert said.probs[name] == pytest.approx(value, abs=1e-3)
        shared = f"RT @somebody: {row['text']}  https://example.org/a1"
        assert studio.ask_student(run.id, shared) == said  # read as the documents of training were
        address = read_json(made.workspace.home / "asker.json")
        assert (made.workspace.home / "asker.json").stat().st_mode & 0o077 == 0
        for token in ("", "Bearer wrong"):
            connection = http.client.HTTPConnection("127.0.0.1", address["port"], timeout=30)
            connection.request("POST", "/", "{}", {"Authorization": token})
            assert connection.getresponse().status == 403
            connection.close()
        pid = read_json(made.workspace.home / "asker.pid")["pid"]
        asker.unload(made.workspace)
        assert studio.ask_student(run.id, row["text"]) == said
        assert read_json(made.workspace.home / "asker.pid")["pid"] == pid  # the same one all along
    finally:
        if (made.workspace.home / "asker.pid").exists():
            psutil.Process(read_json(made.workspace.home / "asker.pid")["pid"]).kill()


def test_while_a_run_works_the_asker_keeps_out(studio: Studio, made: Made) -> None:
    from engine.jobs import asker
    from engine.jobs.process import Worker
    run = made.run()
    Worker(run.worker).sign_on()
    run.event_log.write("run_started", resumed=False)
    assert status(run).state == "running"
    with pytest.raises(RunError, match="using this machine's memory"):
        asker.call(made.workspace, {"verb": "unload"})
    Worker(run.worker).sign_off()


def test_the_desk_needs_no_torch() -> None:
    code = ("import sys, engine.studio, engine.cli, engine.plan; sys.exit(bool({'torch', 'transformers', "
            "'peft', 'sentence_transformers'} & set(sys.modules)))")
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).resolve().parents[1],
                          timeout=120, check=False).returncode == 0


def test_vectors_of_the_corpus_are_shared_by_page_and_runs(studio: Studio, made: Made) -> None:
    save_vectors(made.workspace.cache / "vectors" / f"{made.corpus.digest}.safetensors",
                 np.eye(len(made.corpus), dtype=np.float32))
    studio.change(made.project, template="letters@1")
    assert len(studio.try_on(made.project, FIRST.text, TASK, TEACHER, n=3)) == 3  # without an encoder
