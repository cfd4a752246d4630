"""Projects and the plans made in them: choices in force, and what a plan keeps of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pandas as pd
import pytest

from engine import projects
from engine.errors import RunError
from engine.jobs.folder import RunFolder
from engine.jobs.worker import work
from engine.plan import save_plan
from engine.projects import EXAMPLE
from engine.studio import Studio
from engine.workspace import Workspace, read_json
from tests.students.tiny import Made, calm, made, phases, tiny_home

__all__ = ["calm", "made", "tiny_home"]


@pytest.mark.parametrize("told", [
    '{"id": "x", "title": "X", "created": "2026", "novel": 1}', '{"id": 1}', "[]", "{"])
def test_a_project_of_another_version_stops_no_other_and_is_kept(
    workspace: Workspace, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    mine = projects.create_project(workspace, "Mine")
    other = workspace.projects / EXAMPLE / "project.json"
    other.parent.mkdir()
    other.write_text(told)
    studio = Studio(workspace)
    assert studio.projects() == [mine] and str(other) in caplog.text
    for opened in (lambda: studio.project(EXAMPLE), studio.open_example):
        with pytest.raises(RunError, match="project"):
            opened()
    assert other.read_text() == told


def test_choices_made_in_two_tabs_at_once_are_all_kept(workspace: Workspace) -> None:
    mine = projects.create_project(workspace, "Mine")
    said = [{"corpus": "c"}, {"gold_column": "g"}, {"teacher": "t"}, {"title": "T"}]
    for _ in range(5):
        projects.save_project(workspace, mine)
        barrier = Barrier(len(said))

        def change(choices: dict[str, str], barrier: Barrier = barrier) -> None:
            barrier.wait()
            projects.change_project(workspace, mine.id, choices)

        with ThreadPoolExecutor(len(said)) as tabs:
            list(tabs.map(change, said))
        kept = projects.load_project(workspace, mine.id)
        assert (kept.corpus, kept.gold_column, kept.teacher, kept.title) == ("c", "g", "t", "T")


def test_a_plan_is_about_its_own_documents_and_labels_whatever_is_in_use_by_now(
    made: Made, tmp_path: Path
) -> None:
    studio = Studio(made.workspace)
    project = studio.project(made.project)
    plan = made.plan(phases=phases(0.5)[1:2], gold_column=project.gold_column)
    assert plan.gold_column == "label"
    few = tmp_path / "few.csv"
    words = ("river", "boat", "roof", "tent", "road")
    few.write_text("id,text,category\n" + "\n".join(
        f"{i},The {words[i % 5]} near house {i * 13} is gone since dawn,{words[i % 5]}" for i in range(30)))
    studio.use_documents(made.project, [few])
    assert studio.project(made.project).gold_column == "category"
    assert "too few" not in " ".join(studio.preflight(plan).problems)
    run = RunFolder(made.workspace.project(made.project).runs / "later")
    save_plan(run.plan, plan)
    assert work(run, made.workspace) == "done", run.event_log.path.read_text()[-2000:]
    report = read_json(run.report)
    assert report["gold_column"] == "label" and report["n_gold"] == report["n"]
    assert not report["gold_left_out"]


def test_labels_of_other_names_are_counted_in_the_report(made: Made) -> None:
    folder = made.workspace.project(made.project).corpora / made.corpus.id
    path = folder / "labels.parquet"
    labels = pd.read_parquet(path)
    names = labels["label"].astype(str)
    labels["label"] = names.where(names != "flood", "flooding")
    labels.to_parquet(path)
    run = made.run(phases=phases(0.5)[1:2])
    assert work(run, made.workspace) == "done", run.event_log.path.read_text()[-2000:]
    report = read_json(run.report)
    assert report["gold_left_out"] == {"flooding": report["n"] - report["n_gold"]}
    assert "“flooding”" in report["verdict"] and "“flooding”" in (run.student / "README.md").read_text()


def test_of_near_duplicates_one_counts_as_learned(made: Made) -> None:
    run = made.run(phases=phases(0.5)[1:2])
    assert work(run, made.workspace) == "done"
    report = read_json(run.report)
    groups = pd.read_parquet(run.predictions).query("part == 'learn'")["group"].nunique()
    assert report["learned_from"] == groups <= report["sizes"]["learn"]
