"""What a run will cost, before it is spent: sane, sharpened by measurement, honest about obstacles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.corpus.splits import FEWEST_DOCUMENTS, split
from engine.errors import InputError
from engine.estimates import _duration, preflight, text_lengths, tokens_answered, tokens_asked, tokens_learned
from engine.models.shape import width_of
from engine.plan import TURNED_ROUND, AskPlan, StudentPlan
from engine.presets import phases_for
from engine.prompts.template import Template
from engine.records import Corpus
from engine.speeds import measured_speed, note_speed
from engine.tasks.definition import Label, Task
from engine.workspace import read_json, write_json
from tests.students.tiny import (
    MODEL,
    READING,
    TASK,
    Made,
    calm,
    corpus_of,
    documents,
    made,
    phases,
    tiny_home,
    write_model,
)

__all__ = ["calm", "made", "tiny_home"]
HELP = Path(__file__).resolve().parent.parent / "assets" / "help"
NO_STATES = phases(1.0, representations=0.0)


@pytest.fixture(autouse=True)
def known_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """How fast this machine is must not decide a test."""
    monkeypatch.setattr("engine.estimates.cpu_flops", lambda: 4e11)


def test_nothing_stands_in_the_way_of_what_can_run(made: Made) -> None:
    card = preflight(made.plan(phases=NO_STATES), made.corpus, made.workspace)
    assert card.problems == ()
    assert card.time.value > 0 and card.memory.value > 0 and card.disk.value > 0 and card.money.value == 0
    for estimate in (card.time, card.memory, card.disk, card.money):
        assert estimate.words and estimate.basis


def test_every_obstacle_is_named(made: Made) -> None:
    plan = made.plan(ask=made.plan().ask.model_copy(update={"teacher": "qwen2.5-coder-1.5b-instruct"}))
    problems = " ".join(preflight(plan, corpus_of(documents(10)[0]), made.workspace).problems)
    assert (
        "Qwen2.5 Coder 1.5B" in problems and "MiniLM" in problems and "10 documents are too few" in problems
    )


@pytest.mark.parametrize(("n", "said"), [(1, "1 document is too few"), (2, "2 documents are too few"),
                                         (FEWEST_DOCUMENTS - 1, "documents are too few"),
                                         (FEWEST_DOCUMENTS, "")])
def test_how_many_documents_are_needed_is_one_number_wherever_it_is_said(
        made: Made, n: int, said: str) -> None:
    corpus = corpus_of(documents(n)[0])
    problems = " ".join(preflight(made.plan(phases=NO_STATES), corpus, made.workspace).problems)
    if not said:
        assert problems == "" and split(corpus, seed=0)
        return
    with pytest.raises(InputError) as refused:
        split(corpus, seed=0)
    helped = re.findall(r"At least ([\d,]+) documents", (HELP / "documents.md").read_text(encoding="utf-8"))
    assert said in problems and problems == refused.value.what
    assert helped == [f"{FEWEST_DOCUMENTS:,}"] and f"at least {helped[0]} are needed" in problems


def test_more_work_takes_more_time(made: Made) -> None:
    def seconds(corpus: Corpus, **changes: object) -> float:
        return preflight(made.plan(**changes), corpus, made.workspace).time.value

    large = corpus_of(documents(900)[0])
    assert seconds(large) > seconds(made.corpus)
    assert seconds(made.corpus, phases=phases(20.0)) > seconds(made.corpus)
    live = made.plan().ask.model_copy(update={"teacher": "qwen2.5-coder-1.5b-instruct"})
    assert seconds(made.corpus, ask=live) > seconds(made.corpus) + 10
    without = seconds(large)  # answers are played back
    four = seconds(large, ask=live.model_copy(update={"orders": 4})) - without
    assert four > 1.5 * (seconds(large, ask=live) - without)
    once = seconds(large, ask=live.model_copy(update={"orders": 1})) - without
    assert once == pytest.approx(four * (1 + TURNED_ROUND / len(large)) / 4, rel=0.3)
    adaptive = live.model_copy(update={"candidates": (live.template,), "budget": 4})
    quiet = tuple(phase.model_copy(update={"ask_again": False}) for phase in made.plan().phases)
    assert quiet != made.plan().phases  # where ways are tried, nothing is asked again between phases
    often = live.model_copy(update={"orders": 4})
    assert seconds(large, ask=adaptive) == pytest.approx(seconds(large, ask=often, phases=quiet), rel=0.001)


def test_a_measured_speed_is_used_and_said(made: Made) -> None:
    plan = made.plan(phases=phases(10.0, representations=0.0))
    guessed = preflight(plan, made.corpus, made.workspace).time
    note_speed(made.workspace, "train", "single_label", MODEL, 0.5, run="run",
               tokens=tokens_learned(plan, text_lengths(made.corpus)))
    measured = preflight(plan, made.corpus, made.workspace).time
    passes = 10 * (0.7 + 1.0 + 0.7)
    assert measured.value == pytest.approx(passes * 0.65 * 90 / 0.5, rel=0.2)
    assert "measured" in measured.basis and "measured" not in guessed.basis


def test_a_speed_is_of_one_kind_of_question_and_grows_with_the_length(made: Made) -> None:
    name, space = "qwen2.5-coder-1.5b-instruct", made.workspace
    note_speed(space, "ask", "generate", name, 0.5, tokens=400, run="r")
    assert measured_speed(space, "ask", "generate", name, 400) == 0.5
    assert measured_speed(space, "ask", "generate", name, 100) == pytest.approx(2.0)
    assert measured_speed(space, "ask", "single_label", name, 400) is None
    assert measured_speed(space, "train", "generate", name, 400) is None


def test_answers_in_writing_are_counted_once(made: Made) -> None:
    name = "qwen2.5-coder-1.5b-instruct"
    ask = AskPlan(teacher=name, template=Template(id="line", kind="generate", answer="text",
                                                  text="{{ document }}"))
    plan = made.plan(task=Task(id="line", kind="generate", question="What happened?"), ask=ask,
                     phases=phases_for("quick", "generate"))
    corpus = corpus_of(documents(1000)[0])
    for work, length, speed in (("ask", tokens_asked, 0.5), ("train", tokens_learned, 5.0),
                                ("predict", tokens_answered, 1.0)):
        note_speed(made.workspace, work, "generate", name if work == "ask" else MODEL, speed, run="r",
                   tokens=length(plan, text_lengths(corpus)))
    passes = sum(p.passes * {"confident": 0.7, "all": 1.0, "hard": 0.7}[p.slice] for p in plan.phases)
    by_hand = 1000 / 0.5 + passes * 650 / 5 + 0.4 * 1000 / 1 + 1000 / 15
    estimate = preflight(plan, corpus, made.workspace).time
    assert estimate.value == pytest.approx(by_hand, rel=0.1) and "measured" in estimate.basis


def test_kept_inner_states_count_as_disk(made: Made) -> None:
    large = write_model(made.workspace.models, "large", seed=1)
    corpus = corpus_of(documents(1000)[0])
    live = made.plan().ask.model_copy(update={"teacher": large.name})

    def bytes_each(**changes: object) -> float:
        return (preflight(made.plan(**changes), corpus, made.workspace).disk.value - 0.08) * 1e6

    assert bytes_each(phases=NO_STATES, ask=live) == bytes_each() == pytest.approx(4000)
    states = 2 * 3 * 32  # half precision, three depths
    assert bytes_each(ask=live) == pytest.approx(4000 + 2.4 * states)


@pytest.mark.parametrize(("loss", "learned"), [("relational", False), ("cka", False), ("mse", True),
                                               ("cosine", True)])
def test_maps_between_both_models_states_count(made: Made, loss: str, learned: bool) -> None:
    teacher = made.plan().ask.model_copy(update={"teacher": "qwen2.5-coder-1.5b-instruct"})

    def takes(**changes: object) -> tuple[float, float]:
        found = preflight(made.plan(ask=teacher, **changes), made.corpus, made.workspace)
        return found.memory.value, found.disk.value

    more = [a - b for a, b in zip(takes(representation_loss=loss), takes(), strict=True)]
    width = width_of(made.workspace.models, teacher.teacher) or 2048  # of one that is not here
    maps = 4 * 3 * width * 32 / 1e9 * learned
    assert more == pytest.approx([6 * maps, (8 + len(phases())) * maps], abs=1e-9)


def test_memory_goes_by_the_longest_documents_that_the_small_model_reads(made: Made) -> None:
    def takes(corpus: Corpus = made.corpus, **changes: object) -> float:
        return preflight(made.plan(**{"phases": NO_STATES, **changes}), corpus, made.workspace).memory.value

    long = corpus_of([*documents(60)[0][1:], "flood water rises " * 100])
    cut, at_once = made.plan().student, made.plan().batch_size
    less = takes(long, student=cut.model_copy(update={"max_chars": 300}))
    assert takes() < less < takes(long, student=cut.model_copy(update={"max_chars": 1500}))
    assert takes(long, micro_batch=1) < takes(long) == takes(long, micro_batch=8 * at_once)
    assert takes(long, student=cut.model_copy(update={"layers": 1})) < takes(long)
    assert takes(phases=(READING, *NO_STATES)) > takes()  # scores over the whole vocabulary
    config = made.workspace.models / MODEL / "config.json"
    wide = read_json(config)
    write_json(config, {**wide, "intermediate_size": 4 * wide["intermediate_size"]})
    assert takes(long, student=cut.model_copy(update={"max_chars": 300})) > less


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "about a minute"), (600, "about 10 minutes"), (9000, "about 2.5 hours")]
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert _duration(seconds) == words


def test_what_a_small_model_or_this_machine_cannot_do_is_named_before_anything_is_spent(made: Made) -> None:
    write_model(made.workspace.models, "elsewhere", seed=2)
    folder = made.workspace.models / "elsewhere"
    line = Task(id="line", kind="generate", question="What happened?")
    ask = AskPlan(teacher="elsewhere", template=Template(
        id="line", kind="generate", answer="text", text="{{ document }}"))
    wanted = {"task": line, "ask": ask, "phases": phases_for("quick", "generate")}

    def problems(**changes: object) -> str:
        return " ".join(preflight(made.plan(**{**wanted, **changes}), made.corpus, made.workspace).problems)

    assert "same tokens" not in problems()
    words = (folder / "tokenizer.json").read_text().replace('"film"', '"movie"')
    (folder / "tokenizer.json").write_text(words)
    assert "does not write with the same tokens" in problems()
    assert "same tokens" not in problems(output_loss="sorted_distance")
    assert "same tokens" not in problems(phases=phases_for("quick", "generate", tokens=False))
    assert "cannot keep 3" in problems(student=StudentPlan(model=MODEL, layers=3))
    assert "cannot keep" not in problems(student=StudentPlan(model=MODEL, layers=2))
    student = made.workspace.models / MODEL / "manifest.json"
    write_json(student, {**read_json(student), "roles": ["encoder"]})
    assert "cannot write" in problems() and "next words" not in problems()
    assert "guesses no next words" in problems(phases=(READING, *phases()))
    assert "used whole" not in problems() and "four_bit" in problems(
        student=StudentPlan(model=MODEL, four_bit=True))


def test_categories_without_a_word_and_texts_beyond_the_window_are_named_before_anything_is_asked(
        made: Made) -> None:
    def problems(**changes: object) -> str:
        plan = made.plan(phases=NO_STATES, **changes)
        return " ".join(preflight(plan, made.corpus, made.workspace).problems)

    assert problems() == ""
    unknown = TASK.model_copy(update={"labels": tuple(
        Label(name=f"ж{i}", definition="") for i in range(40))})  # no word of the tiny tokenizer, 26 letters
    for kind in ("single_label", "multi_label"):
        assert "no token of its own" in problems(task=unknown.model_copy(update={"kind": kind}))
    config = made.workspace.models / MODEL / "config.json"
    write_json(config, {**read_json(config), "max_position_embeddings": 8})
    assert "reads 8 tokens at once" in problems()
