"""Instructions are kept in a cage: what is not listed is not there, and nothing runs away."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.prompts.limits import MAX_RENDERED, MAX_REPEAT, MAX_ROUNDS, worked
from engine.prompts.sandbox import FILTERS, METHODS, fill_in, variables
from engine.prompts.template import Option

VALUES = {"document": "water in the streets", "options": [{"name": "flood"}, {"name": "fire"}], "number": 7}

ESCAPES = (
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ document.__init__.__globals__ }}",
    "{{ (document|attr('__class__')) }}",
    "{{ document['__class__'] }}",
    "{{ '{0.__class__}'.format(document) }}",
    "{{ '%s' % document }}",
    "{{ '%(a)s' % {'a': 1} }}",
    "{{ document.format_map({}) }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ cycler.__init__ }}",
    "{{ joiner('x')() }}",
    "{{ namespace(a=1) }}",
    "{{ dict(a=1) }}",
    "{{ self }}",
    "{{ self.__init__ }}",
    "{{ caller() }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{% from 'os' import path %}",
    "{% extends 'base' %}",
    "{% block a %}{% endblock %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% call document() %}{% endcall %}",
    "{% filter upper %}a{% endfilter %}",
    "{{ document.encode('utf-8') }}",
    "{{ document.translate({}) }}",
    "{{ options.append(1) }}",
    "{{ options.pop() }}",
    "{{ document() }}",
    "{{ (1).to_bytes(9) }}",
    "{{ options[0].clear() }}",
    "{{ document|xmlattr }}",
    "{{ document|pprint }}",
    "{{ document|format }}",
    "{{ options|random }}",
    "{{ options|map('attr', '__class__')|list }}",
    "{{ options|groupby('name') }}",
    "{% for a in [[1]] recursive %}{{ loop(a) }}{% endfor %}",
    "{{ document is callable }}",
    "{{ range.__self__ }}",
    "{{ loop }}",
    "{{ [].__class__ }}",
    "{{ {}.__class__ }}",
    "{{ 1 .__class__ }}",
    "{{ options|map(attribute='name.__class__')|join }}",
    "{{ options|selectattr('__class__')|list|length }}",
    "{{ document.split(*options) }}",
    "{{ document.split(**{'sep': 'x'}) }}",
    "{% set options.x = 1 %}",
    "{% autoescape true %}{% endautoescape %}",
    "{{ document.upper }}",
    "{{ range }}",
    "{{ '\\ud800' }}",
    "{{ document is divisibleby(0) }}",
    "{{ document|truncate(-5) }}",
    "{{ {[1]: 2} }}",
    "{{ [3, 'a']|sort|join }}",
)
LONG = "{% set a = range(1000)|list * 39 %}"
BIG = "{% set a = 'x' * 1000 %}{% set a = (a ~ a ~ a ~ a) * 10 %}"
GREEDY = (
    "{{ 'a' * 10**9 }}",
    "{{ 'a' * 1000 * 1000 * 1000 }}",
    "{{ 9**9**9 }}",
    "{{ [1] * 10**9 }}",
    "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
    "{% for i in range(999) %}{% for j in range(999) %}{% for k in range(999) %}{% endfor %}{% endfor %}{% "
    "endfor %}",
    "{{ range(10**9)|list }}",
    "{{ range(10**18)|length }}",
    "{{ '%0999999999d' % 5 }}",
    "{{ 'a'.ljust(10**9) }}",
    "{{ 'a'.center(10**9) }}",
    "{{ 'a'.zfill(10**9) }}",
    "{{ 'a'|center(10**9) }}",
    "{{ document|indent(10**9) }}",
    "{{ document|wordwrap(1, wrapstring='x' * 1000) }}",
    "{{ options|batch(2, 'x' * 1000)|list }}",
    "{{ 'aaaa'|replace('a', 'b' * 1000)|replace('b', 'c' * 1000) }}",
    "{{ 'abc'|replace('', 'x' * 1000) }}",
    "{% set a = 'x' * 1000 %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "{% set a = 'x' * 1000 %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{{ (range(1000)|list * 1000)|join }}",
    "{{ ['x' * 1000] * 1000 }}",
    "{{ (['x' * 1000] * 40)|join|upper ~ ('y' * 1000) }}",
    "{{ range(1000)|sum }}",
    "{% for a in range(1000) %}{% for b in range(1000) %}{{ "
    "a|string|upper|lower|title }}"
    "{% endfor %}{% endfor %}",
    "{{" + "[" * 400 + "]" * 400 + "}}",
    "{{ " + "-" * 3000 + "1 }}",
    "{{" + "(" * 2000 + ")" * 2000 + "}}",
    "{% if 1 %}" * 300 + "{% endif %}" * 300,
    "{{ 5|round(-999999999) }}",
    "{{ 5|round(999999999, 'ceil') }}",
    "{{ 2 ** 99 }}",
    "{{ 1e999 + 1 }}",
    "{{ " + "9" * 5000 + " }}",
    "{{ 0x" + "f" * 7000 + " + 1 }}",
    "{{ {'a': [1]}|tojson(indent=99999999) }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a|length }}",
    "{% set a = [1] %}" + "{% set a = {'a': a, 'b': a} %}" * 60 + "{{ a|tojson }}",
    "{% set a = [1] %}{% set b = [1] %}" + "{% set a = (a, a) %}{% set b = (b, b) %}" * 60 + "{{ a == b }}",
    "{% set x %}xx{% endset %}" + "{% set x %}{{ x }}{{ x }}{{ x }}{% endset %}" * 60 + "{{ x|length }}",
    "{{ (range(1000)|list * 39)|reject('in', (range(1000)|map('string')|list) * 9)|list|length }}",
    BIG + "{{ " + " ~ ".join("a" * 1800) + " }}",
    BIG + "{{ range(1000)|map(attribute='zz', default=a)|join|length }}",
    BIG + "{{ range(1000)|map(attribute='zz', default=a)|map('upper')|list|length }}",
    BIG + "{{ a|list|join(a)|length }}",
    LONG + "{{ range(1000)|map(attribute='zz', default=a)|map('sort')|list|length }}",
    LONG + "{% if a|sort|reverse|sort == a %}{% endif %}" * 150,
    "{{ " + "document if document else " * 250 + "1 }}",
    "{{ document" + "[0]" * 2000 + " }}",
    "{{ document" + "|trim" * 1500 + " }}",
    "{{" * 4000,
    "x" * 8001,
    "{{ " + " ~ ".join(["document"] * 800) + " ~ ('x' * 1000) * 39 ~ ('y' * 1000) }}",
)


@pytest.mark.parametrize("source", [*ESCAPES, *GREEDY])
def test_an_attack_ends_in_a_plain_sentence_within_a_second(source: str) -> None:
    began = worked()  # its own work, as the limits count it
    with pytest.raises(SettingsError) as refused:
        fill_in(source, **VALUES)
    assert worked() - began < 1
    assert refused.value.what.startswith(("The instructions", "The filled-in instructions"))
    assert refused.value.fix and "Traceback" not in str(refused.value)


@pytest.mark.parametrize("source", GREEDY)
def test_a_greedy_template_takes_little_memory(source: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(SettingsError):
            fill_in(source, **VALUES)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


EXPRESSIONS = st.recursive(
    st.sampled_from(("document", "question", "options", "loop", "a", "none", "1", "-5", "1e300", "'x'",
                     "'%s'", "'map'", "'__class__'", "options[0]", "document[2:]", "[]", "{}", "()")),
    lambda inner: st.one_of(
        st.builds("{}|{}".format, inner, st.sampled_from(FILTERS)),
        st.builds("{}|{}({})".format, inner, st.sampled_from(FILTERS), inner),
        st.builds("({}).{}({})".format, inner, st.sampled_from(sorted(METHODS)), inner),
        st.builds("({} {} {})".format, inner,
                  st.sampled_from(("+", "-", "*", "/", "//", "%", "~", "and", "in", "==", "<")), inner),
        st.builds("[{}, {}]".format, inner, inner), st.builds("{{{}: {}}}".format, inner, inner),
        st.builds("({})[{}]".format, inner, inner), st.builds("range({})".format, inner),
        st.builds("({} if {} else 0)".format, inner, inner)), max_leaves=8)


@given(EXPRESSIONS, EXPRESSIONS)
def test_whatever_is_written_ends_in_a_text_or_in_a_plain_sentence(one: str, other: str) -> None:
    loop = f"{{% for a in {one} %}}{{% if {other} %}}{{{{ {one} }}}}{{% endif %}}{{% endfor %}}"
    source = f"{loop}{{{{ {other} }}}}"
    try:
        assert isinstance(fill_in(source, **VALUES), str)
    except SettingsError as refused:
        assert refused.what.startswith("The instructions") and refused.fix


@pytest.mark.parametrize(("source", "named"), [
    ("{{ document|center(9) }}", "line 1: the filter |center"),
    ("\n{{ document.ljust(9) }}", "line 2: ljust("),
    ("{% if document is callable %}{% endif %}", "the test “is callable”"),
    ("{% set x %}{% endset %}", "{% set … %} that ends with {% endset %}"),
    ("{{ 2 ** 3 }}", r"\*\*"),
    ("{{ options }}", "only a text or a number can be written"),
])
def test_what_is_refused_is_named(source: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named.replace("|", r"\|").replace("(", r"\(")):
        fill_in(source, **VALUES)


def test_a_part_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match="“.nme”") as refused:
        fill_in("{% for o in options %}{{ o.nme }}{% endfor %}", options=[Option("A", "flood", "water")])
    assert refused.value.fix.startswith("Did you mean .name?")
    assert "engine" not in str(refused.value)


def test_variables_are_found_where_no_document_has_been() -> None:
    source = "{% set x = 1 %}{% for o in options %}{{ o.name }}{{ loop.index }}{{ x }}{% endfor %}"
    assert variables(source) == {"options"}
    assert variables(source + "{% if x > 1 %}{{ documnt }}{{ range(2)|join }}{% endif %}") == {
        "options", "documnt"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ document|upper|truncate(8) }}", "WATER..."),
        (
            "{% for o in options %}{{ loop.index }}. {{ o.name }}{{ ', ' if not loop.last }}{% endfor %}",
            "1. flood, 2. fire",
        ),
        ("{{ options|map(attribute='name')|join(' or ') }}", "flood or fire"),
        ("{% if 'water' in document and number > 3 %}wet{% else %}dry{% endif %}", "wet"),
        ("{% set n = options|length %}{{ n * 2 }}{{ '-' * 3 }}{{ n % 2 }}", "4---0"),
        (
            "{{ document.split()[0].title() }} {{ document[:5] }} {{ document|replace('water', 'mud') }}",
            "Water water mud in the streets",
        ),
        ("{% for i in range(3) %}{{ i }}{% endfor %}{% with a = 5 %}{{ a }}{% endwith %}", "0125"),
        ("{{ options|selectattr('name', 'equalto', 'fire')|map(attribute='name')|first }}", "fire"),
        ("{% for o in options %}{{ loop.length }}{{ loop.cycle('a', 'b') }}{% endfor %}", "2a2b"),
        ("{{ options|map(attribute='name')|list|tojson }} {{ 'é'|tojson }}", '["flood", "fire"] "é"'),
        ("{{ options|join(', ', attribute='name') }}{{ ''|join }}", "flood, fire"),
        ("{% set word = {'flood': 'inundación'} %}{{ word[options[0].name] }}", "inundación"),
        ("{{ {'a': 1}|tojson }} {{ '{{' }} {% raw %}{{ x }}{% endraw %}", '{"a": 1} {{ {{ x }}'),
    ],
)
def test_what_instructions_need_is_there(source: str, said: str) -> None:
    assert fill_in(source, **VALUES) == said


def test_limits_are_where_they_are_said_to_be() -> None:
    inner = "{% for j in range(" + str(MAX_ROUNDS // 1000 - 1) + ") %}{% endfor %}"
    loop = "{% for i in range(1000) %}" + inner + "{% endfor %}"
    assert fill_in(loop) == ""
    with pytest.raises(SettingsError, match="more than 5,000 times"):
        fill_in(loop + loop)
    assert len(fill_in("{{ 'x' * n }}", n=MAX_REPEAT)) == MAX_REPEAT
    assert len(fill_in("{{ d }}", d="x" * MAX_RENDERED)) == MAX_RENDERED
    with pytest.raises(SettingsError, match="longer than"):
        fill_in("{{ d }}!", d="x" * MAX_RENDERED)


def test_one_template_does_not_spend_anothers_rounds() -> None:
    source = "{% for i in range(900) %}{% endfor %}"
    for _ in range(20):
        fill_in(source)
