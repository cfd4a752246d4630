"""From the form of Distil to a plan, and what the cards around it say."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from engine.errors import SettingsError
from engine.presets import phases_for
from engine.studio import Studio
from ui import planning

FORM = planning.Form("qwen2.5-coder-1.5b-instruct", "smollm2-135m-instruct", "quick", 0,
                     planning.phase_rows(phases_for("quick")), "forward_kl", 16, 8, 2)


@pytest.mark.skipif(os.name == "nt", reason="the form of other systems")
def test_a_command_works_as_it_stands_in_any_folder(tmp_path: Path) -> None:
    """Copied into a new terminal: another folder, nothing set, no Python of ours on the path."""
    away = tmp_path / "some where"
    away.mkdir()
    told = subprocess.run(["/bin/sh", "-c", planning.command("runs", "--json")], cwd=away, text=True,
                          env={"PATH": "/usr/bin:/bin", "HOME": str(away)}, capture_output=True, check=False)
    assert told.returncode == 0 and '"runs": []' in told.stdout, told.stderr


def test_plans_of_forms_do_not_pile_up(studio: Studio, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "MOST_DRAFTS", 2)
    plans = [planning.plan_from(studio, project, FORM._replace(seed=seed)) for seed in (1, 2, 3, 3)]
    kept = [planning.keep_draft(studio, project, plan) for plan in plans]
    assert len(set(kept)) == 3 and [path.exists() for path in kept] == [False, True, True, True]


def test_an_edited_phase_makes_the_plan_ones_own(studio: Studio, project: str) -> None:
    rows = planning.phase_rows(phases_for("quick"))
    rows[1][1] = "5"
    plan = planning.plan_from(studio, project, FORM._replace(phases=rows))
    assert plan.phases[1].passes == 5 and plan.preset == "custom"


def test_a_number_in_a_box_that_is_hidden_stands_in_nobody_s_way(
        studio: Studio, project: str) -> None:
    form = FORM._replace(orders=0)
    with pytest.raises(SettingsError, match="Times each"):
        planning.plan_from(studio, project, form)
    studio.use_preset(project, "figures")
    rows = planning.phase_rows(studio.draft_plan(project, "quick").phases)
    assert planning.plan_from(studio, project, form._replace(phases=rows)).ask.orders == 2


def test_a_card_says_where_a_model_runs_and_that_nothing_leaves(studio: Studio) -> None:
    models = studio.models()
    for name, what in (("recorded:teacher", "Qwen2.5 Coder 1.5B"),
                       ("qwen2.5-coder-1.5b-instruct", "parameters")):
        words = planning.model_words(name, models, "qwen2.5-coder-1.5b-instruct")
        assert what in words
        assert "nothing is sent anywhere" in words
