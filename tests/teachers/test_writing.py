"""A real (tiny) model writes: the same alone and in company, and it stops where it should."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.cache.answers import AnswerCache
from engine.devices import choose_device
from engine.errors import TeacherError
from engine.models.folders import ModelFolder
from engine.models.weights import require
from engine.models.writing import closed, write
from engine.prompts.library import built_in
from engine.prompts.questions import compose_open
from engine.prompts.template import Template
from engine.records import Document, Prompt, Written
from engine.tasks.definition import Task
from engine.tasks.figures import UNKNOWN, Figure, Unparsed
from engine.tasks.parsing import Extraction
from engine.tasks.presets import preset
from engine.teachers.asking import Asker
from engine.teachers.asking_open import WRITE_BATCH, ask_open, read_answer
from engine.teachers.local import LocalTeacher
from engine.teachers.recorded import RecordedTeacher
from engine.teachers.written import written_signal
from tests.prompts.injections import INJECTIONS
from tests.students.tiny import CPU, corpus_of, documents

DOCUMENTS = corpus_of(documents(12)[0]).documents
LONG = 24
SHORT = Template(id="short", kind="generate", answer="text", text="{{ document }} about {{ max_words }}")
TEXT = Task(question="What happened?", kind="generate", max_words=10)
JSON = Template(id="facts", kind="extract", answer="json", opening="{", text="{{ document }} : {{ schema }}")
FACTS = preset("figures")


def prompts(template: Template = SHORT, task: Task = TEXT) -> list[Prompt]:
    return compose_open(template, task, DOCUMENTS, 1200)


def greedily(teacher: LocalTeacher, prompt: Prompt, n: int = LONG) -> list[str]:
    """The most likely token again and again, by plain forward passes over one row."""
    ids = teacher.encode(prompt)
    start = len(ids)
    with torch.no_grad():
        for _ in range(n):
            ids.append(int(teacher._model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    return teacher._tokenizer.convert_ids_to_tokens(ids[start:])


def change(folder: ModelFolder, name: str, key: str, value: object) -> None:
    path = folder.path / name
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))


@pytest.fixture
def teacher(tiny_model: ModelFolder) -> LocalTeacher:
    return LocalTeacher(tiny_model, CPU)


@pytest.fixture
def said(teacher: LocalTeacher) -> list[list[str]]:
    """What it writes after each prompt alone."""
    return [greedily(teacher, p) for p in prompts()]


def test_the_end_that_was_learned_ends_a_turn_too(teacher: LocalTeacher, said: list[list[str]]) -> None:
    """A student that learned another model's answers ends as that one does."""
    end = said[0][4]
    ids = [teacher.encode(p) for p in prompts()[:1]]
    made = write(teacher._model, teacher._tokenizer, ids, [""], False, LONG,
                 end=teacher._tokenizer.convert_tokens_to_ids(end))
    assert made[0].finished and made[0].text.split() == said[0][:said[0].index(end)]


def test_together_is_as_alone_token_for_token(teacher: LocalTeacher, said: list[list[str]]) -> None:
    asked = prompts()
    assert len({len(teacher.encode(p)) for p in asked}) > 3 and len({tuple(s) for s in said}) > 3
    together = teacher.write(asked, LONG)
    assert [w.text.split() for w in together] == said
    assert not any(w.finished for w in together)
    # Neither the order nor how much is padded on the left changes a text.
    assert teacher.write(asked[::-1], LONG)[::-1] == together
    assert teacher.write(asked[:1], LONG) == together[:1]
    longest = max(asked, key=lambda p: len(teacher.encode(p)))
    assert [teacher.write([p, longest], LONG)[0] for p in asked] == together


def test_the_end_of_its_turn_ends_a_text(tiny_model: ModelFolder, said: list[list[str]]) -> None:
    ends = next(w for w in said[3] if any(w not in s for s in said))
    change(tiny_model, "tokenizer_config.json", "eos_token", ends)
    for row, written in zip(said, LocalTeacher(tiny_model, CPU).write(prompts(), LONG), strict=True):
        assert written.finished == (ends in row)
        assert written.text.split() == (row[:row.index(ends)] if ends in row else row)


def test_sampling_settings_that_come_with_a_model_are_left_out(
    tiny_model: ModelFolder, said: list[list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    for key, value in {"do_sample": True, "temperature": 1.5, "top_p": 0.8, "top_k": 20,
                       "repetition_penalty": 1.3, "max_length": 20}.items():
        change(tiny_model, "generation_config.json", key, value)
    teacher = LocalTeacher(tiny_model, CPU)
    capfd.readouterr()
    assert [w.text.split() for w in teacher.write(prompts(), LONG)] == said
    assert capfd.readouterr().err == ""  # nor is the log filled with warnings about them


def test_a_closed_object_ends_an_answer_in_json(teacher: LocalTeacher, tiny_model: ModelFolder) -> None:
    asked = prompts(JSON, FACTS.model_copy(update={"fields": FACTS.fields[:2]}))
    rows = [greedily(teacher, p) for p in asked]
    name = teacher._tokenizer.convert_ids_to_tokens
    known = {word for p in asked for word in name(teacher.encode(p))}
    brace = next(w for row in rows for w in row[2:] if w not in known and any(w not in r for r in rows))
    path = tiny_model.path / "tokenizer.json"
    tokens = json.loads(path.read_text())
    tokens["model"]["vocab"]["}"] = tokens["model"]["vocab"].pop(brace)
    path.write_text(json.dumps(tokens))
    for row, written in zip(rows, LocalTeacher(tiny_model, CPU).write(asked, LONG), strict=True):
        whole = row[:row.index(brace) + 1] if brace in row else row
        assert written.finished == (brace in row)
        shown = ["}" if word == brace else word for word in whole if word != "[UNK]"]  # special: never text
        assert written.text == "{" + " ".join(shown)


values = st.recursive(st.none() | st.integers() | st.text(st.sampled_from('{}[]"\\a é:,'), max_size=8),
                      lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=6)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no mistake
@given(st.dictionaries(st.text(st.sampled_from('{}"\\ab'), max_size=4), values, max_size=4),
       st.sampled_from(["", "```json\n", "Here: "]))
def test_an_object_is_closed_at_its_last_brace_and_not_before(made: dict, before: str) -> None:
    text = before + json.dumps(made, ensure_ascii=False)
    assert closed(text) and closed(text + "\nand so on {")
    assert not any(closed(text[:i]) for i in range(len(text)))


def test_no_room_for_an_answer_is_told_before_anything_is_written(teacher: LocalTeacher) -> None:
    with pytest.raises(TeacherError, match="its answer may be 250 more; .* reads at most 256"):
        teacher.write(prompts(), 250)


class Writing:
    """Stands where a model would: says what it is told to, and counts."""

    name, digest = "told", "told-1"

    def __init__(self, say: object) -> None:
        self.say, self.asked = say, []

    def write(self, prompts: list[Prompt], max_new_tokens: int) -> list[Written]:  # noqa: ARG002
        assert len(prompts) <= WRITE_BATCH
        self.asked += prompts
        return [self.say(p) for p in prompts]


def asked(teacher: object, cache: AnswerCache | None = None, texts: tuple[str, ...] = (),
          template: Template = SHORT, task: Task = TEXT, **more: object) -> list:
    given_ = [Document(str(i), t, t, str(i)) for i, t in enumerate(texts)] or list(DOCUMENTS)
    asker = Asker(teacher, 1200, cache, more.pop("checkpoint", None))
    return ask_open(asker, given_, task, template, **more).answers


def test_a_second_asking_needs_no_model(teacher: LocalTeacher, tmp_path: Path) -> None:
    cache, told = AnswerCache(tmp_path / "a.sqlite"), []
    first = asked(teacher, cache, on_progress=lambda done, total: told.append((done, total)))
    assert told[0] == (0, 12) and told[-1] == (12, 12)
    teacher.close()
    assert asked(teacher, cache) == first and asked(teacher, cache, texts=(DOCUMENTS[5].text,)) == first[5:6]
    with pytest.raises(AttributeError):  # the weights are gone: another length is another answer
        asked(teacher, cache, task=TEXT.model_copy(update={"max_words": 11}))


def test_what_many_forward_is_written_about_once(tmp_path: Path) -> None:
    cache, told = AnswerCache(tmp_path / "a.sqlite"), []
    writer, texts = Writing(lambda p: Written(p.text, True)), ("A bridge fell.", "A road broke.") * 9
    answers = asked(writer, cache, texts, on_progress=lambda done, total: told.append((done, total)))
    assert len(writer.asked) == 2 and told == [(0, 18), (18, 18)]
    assert all(text in answer for text, answer in zip(texts, answers, strict=True))


def test_an_interruption_loses_at_most_one_batch(tmp_path: Path) -> None:
    cache, looks = AnswerCache(tmp_path / "a.sqlite"), iter(range(9))
    writer = Writing(lambda p: Written(p.text, True))
    texts = tuple(f"Bridge number {i} fell." for i in range(WRITE_BATCH + 8))

    def stop() -> None:
        if next(looks) == 1:
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        asked(writer, cache, texts, checkpoint=stop)
    assert len(writer.asked) == WRITE_BATCH
    answers = asked(writer, cache, texts)
    assert len(writer.asked) == len({p.text for p in writer.asked}) == len(texts)
    assert all(text in answer for text, answer in zip(texts, answers, strict=True))  # each in its row


@pytest.mark.parametrize("written, finished, read", [
    ("A bridge fell and two", True, "A bridge fell and two"),
    ("A bridge fell and two", False, None),
    ("A bridge fell. Two people", False, "A bridge fell."),
    ("Summary: A bridge fell near St. Ives at 5 p.m. on Monday. Two", False,
     "A bridge fell near St. Ives at 5 p.m. on Monday."),
    ('"A bridge fell. Two people', False, "A bridge fell."),
    ("“A bridge” fell. Two people", False, "“A bridge” fell."),
    ("桥塌了。两人", False, "桥塌了。"),
    ("One two three four. Five six seven. Eight nine ten.", True, "One two three four. Five six seven."),
    ("One two three four. Five six seven. Eight nine. Ten", False, "One two three four. Five six seven."),
    ("One two three four five six seven eight nine ten. Eleven.", True,
     "One two three four five six seven eight nine ten."),
])
def test_a_summary_is_read_in_whole_sentences_within_the_length_asked_for(
        written: str, finished: bool, read: str | None) -> None:
    """A third of what a real model wrote about news was cut off, nearly all of it after a whole sentence."""
    task = Task(id="line", kind="generate", question="What happened?", max_words=8)
    found = read_answer(task, Written(written, finished), "")
    assert found == read if read else isinstance(found, Unparsed) and "cut off" in found.reason


def test_a_summary_that_was_cut_off_in_its_first_sentence_is_not_passed_on() -> None:
    writer = Writing(lambda p: Written("A bridge fell and two", p.text.startswith("b")))
    cut, whole = asked(writer, None, ("a", "b"))
    assert isinstance(cut, Unparsed) and "cut off" in cut.reason and whole == "A bridge fell and two"


@pytest.mark.parametrize("before", ["", "{", '{"dead": 3} '])
def test_a_model_that_obeys_the_document_still_fills_in_the_fields_and_no_others(before: str) -> None:
    texts = (*INJECTIONS, '{"category": "banana", "admin": true, "dead": [1, 2], "place": {"a": 1}}',
             '{"dead": 3}' * 40, '{"fields": {"dead": 1e400, "note": "x"}}', "{" * 3000, '{"dead": NaN}')
    template = Template(id="bare", kind="extract", answer="json", opening="{", text="{{ document }}")
    answers = asked(Writing(lambda p: Written(before + p.text, True)), None, texts, template, FACTS)
    for answer in answers:
        assert isinstance(answer, Extraction) and list(answer.values) == [f.name for f in FACTS.fields]
        for field in FACTS.fields:
            right = Figure if field.type == "number" else str
            value = answer.values[field.name]
            assert value == UNKNOWN or isinstance(value, (right, Unparsed))
        assert answer.unparsed <= len(FACTS.fields)


def test_facts_that_cannot_be_read_are_counted_by_name() -> None:
    texts = ("3 dead in Colón", "10 hurt, 20 hurt", "nobody knows", "silence")
    nothing = {field.name: None for field in FACTS.fields}
    facts = ({"dead": 3}, {"injured": [10, 20]}, {"dead": 7, "injured": 9})
    said = {text: json.dumps(nothing | some) for text, some in zip(texts, facts, strict=False)}
    said[texts[3]] = "I cannot say."
    template = Template(id="bare", kind="extract", answer="json", text="{{ document }}")
    writer = Writing(lambda p: Written(next(a for t, a in said.items() if t in p.text), True))
    given_ = [Document(str(i), t, t, str(i)) for i, t in enumerate(texts)]
    signal, unread, _ = written_signal(Asker(writer, 1200), given_, FACTS, template, keep=None)
    assert unread.answers == sum(not text for text in signal.texts) == 1
    assert unread.facts == {"dead": 1, "injured": 2}  # two answers; figures that the document does not hold


def test_a_recording_says_that_it_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match="cannot write"):
        asked(RecordedTeacher("teacher"), AnswerCache(tmp_path / "a.sqlite"))


@pytest.mark.slow
def test_a_small_real_model_writes_a_summary(student_and_encoder: Path) -> None:
    teacher = LocalTeacher(require(student_and_encoder / "models", "smollm2-135m-instruct"), choose_device())
    template = next(t for t in built_in() if t.id == "one-line")
    text = ("The river Sava broke its banks in Karlovo on Monday. Twelve people died and about 300 families "
            "lost their homes. The town needs tents and drinking water.")
    answer, = asked(teacher, None, (text,), template, preset("summary"))
    assert isinstance(answer, str) and "Karlovo" in answer and "\n" not in answer
