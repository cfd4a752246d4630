"""One closed configuration: everything wrong with it is said at once, before anything is spent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.errors import SettingsError
from engine.phase_plan import COOLED, PhasePlan
from engine.plan import DistillPlan, Preset, load_plan, parse_plan, save_plan
from engine.presets import (
    HEALING,
    KNOWN_WIDTH,
    RATE_SHARES,
    READING,
    phases_for,
    rate_share,
    representation_loss_for,
)
from engine.prompts.library import built_in
from engine.tasks.definition import TaskKind
from engine.tasks.presets import preset
from engine.teachers.protocol import GIVES

TEMPLATE = built_in()[0]


def raw(**changes: Any) -> dict[str, Any]:
    plan = DistillPlan(
        project="p",
        corpus="c",
        task=preset("hazard"),
        ask={"teacher": "recorded:teacher", "template": TEMPLATE},
        phases=phases_for("quick"),
    )
    return plan.model_dump(mode="json") | changes


def refused(values: Any) -> SettingsError:
    with pytest.raises(SettingsError) as error:
        parse_plan(values).check()
    return error.value


def test_a_plan_comes_back_from_its_file_and_explains_itself(tmp_path: Path) -> None:
    plan = parse_plan(raw())
    save_plan(tmp_path / "plan.yaml", plan)
    assert load_plan(tmp_path / "plan.yaml") == plan
    text = (tmp_path / "plan.yaml").read_text(encoding="utf-8")
    assert plan.task.question in text and TEMPLATE.text.splitlines()[0] in text


@pytest.mark.parametrize("name", ["quick", "balanced", "thorough"])
def test_presets_pass_their_own_check(name: str) -> None:
    for task in ("hazard", "humanitarian", "informative"):
        for template in (t for t in built_in() if t.kind == "single_label"):
            parse_plan(
                raw(
                    phases=[p.model_dump() for p in phases_for(name)],
                    task=preset(task).model_dump(mode="json"),
                    ask={"template": template.model_dump()},
                )
            ).check()


def test_longer_presets_learn_longer() -> None:
    lengths = [sum(p.passes for p in phases_for(name)) for name in ("quick", "balanced", "thorough")]
    assert lengths == sorted(lengths) and len(set(lengths)) == 3
    assert [p.slice for p in phases_for("quick")] == ["confident", "all", "hard"]
    assert [p.slice for p in phases_for("thorough")] == ["all", "confident", "all", "hard"]


def test_who_has_time_lets_it_read_first() -> None:
    for name, reads in (("quick", False), ("balanced", False), ("thorough", True)):
        assert [p.reads for p in phases_for(name)] == [True] * reads + [False] * 3


@pytest.mark.parametrize("length", ["quick", "balanced", "thorough"])
def test_training_cools_down_only_once_all_documents_are_seen(length: Preset) -> None:
    taught = [phase for phase in phases_for(length) if not phase.reads]
    assert [p.cools_to for p in taught] == [1.0, COOLED, COOLED] and taught[1].slice == "all"


@pytest.mark.parametrize("how", [{"reads": False}, {"heals": True}, {"kind": "multi_label"},
                                 {"kind": "generate"}, {"kind": "extract", "tokens": False}])
def test_who_guesses_no_words_heals_or_answers_otherwise_does_not_read_first(how: dict) -> None:
    assert [p.name for p in phases_for("thorough", **how)] == ["foundations", "breadth", "hard-cases"]


@pytest.mark.parametrize(("changed", "said"), [
    ([{}], "makes it forget"),  # it is taught nothing
    ([None, {}], "makes it forget"), ([{}, None, {"name": "late"}], "makes it forget"),
    ([{"outputs": 1.0}, None], "reading reads the documents"),
    ([{"representations": 0.1}, None], "learns nothing else"), ([{"text": 0.0}, None], "learns nothing else"),
    ([{"slice": "confident"}, None], "learns nothing else"), ([{"taid": True}, None], "learns nothing else"),
    ([{"ask_again": True}, None], "learns nothing else"), ([{"temperature": 2.0}, None], "temperature"),
    ([{}, None], ""), ([{}, {"name": "twice", "learning_rate": 1e-4}, None], "")])
def test_reading_comes_first_and_alone(changed: list[dict | None], said: str) -> None:
    """None stands for a phase that teaches."""
    phases = [(phases_for("quick")[0] if one is None else READING.model_copy(update=one)).model_dump()
              for one in changed]
    if said:
        error = refused(raw(phases=phases))
        assert said in error.what and error.fix
    else:
        parse_plan(raw(phases=phases)).check()


@pytest.mark.parametrize(("width", "share"), [
    (None, 1.0), (384, 1.0), (576, 1.0), (577, 0.5), (896, 0.5), (1152, 0.5), (1536, 0.25), (4096, 0.125)])
def test_the_rate_is_halved_with_each_doubling_of_the_width(width: int | None, share: float) -> None:
    assert rate_share(width) == share


def test_no_width_is_too_large() -> None:
    assert rate_share(KNOWN_WIDTH * 2 ** 40) == RATE_SHARES[-1]


@pytest.mark.parametrize("kind", ["single_label", "multi_label", "generate"])
def test_a_wide_student_learns_in_smaller_steps_and_a_cut_one_heals_in_whole_ones(kind: TaskKind) -> None:
    read_first = phases_for("thorough", kind, rate=0.5)
    assert [p.learning_rate for p in read_first if p.reads] in ([], [READING.learning_rate / 2])
    usual, wide = (phases_for("thorough", kind, rate=rate, reads=False) for rate in (1.0, 0.5))
    assert tuple(p for p in read_first if not p.reads) == wide
    assert [p.learning_rate for p in wide] == [p.learning_rate / 2 for p in usual]
    cut = phases_for("thorough", kind, rate=0.5, heals=True)
    mends = {"representations": HEALING, "cools_to": COOLED} if kind == "single_label" else {}
    assert (cut[0], cut[1:]) == (usual[0].model_copy(update=mends), wide[1:])
    assert representation_loss_for(kind, heals=True) == ("cosine" if mends else "relational")
    assert representation_loss_for(kind, heals=False) == "relational"


@pytest.mark.parametrize(
    ("where", "key", "near"),
    [
        ((), "batchsize", "batch_size"),
        (("student",), "rnak", "rank"),
        (("ask",), "order", "orders"),
        (("phases", 0), "temprature", "temperature"),
        (("task",), "quesion", "question"),
    ],
)
def test_an_unknown_key_names_where_and_the_nearest(where: tuple, key: str, near: str) -> None:
    values = raw()
    inner = values
    for step in where:
        inner = inner[step]
    inner[key] = 1
    error = refused(values)
    assert ".".join(map(str, (*where, key))) in error.what and f"“{near}”" in error.fix


def test_everything_wrong_with_the_values_is_said_at_once() -> None:
    error = refused(raw(batchsize=8, seed=-1, device=3, student={"rank": 0, "rnak": 2}))
    for part in ("batchsize", "seed", "device", "student.rank", "student.rnak"):
        assert part in error.what
    assert "batch_size" in error.fix


def test_everything_that_cannot_work_is_said_at_once() -> None:
    phases = [
        PhasePlan(name="one", title="One", slice="all", passes=1, learning_rate=1e-3, outputs=0).model_dump(),
        PhasePlan(name="one", title="Two", slice="all", passes=1, learning_rate=1e-3).model_dump(),
    ]
    values = raw(phases=phases, student={"prompt": "What is it?"})
    values["task"]["labels"] = values["task"]["labels"][:1]
    values["ask"]["template"]["text"] = "{{ question }}"
    error = refused(values)
    for part in (
        "at least two categories",
        "message itself is missing",
        "small model's prompt leaves",
        "phase one has no loss",
        "Two phases are called one",
    ):
        assert part in error.what, part
    assert error.fix


@pytest.mark.parametrize(("change", "told"), [
    ({"text": 0.5}, "“text”"), ({"outputs": 0.0, "representations": 1.0, "taid": True}, "“taid”"),
    ({"outputs": 0.0, "representations": 1.0, "temperature": 2.0}, "“temperature”"),
    ({"ask_again": True}, "before one phase only")])
def test_what_would_do_nothing_or_the_same_twice_is_refused(change: dict, told: str) -> None:
    values = raw()
    values["phases"][1] |= change
    assert told in refused(values).what


@pytest.mark.parametrize("prompt", ["{{ docment }}", "{{ document", "{{ document.__class__ }}", ""])
def test_a_broken_prompt_of_the_small_model_is_refused(prompt: str) -> None:
    assert refused(raw(student={"prompt": prompt})).fix


def test_a_loss_the_teacher_cannot_serve_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GIVES, "recorded", frozenset({"labels"}))
    error = refused(raw())
    assert "representations needs hidden" in error.what and "recorded" in error.what
    assert "representations to 0" in error.fix
    for phase in (values := raw())["phases"]:
        phase["representations"] = 0
    parse_plan(values).check()
    assert not parse_plan(values).wants_hidden and parse_plan(raw()).wants_hidden


@pytest.mark.parametrize("loss", ["cosine", "mse", "cka"])
def test_a_loss_on_representations_that_no_phase_learns_from_is_refused(loss: str) -> None:
    values = raw(representation_loss=loss)
    parse_plan(values).check()
    for phase in values["phases"]:
        phase["representations"] = 0
    error = refused(values)
    assert f"by {loss}, but no phase" in error.what and "representation_loss" in error.fix
    parse_plan(values | {"representation_loss": "relational"}).check()


@pytest.mark.parametrize("size", ["batch_size", "micro_batch"])
def test_cka_of_too_few_documents_is_refused(size: str) -> None:
    error = refused(raw(representation_loss="cka", **{size: 3}))
    assert "needs 4 in memory" in error.what and "to 4 or more" in error.fix
    parse_plan(raw(representation_loss="mse", **{size: 3})).check()
    parse_plan(raw(representation_loss="cka", **{size: 4})).check()


def test_only_what_is_compared_by_anchors_wants_vectors_to_choose_them_by() -> None:
    for loss, anchors in (("relational", True), ("cosine", False), ("mse", False), ("cka", False)):
        plan = parse_plan(raw(representation_loss=loss))
        assert plan.wants_hidden
        assert (plan.wants_anchors, plan.wants_vectors, plan.hint_loss is None) == (anchors,) * 3
        bare = plan.model_copy(update={"phases": tuple(
            phase.model_copy(update={"representations": 0.0}) for phase in plan.phases)})
        assert not (bare.wants_anchors or bare.hint_loss)


def test_a_missing_part_is_named() -> None:
    values = raw()
    del values["corpus"], values["ask"]["template"]
    error = refused(values)
    assert "corpus" in error.what and "ask.template" in error.what


@pytest.mark.parametrize("content", ["", "- a\n- b\n", "just text", "a: [", "\x00", "phases: []"])
def test_what_is_no_plan_is_refused_in_words(tmp_path: Path, content: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(content)
    with pytest.raises(SettingsError) as error:
        load_plan(path)
    assert error.value.fix and "Traceback" not in error.value.lines()


def test_a_plan_that_is_not_there_or_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.yaml", tmp_path, tmp_path / "binary.yaml"):
        with pytest.raises(SettingsError):
            load_plan(path)


def test_no_yaml_builds_objects(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("!!python/object/apply:os.system ['echo hacked']")
    with pytest.raises(SettingsError):
        load_plan(path)
    assert yaml.safe_load(yaml.safe_dump(raw())) == raw()
