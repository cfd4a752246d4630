"""A small part of Jinja2 in a cage: what instructions may use, and how much they may do with it.

Only listed syntax, filters and methods are there; loops are counted, every value is weighed, and the time is
watched. Whatever goes beyond ends in a plain sentence within a second.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.errors import SettingsError
from engine.prompts.limits import (
    LARGEST,
    MAX_RENDERED,
    MAX_REPEAT,
    allowance,
    as_json,
    bounded,
    counted,
    in_time,
    join,
    plain,
    put_together,
    replace,
    small_range,
    written,
)

MAX_SOURCE = 8_000
MAX_NESTED = 40
FILTERS = (
    "capitalize", "default", "first", "int", "join", "last", "length", "list", "lower", "map", "max", "min",
    "reject", "rejectattr", "replace", "reverse", "select", "selectattr", "sort", "string", "title", "tojson",
    "trim", "truncate", "unique", "upper", "wordcount")
TESTS = ("defined", "undefined", "none", "string", "number", "even", "odd", "in", "equalto", "eq", "ne", "lt",
         "gt", "le", "ge", "==", "!=", "<", ">", "<=", ">=", "true", "false")
METHODS = frozenset((
    "capitalize", "count", "endswith", "find", "lower", "lstrip", "rstrip", "split", "startswith", "strip",
    "title", "upper", "cycle"))
_SYNTAX = frozenset((
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Assign, nodes.With,
    nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Filter, nodes.Test,
    nodes.Call, nodes.Keyword, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Concat, nodes.Compare,
    nodes.Operand, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub,
    nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod))
_WORDS: dict[type[nodes.Node], str] = {
    nodes.FromImport: "{% from … import %}", nodes.CallBlock: "{% call %}", nodes.FilterBlock: "{% filter %}",
    nodes.AssignBlock: "{% set … %} that ends with {% endset %}", nodes.Pow: "**",
    nodes.NSRef: "{% set %} of a part of something", nodes.Scope: "{% autoescape %}"}
_LAZY = frozenset(("map", "select", "reject", "selectattr", "rejectattr", "unique"))


class _Cage(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(("*", "+", "%"))

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any,  # noqa: ANN401
                   right: Any) -> Any:  # noqa: ANN401 - whatever a template holds
        """Multiply and add, within bounds; never format by `%`."""
        if operator == "%" and not isinstance(left, int | float):
            raise TypeError("% is for numbers")
        if operator == "*":
            for number, other in ((left, right), (right, left)):
                if isinstance(number, int | float) and abs(number) > MAX_REPEAT:
                    raise OverflowError(f"only numbers up to {MAX_REPEAT:,} can be multiplied")
                if isinstance(number, int) and isinstance(other, str | list | tuple) and (
                        number * len(other) > MAX_RENDERED):
                    raise OverflowError("the result would be too long")
        return bounded(super().call_binop(context, operator, left, right))


def _environment() -> _Cage:
    made = _Cage(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=False,
                 optimized=False, finalize=written)
    own = {"join": join, "replace": replace, "tojson": as_json, "string": lambda value: str(plain(value)),
           # The blank at the end of a name keeps it from being typed.
           "counted ": counted, "bounded ": bounded, "together ": put_together}
    made.filters = {name: made.filters[name] for name in FILTERS} | own
    made.tests = {name: made.tests[name] for name in TESTS}
    made.globals = {"range": small_range}
    return made


_environment_ = _environment()


@lru_cache(maxsize=64)
def compile_template(source: str) -> jinja2.Template:
    """Parse once, with loops counted and values weighed.

    Raises:
        SettingsError: the text is too long, is not valid, or uses what instructions may not, with the line
            and what it is.
    """
    if len(source) > MAX_SOURCE:
        raise SettingsError(f"The instructions are longer than {MAX_SOURCE:,} characters.", "Shorten them.")
    try:
        tree = _environment_.parse(source)
        _check(tree)
        return _environment_.from_string(_Wrapped().visit(tree))
    except jinja2.TemplateSyntaxError as error:
        raise SettingsError(f"The instructions cannot be read: line {error.lineno}: "
                            f"{str(error.message).rstrip('.')}.",
                            "Check that every {{ … }} and {% … %} in that line is closed.") from error
    except ValueError as error:  # Python's own limit on the digits of a number
        raise SettingsError("The instructions cannot be read: a number is too large.",
                            "Shorten it.") from error
    except (SyntaxError, RecursionError, MemoryError) as error:  # and on nesting
        raise _tangled() from error


def _tangled() -> SettingsError:
    return SettingsError("The instructions cannot be read: too much is nested in one another.",
                         "Simplify them.")


def _check(tree: nodes.Node) -> None:
    """Refuse what is not listed, named with its line."""
    level: list[nodes.Node] = [tree]
    for _ in range(MAX_NESTED):
        for node in level:
            if type(node) not in _SYNTAX:
                raise _refused(node, _WORDS.get(type(node), f"{{% {type(node).__name__.lower()} %}}"))
            what = _fault(node)
            if what:
                raise _refused(node, what)
        level = [child for node in level for child in node.iter_child_nodes()]
    if level:
        raise _tangled()


def _fault(node: nodes.Node) -> str:
    match node:
        case nodes.Call() | nodes.Filter() | nodes.Test() if node.dyn_args or node.dyn_kwargs:
            return "* before what is handed over"
        case nodes.Call(node=nodes.Getattr(attr=name)):
            return "" if name in METHODS else f"{name}(…)"
        case nodes.Call():
            name = getattr(node.node, "name", "a call")
            return "" if name == "range" else f"{name}(…)"
        case nodes.Filter(name=name) if name not in FILTERS:
            return f"the filter |{name}"
        case nodes.Test(name=name) if name not in TESTS:
            return f"the test “is {name}”"
        case nodes.For(recursive=True):
            return "a loop that calls itself"
        case nodes.Name(name="self" | "super" | "caller" as name):
            return name
        case nodes.Const(value=int() | float() as number) if not abs(number) <= LARGEST:
            return "a number that is too large"
        case nodes.Const(value=str() as text) | nodes.TemplateData(data=text) if re.search(
                "[\ud800-\udfff]", text):
            return "half a character"
    return ""


def _refused(node: nodes.Node, what: str) -> SettingsError:
    where = f"line {node.lineno or 1}"
    return SettingsError(f"The instructions use something that is not allowed: {where}: {what}.",
                         "Use only the variables listed beside the editor, loops and conditions.")


class _Wrapped(jinja2.visitor.NodeTransformer):
    """Loops counted, and whatever makes a value or takes long looked at."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - the library's names
        self.generic_visit(node)
        node.iter = _filtered(node.iter, "counted ")
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        if node.name in _LAZY:
            node.node = _filtered(node.node, "counted ")
        return _filtered(node, "bounded ")

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), "together ")

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802
        return self._looked_at(node) if node.ctx == "load" else node

    def _looked_at(self, node: nodes.Expr) -> nodes.Expr:
        self.generic_visit(node)
        return _filtered(node, "bounded ")

    visit_Call = visit_List = visit_Dict = visit_Compare = visit_Test = _looked_at  # noqa: N815


def _filtered(node: nodes.Expr | None, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno if node else 0)


def fill_in(source: str, **values: Any) -> str:  # noqa: ANN401 - what the template may use
    """A template with its values, exactly as it comes out.

    Raises:
        SettingsError: an unknown variable (with the nearest known one), a forbidden expression, or too much
            of anything: text, rounds, time.
    """
    template, pieces, length = compile_template(source), [], 0
    try:
        with allowance():
            for piece in template.generate(**values):
                in_time()
                pieces.append(piece)
                length += len(piece)
                if length > MAX_RENDERED:
                    break
    except jinja2.exceptions.SecurityError as error:
        raise SettingsError("The instructions use an expression that is not allowed.",
                            "Use only the variables listed beside the editor.") from error
    except jinja2.UndefinedError as error:
        raise _unknown(str(error.message), values) from error
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError,
            RuntimeError, AssertionError, MemoryError) as error:
        said = re.sub(r"\b_?(?:do_|sync_do_)?(\w+)\(\)", r"\1", str(error)).rstrip(".")
        raise SettingsError("The instructions could not be filled in: "
                            f"{said or 'they take too much memory'}.",
                            "Simplify the expression in {{ … }}.") from error
    if length > MAX_RENDERED:
        raise SettingsError(f"The filled-in instructions are longer than {MAX_RENDERED:,} characters.",
                            "Shorten the instructions.")
    return "".join(pieces)


def variables(source: str) -> frozenset[str]:
    """The variables that a text expects to be given, also in branches that no document has reached yet.

    Raises:
        SettingsError: see `compile_template`.
    """
    compile_template(source)
    found = meta.find_undeclared_variables(_environment_.parse(source))
    return frozenset(found - _environment_.globals.keys())


def nearest(name: str, known: Iterable[str]) -> str:
    """What may have been meant, and what there is."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {{{{ {close[0]} }}}}? " if close else ""
    return f"{hint}Known variables: {', '.join(names)}."


def _unknown(message: str, values: Mapping[str, Any]) -> SettingsError:
    quoted = re.findall(r"'([^']*)'", message)
    what, fix = message, nearest(quoted[0] if quoted else "", values)
    if " has no attribute " in message:
        first = [value[0] if isinstance(value, list) and value else value for value in values.values()]
        parts = [field.name for thing in first if is_dataclass(thing) for field in fields(thing)]
        what, close = f"“.{quoted[-1]}”", difflib.get_close_matches(quoted[-1], parts, n=1)
        fix = (f"Did you mean .{close[0]}? " if close else "") + (
            f"Known here: {', '.join('.' + name for name in parts)}." if parts else "Leave it out.")
    elif " has no element " in message:
        what = "an entry of a list or text that is not that long"
    return SettingsError(f"The instructions use something that does not exist: {what}.", fix)
