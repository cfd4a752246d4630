"""Reading before teaching: next words of the documents to learn from, judged on those that steer."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import SettingsError
from engine.in_words import line
from engine.in_words import report as report_in_words
from engine.jobs.status import status
from engine.jobs.worker import work
from engine.models.folders import open_folder
from engine.plan import StudentPlan
from engine.progress import Interrupted
from engine.records import Corpus, Parts
from engine.students.base import Student
from engine.training.gates import Gate, judge_reading
from engine.training.lessons import Moment
from engine.training.loop import taught_before
from engine.training.phases import to_read
from engine.training.preparing import reading_lesson
from engine.training.reading import Reading
from engine.workspace import read_json
from tests.students.tiny import CPU, MODEL, READING, TASK, Made, corpus_of, phases
from tests.training.test_phased import after, events, training, weights, without_clocks

READS = (READING, *phases())
TEXTS = ("water in the road and the dam broke", "fire", "smoke over the hill , burning boat")


@pytest.fixture
def student(made: Made) -> Student:
    return Student.fresh(open_folder(made.workspace.models / MODEL), StudentPlan(model=MODEL, rank=4), TASK,
                         CPU, 0)


def losses(student: Student, texts: tuple[str, ...]) -> torch.Tensor:
    lesson = reading_lesson(student, corpus_of(texts), range(len(texts)))
    return lesson.losses(student, range(len(texts)), Moment(READING, "forward_kl"))["text"]


def test_the_loss_is_the_models_own_on_its_next_words(student: Student) -> None:
    """Against transformers' loss on the same text, one by one: neither padding nor the batch shows."""
    told = losses(student, (TEXTS[0], TEXTS[2]))
    with student.model.disable_adapter(), torch.no_grad():  # a fresh adapter changes nothing
        for text, loss in zip((TEXTS[0], TEXTS[2]), told, strict=True):
            ids = torch.tensor([student.encode_document(text)])
            mean = student.model(input_ids=ids, labels=ids).loss
            assert float(loss) == pytest.approx(float(mean) * (ids.shape[1] - 1), rel=1e-5)


def test_reading_moves_the_adapter_and_one_word_teaches_nothing(student: Student) -> None:
    losses(student, TEXTS).sum().backward()
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in student.adapter_parameters())
    assert losses(student, TEXTS)[1] == 0  # “fire” has no word before it
    for words in range(2, 5):  # its mean cross-entropy is that of the words, whichever document they are in
        lesson = reading_lesson(student, corpus_of([" ".join(TEXTS[0].split()[:words])]), [0])
        assert lesson.units([0])["text"] == [words - 1]


def test_what_is_read_is_cut_as_the_prompt_is(student: Student) -> None:
    student.settings = student.settings.model_copy(update={"max_chars": 20})
    long = student.encode_document("water " * 50)
    assert 3 <= len(long) < 10 and long == student.encode("water " * 50)[:len(long)]


def test_only_documents_with_a_second_word_are_read() -> None:
    part = to_read([5, 1, 2, 0])
    assert part.positions.tolist() == [0, 2] and part.weights.tolist() == [1, 1]
    assert "all 2 documents" in part.because and not len(to_read([1, 1]).positions)


def test_it_reads_first_and_is_not_taught_otherwise_for_it(made: Made, tmp_path: Path) -> None:
    run = training(made, tmp_path / "run", phases=READS)
    results = run.run()
    first = results[0]
    assert [r["name"] for r in results] == ["reading", "foundations", "breadth", "hard-cases"]
    assert first["reads"] and first["kept"] and {"words", "words_before"} <= first.keys()
    assert first["agreement"] is first["agreement_before"] is first["kl"] is None
    assert "of the next words" in first["because"]
    looks = events(tmp_path / "run", "read")
    assert [e["step"] for e in looks][0] == 0 and looks[-1]["nats"] < looks[0]["nats"]
    assert all(e["phase"] == "reading" for e in looks) and looks[0]["n"] == len(run.subject.parts.steer)
    gates = events(tmp_path / "run", "gate")
    assert gates[0]["step"] == 0 and gates[0]["phase"] == "foundations"
    assert not any(e["phase"] == "reading" for e in gates)
    read, taught = ([s for s in events(tmp_path / "run", "step") if (s["phase"] == "reading") is it]
                    for it in (True, False))
    assert all("text" in s and "outputs" not in s for s in read)
    assert all("outputs" in s and "text" not in s for s in taught)
    plain = training(made, tmp_path / "plain")
    plain.run()  # the same documents in the same order: what differs is the small model
    for kind, keys in (("step", ("phase", "step", "steps")), ("phase_started", ("phase", "documents"))):
        one, other = ([[e[k] for k in keys] for e in events(tmp_path / name, kind) if e["phase"] not in (
            "reading", "hard-cases")] for name in ("run", "plain"))
        assert one == other
    assert [taught_before(run.plan, i) for i in range(4)] == [0, 0, 1, 2]


def test_documents_to_steer_by_and_kept_aside_are_not_read(made: Made, tmp_path: Path) -> None:
    run = training(made, tmp_path)
    before = Reading.of(run.subject, run.student)
    parts, documents = run.subject.parts, list(made.corpus.documents)
    for i in (*parts.steer, *parts.kept_aside):
        documents[i] = replace(documents[i], text="music film game")
    run.subject.corpus = Corpus(made.corpus.id, tuple(documents))
    after_it = Reading.of(run.subject, run.student)
    assert after_it.lesson.prompts == before.lesson.prompts
    assert after_it.lesson.answers == before.lesson.answers
    assert after_it.steer.answers != before.steer.answers


@pytest.mark.parametrize("when", [0, 3, 6, 7, 12])
def test_paused_while_reading_or_after_it_is_resumed_to_the_bit(made: Made, tmp_path: Path,
                                                               when: int) -> None:
    straight = training(made, tmp_path / "straight", phases=READS)
    expected = straight.run()
    with pytest.raises(Interrupted):
        training(made, tmp_path / "broken", after(when, "pause"), phases=READS).run()
    resumed = training(made, tmp_path / "broken", phases=READS)
    assert without_clocks(resumed.run()) == without_clocks(expected)
    assert torch.equal(weights(resumed), weights(straight))


def test_stopped_before_it_was_taught_there_is_no_small_model_and_nothing_is_lost(
    made: Made, tmp_path: Path
) -> None:
    straight = training(made, tmp_path / "straight", phases=READS)
    straight.run()
    n = sum(s["phase"] == "reading" for s in events(tmp_path / "straight", "step"))
    for when in (2, n):  # half-way through; and before the first step that teaches
        folder = tmp_path / f"stopped-{when}"
        with pytest.raises(Interrupted) as stopped:
            training(made, folder, after(when, "stop"), phases=READS).run()
        assert stopped.value.wish == "stop"
        again = training(made, folder, phases=READS)
        again.run()
        assert torch.equal(weights(again), weights(straight))
        made_again = [s["step"] for s in events(folder, "step") if s["phase"] == "reading"]
        assert made_again == list(range(1, n + 1))  # none twice
    results = training(made, tmp_path / "taught", after(n + 1, "stop"), phases=READS).run()
    assert [r["name"] for r in results] == ["reading", "foundations"] and results[-1]["steps"] == 1


def test_micro_batches_do_not_change_what_reading_leaves(made: Made, tmp_path: Path) -> None:
    """The loss is over the words of the whole batch, however it is cut."""
    runs = [training(made, tmp_path / str(size), phases=(READING, phases()[0]), micro_batch=size)
            for size in (8, 3, 1)]
    for run in runs:
        run.run()
    for run in runs[1:]:
        assert (weights(runs[0]) - weights(run)).abs().max() < 1e-5
    steps = [events(run.folder, "step") for run in runs]
    for a, b in zip(steps[0], steps[1], strict=True):
        assert a.get("text", 0) == pytest.approx(b.get("text", 0), abs=2e-5)


def test_what_made_reading_harder_is_rolled_back(made: Made, tmp_path: Path) -> None:
    both = [training(made, tmp_path / "read", phases=READS), training(made, tmp_path / "plain")]
    for run in both:  # what steers is of other words than what is read
        documents = list(made.corpus.documents)
        for i in run.subject.parts.steer:
            documents[i] = replace(documents[i], text="This message is about This message")
        run.subject.corpus = Corpus(made.corpus.id, tuple(documents))
    result = both[0].run()[0]
    both[1].run()
    assert not result["kept"] and "rolled back" in result["because"] and result["steps"] > 0
    assert result["words"] == result["words_before"]
    assert torch.equal(weights(both[0]), weights(both[1]))


def test_reading_is_judged_by_how_hard_unread_documents_are() -> None:
    def gate(share: float, nats: float, n: int = 9) -> Gate:
        return Gate(share, nats, n, np.full(n, share))
    kept, because = judge_reading(gate(0.31, 3.4), gate(0.38, 3.0))
    assert kept and because == "It guesses 31 % → 38 % of the next words in 9 steering documents."
    kept, because = judge_reading(gate(0.31, 3.4), gate(0.31, 3.3))
    assert kept and "surprise it less" in because
    for worse in (gate(0.31, 3.4), gate(0.4, 3.5), gate(0.4, math.nan)):
        kept, because = judge_reading(gate(0.31, 3.4), worse)
        assert not kept and "rolled back" in because
    assert not judge_reading(gate(0.31, 3.4), Gate.unseen())[0]


@pytest.mark.parametrize("part", ["learn", "steer"])
def test_where_there_is_nothing_to_read_the_answers_are_taught_all_the_same(
    made: Made, tmp_path: Path, part: str
) -> None:
    run = training(made, tmp_path, phases=READS)
    parts, documents = run.subject.parts, list(made.corpus.documents)
    for i in parts.named(part):
        documents[i] = replace(documents[i], text="water")
    run.subject.corpus = Corpus(made.corpus.id, tuple(documents))
    results = run.run()
    assert not results[0]["kept"] and "left out" in results[0]["because"] and results[0]["steps"] == 0
    assert results[1]["steps"] > 0


def test_a_model_that_guesses_no_words_says_so(made: Made, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    run, whole = training(made, tmp_path, phases=READS), made.run(phases=READS)
    monkeypatch.setattr(Student, "foretells", False)
    with pytest.raises(SettingsError, match="no words"):
        run.run()
    assert work(whole, made.workspace) == "failed" and "no words" in status(whole).sentence
    assert not whole.stage("asking").exists()  # it is said before anything is asked


def test_a_whole_run_that_reads_first_tells_so_everywhere(made: Made) -> None:
    run = made.run(phases=READS)
    assert work(run, made.workspace) == "done"
    report, now = read_json(run.report), status(run)
    assert [p["name"] for p in now.phases] == ["reading", "foundations", "breadth", "hard-cases"]
    first = report["phases"][0]
    assert first["agreement"] is None and "kept_aside" not in first and first["words"] is not None
    assert any("kept_aside" in p for p in report["phases"][1:])
    card = (run.student / "README.md").read_text(encoding="utf-8")
    assert "| Reading | " in card and "read, without answers" in card
    assert first["because"] in report_in_words(report | {"run": run.id})
    told = [line(event) for event in now.events if event["kind"] == "read"]
    assert told and all("of the words of" in one for one in told)


def test_parts_without_documents_are_no_fault(made: Made, tmp_path: Path) -> None:
    run = training(made, tmp_path, phases=READS)
    run.subject.parts = Parts(run.subject.parts.learn, (), run.subject.parts.kept_aside)
    assert not len(Reading.of(run.subject, run.student).part().positions)
