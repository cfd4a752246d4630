"""Instructions are data's cage: nothing in a document or a template gets out of it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.prompts.limits import MAX_RENDERED
from engine.prompts.template import (
    VARIABLES,
    Template,
    as_data,
    before_document,
    render,
    render_label,
    render_open,
    shorten,
    student_text,
)
from engine.records import text_digest
from engine.tasks.definition import Field, Label, Task

TASK = Task(question="Which kind?", labels=(Label(name="flood", definition="too much water"),
                                            Label(name="fire"), Label(name="other")))
SOURCE = "{{ document }}|{{ question }}|{% for o in options %}{{ o.letter }}={{ o.name }};{% endfor %}"


def test_a_document_and_an_order_are_filled_in() -> None:
    assert render(SOURCE, TASK, "help", (2, 0, 1)) == "help|Which kind?|A=other;B=flood;C=fire;"


@pytest.mark.parametrize("source", [
    "{{ ''.__class__ }}",
    "{{ document.__class__.__mro__ }}",
    "{{ options.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ (document|attr('__class__')) }}",
    "{{ '{0.__class__}'.format(document) }}",
    "{{ options.append(1) }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{{ self.__init__ }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
])
def test_a_template_cannot_leave_the_sandbox(source: str) -> None:
    with pytest.raises(SettingsError) as refused:
        render(source, TASK, "x", range(3))
    assert refused.value.fix


@pytest.mark.parametrize("source", [
    "{{ 'a' * 10**9 }}", "{{ 'a' * 1000 * 1000 * 1000 }}", "{{ 9**9**9 }}", "{{ [1] * 10**9 }}",
    "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
    "{{ range(10**9)|list }}",
])
def test_a_template_cannot_eat_the_machine(source: str) -> None:
    began = time.monotonic()
    with pytest.raises(SettingsError):
        render(source, TASK, "x", range(3))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("source", [
    "{{ unknown }}", "{{ document.encode('zz') }}", "{{ '{a}'.format() }}", "{{ 1/0 }}",
    "{{ options|map('nofilter')|list }}", "{{ document|nofilter }}", "{{ cycler() }}", "{% if %}",
    "{{ document", "{% for i in [1] %}" * 30 + "{% endfor %}" * 30, "{{" + "(" * 2000 + ")" * 2000 + "}}",
    "{{ [3, 'a']|sort }}", "{{ '%d' % 'x' }}", "{{ document.index('zzz') }}", "{{ [].pop() }}",
])
def test_every_mistake_in_a_template_is_told_in_words(source: str) -> None:
    with pytest.raises(SettingsError) as refused:
        render(source, TASK, "x", range(3))
    assert refused.value.what.startswith("The instructions")


def test_an_unknown_variable_names_the_nearest() -> None:
    with pytest.raises(SettingsError) as refused:
        render("{{ docment }}", TASK, "x", range(3))
    assert "{{ document }}" in refused.value.fix and "options" in refused.value.fix


def test_a_syntax_error_names_its_line() -> None:
    with pytest.raises(SettingsError, match="line 2"):
        render("fine\n{% if %}", TASK, "x", range(3))


def test_a_result_without_end_is_refused_and_a_long_one_is_not() -> None:
    assert len(render("{{ document }}", TASK, "y" * (MAX_RENDERED - 1), range(3))) == MAX_RENDERED - 1
    with pytest.raises(SettingsError, match="longer than"):
        render("{{ document }}", TASK, "y" * (MAX_RENDERED + 1), range(3))


@given(st.text(max_size=60))
def test_document_text_that_looks_like_a_template_stays_text(extra: str) -> None:
    document = "{{ question }}{% for o in options %}{{ 7*7 }}{# no #}" + extra
    assert render("[{{ document }}]", TASK, document, range(3)) == f"[{as_data(document)}]".strip()


@pytest.mark.parametrize("mark", [
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|start_header_id|>", "<s>", "</s>",
    "[INST]", "[/INST]", "<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<<SYS>>", "<｜User｜>",
    "<|reserved_special_token_12|>",
])
def test_marks_of_chat_models_are_taken_out_of_documents(mark: str) -> None:
    # Also one cut in two by a NUL, one inside another, and one closed by the next.
    for document in (f"a{mark}b", f"a{mark[:2]}\x00{mark[2:]}b", f"a{mark[:1]}\x00{mark[1:]}b",
                     f"a{mark[:3]}{mark}{mark[3:]}b", f"{mark}{mark}"):
        assert mark not in as_data(document)
        assert mark not in render("{{ document }}!", TASK, document, range(3))
        assert mark not in student_text("{{ document }}!", "q", document, 500)


@given(st.text(alphabet="<|>s/ima_trek\x00[INST] {}%#\n", max_size=40))
def test_no_mark_survives_however_it_is_hidden(document: str) -> None:
    cleaned = as_data(document)
    assert not any(mark in cleaned for mark in ("<|im|>", "<s>", "</s>", "[INST]", "\x00"))


@given(st.text(alphabet="<|>/s｜im[INST]{}SY \u200b\x00\n", max_size=40))
def test_cleaning_twice_is_cleaning_once(document: str) -> None:
    assert as_data(as_data(document)) == as_data(document)


@pytest.mark.parametrize(("document", "left"), [
    ("<|<s>|>", "<| |>"), ("<|im_<s>start|>", "<|im_ start|>"), ("[IN<s>ST]", "[IN ST]"),
    ("<<s>/s>", "< /s>"), ("<|<|<|a|>|>|>", "<|<| |>|>"), ("<|im_\u200bstart|>", " "),
])
def test_what_a_mark_leaves_behind_is_no_mark(document: str, left: str) -> None:
    assert as_data(document) == left == as_data(left)


def test_plain_text_is_left_alone() -> None:
    for text in ("water < 3 m | road > bridge", "a <- b |> c", "<b>bold</b>", "[INSTALL] 5 | 6", "e\n\tf"):
        assert as_data(text) == text


def test_the_smaller_prompt_keeps_its_bytes() -> None:
    # Not stripped, not rendered twice, cut at a space with a mark.
    assert student_text("{{ document }}\n\nAbout: ", "q", "{{ question }}", 99) == "{{ question }}\n\nAbout: "
    assert student_text("{{ document }}", "q", "one two three", 9) == "one two […]"


@given(st.text(max_size=200), st.integers(1, 80))
def test_shortening_keeps_a_beginning_and_says_so(text: str, limit: int) -> None:
    short = shorten(text, limit)
    if len(text) <= limit:
        assert short == text
    else:
        assert short.endswith(" […]") and text.startswith(short[:-4]) and len(short) <= limit + 4


def test_each_kind_of_question_has_its_variables() -> None:
    fields = (Field(name="dead", definition="people killed", type="number"), Field(name="place"))
    tasks = [TASK.model_copy(update={"kind": kind, "fields": fields, "max_words": 12}) for kind in VARIABLES]
    filled = {"single_label": lambda text, task: render(text, task, "help", range(3)),
              "multi_label": lambda text, task: render_label(text, task, "help", 1),
              "extract": lambda text, task: render_open(text, task, "help"),
              "generate": lambda text, task: render_open(text, task, "help")}
    for task in tasks:
        for name in VARIABLES[task.kind]:
            assert filled[task.kind](f"{{{{ {name} is defined }}}}", task) == "True"
        with pytest.raises(SettingsError) as refused:
            filled[task.kind]("{{ nothing }}", task)
        assert refused.value.fix == f"Known variables: {', '.join(VARIABLES[task.kind])}."
    assert filled["multi_label"]("{{ document }} {{ label.name }}?", tasks[1]) == "help fire?"
    asked = "{% for f in fields %}{{ f.name }} {{ f.type }};{% endfor %} {{ schema }}"
    assert filled["extract"](asked, tasks[2]) == (
        'dead number;place text; {"dead": "number or null", "place": "text or null"}')
    assert filled["generate"]("{{ max_words }} {{ document }}", tasks[3]) == "12 help"


def test_a_question_without_categories_or_with_too_many_does_not_break_the_page() -> None:
    with pytest.raises(SettingsError, match="no category"):
        render_label("{{ document }}", TASK.model_copy(update={"labels": ()}), "x", 0)
    many = TASK.model_copy(update={"labels": tuple(Label(name=f"n{i}") for i in range(30))})
    assert render("{{ options[29].letter }}{{ options[29].name }}", many, "x", range(30)) == "n29"


def test_what_a_version_is_called_by_does_not_change_with_what_surrounds_it() -> None:
    # Recordings and runs of earlier programs point at these.
    old = Template(id="t", text="{{ document }}", answer="word", opening="Category:")
    assert old.digest == text_digest("{{ document }}\x1fword\x1fCategory:")
    assert old.model_copy(update={"kind": "extract", "language": "fr", "suits": "news"}).digest == old.digest
    assert (old.kind, old.language, old.suits) == ("single_label", "en", "any")


@pytest.mark.parametrize("text", ["转发微博 " + "水已经进了厨房" * 80, "a " + "b" * 600, "น้ำท่วม" * 90])
def test_what_has_few_spaces_is_not_cut_down_to_a_word(text: str) -> None:
    assert len(shorten(text, 500)) >= 400


def test_what_stands_before_the_document_is_found() -> None:
    def before(text: str, **changes: object) -> str:
        return before_document(Template(id="t", text=text), TASK.model_copy(update=changes))

    assert before("{{ document }} Which?") == ""
    assert before("Read this.\n{{ document }} Read this.") == "Read this.\n"
    assert before("{{ question }} {{ document }}", question="Which 0 or a?") == "Which 0 or a? "
    assert before("No place for it") == "No place for it"
    assert before("A{% if document == '0' %}B{% else %}C{% endif %}") == "A"
