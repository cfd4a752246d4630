"""A small part of Jinja2 in a cage: what instructions may use, and how much they may do with it.

Only listed filters, methods and statements are there; loops are counted and timed, texts have a largest size.
Whatever goes beyond ends in a plain sentence, well within a second.
"""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sized
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.errors import SettingsError

MAX_RENDERED = 40_000
MAX_ROUNDS = 5_000  # of all loops together
MAX_SECONDS = 0.5
MAX_REPEAT = 1_000
FILTERS = (
    "capitalize", "default", "first", "int", "join", "last", "length", "list", "lower", "map", "max", "min",
    "reject", "rejectattr", "reverse", "round", "select", "selectattr", "sort", "string", "title", "tojson",
    "trim", "truncate", "unique", "upper", "wordcount")
TESTS = ("defined", "undefined", "none", "string", "number", "even", "odd", "in", "equalto", "eq", "ne", "lt",
         "gt", "le", "ge", "==", "!=", "<", ">", "<=", ">=", "true", "false")
METHODS = frozenset((
    "capitalize", "count", "endswith", "find", "lower", "lstrip", "rstrip", "split", "startswith", "strip",
    "title", "upper", "cycle"))
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Include: "include", nodes.Import: "import", nodes.FromImport: "from … import",
    nodes.Extends: "extends", nodes.Block: "block", nodes.Macro: "macro", nodes.CallBlock: "call",
    nodes.FilterBlock: "filter"}
_LOOPS: ContextVar[tuple[list[int], float]] = ContextVar("loops so far, and the time to be done by")


class _Cage(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(("*", "**", "+", "%"))

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any,  # noqa: ANN401
                   right: Any) -> Any:  # noqa: ANN401 - whatever a template holds
        """Multiply and add, within bounds; never format by `%`."""
        if operator == "%" and not isinstance(left, int | float):
            raise TypeError("% is for numbers")
        if operator in ("*", "**"):
            for number, other in ((left, right), (right, left)):
                if isinstance(number, int | float) and abs(number) > MAX_REPEAT:
                    raise OverflowError(f"only numbers up to {MAX_REPEAT:,} can be multiplied")
                if isinstance(number, int) and isinstance(other, Sized) and (
                        number * len(other) > MAX_RENDERED):
                    raise OverflowError("the result would be too long")
        return bounded(super().call_binop(context, operator, left, right))


def bounded(value: Any) -> Any:  # noqa: ANN401 - whatever a template holds
    """The value, if it is not longer than a rendered text may be. Raises `OverflowError`."""
    if isinstance(value, Sized) and len(value) > MAX_RENDERED:
        raise OverflowError("a part of the result is too long")
    return value


def _counted(values: Iterable[Any]) -> Iterator[Any]:
    rounds, end = _LOOPS.get()
    for value in values:
        rounds[0] += 1
        if rounds[0] > MAX_ROUNDS:
            raise OverflowError(f"its loops go round more than {MAX_ROUNDS:,} times")
        if time.monotonic() > end:
            raise OverflowError("it takes too long")
        yield value


def _replaced(text: str, old: str, new: str) -> str:
    if not old or text.count(old) * len(new) + len(text) > MAX_RENDERED:
        raise OverflowError("the result of replacing would be too long")
    return text.replace(old, new)


def _range(*bounds: int) -> range:
    made = range(*bounds)
    if len(made) > MAX_REPEAT:
        raise OverflowError(f"a range may hold {MAX_REPEAT:,} numbers at most")
    return made


def _environment() -> _Cage:
    made = _Cage(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=False)
    made.filters = {name: made.filters[name] for name in FILTERS}
    # The blank at the end of a name keeps it from being typed.
    made.filters |= {"replace": _replaced, "counted ": _counted, "bounded ": bounded}
    made.tests = {name: made.tests[name] for name in TESTS}
    made.globals = {"range": _range}
    return made


_environment_ = _environment()


@lru_cache(maxsize=64)
def compile_template(source: str) -> jinja2.Template:
    """Parse once, with loops counted and long results refused.

    Raises:
        SettingsError: the text is not valid, or uses what instructions may not, with the line and what it is.
    """
    try:
        tree = _environment_.parse(source)
        for found in tree.find_all(tuple(_REFUSED)):
            raise _refused(found.lineno, f"{{% {_REFUSED[type(found)]} %}}")
        for call in tree.find_all(nodes.Call):
            _check_call(call)
        for name in tree.find_all(nodes.Name):
            if name.name in ("self", "super", "caller"):
                raise _refused(name.lineno, name.name)
        for loop in tree.find_all(nodes.For):
            if loop.recursive:
                raise _refused(loop.lineno, "a loop that calls itself")
        return _environment_.from_string(_Wrapped().visit(tree))
    except jinja2.TemplateSyntaxError as error:
        raise SettingsError(f"The instructions cannot be read: line {error.lineno}: {error.message}.",
                            "Check that every {{ … }} and {% … %} in that line is closed.") from error
    except (SyntaxError, RecursionError, MemoryError) as error:  # Python's own limits on nesting
        raise SettingsError("The instructions cannot be read: too much is nested in one another.",
                            "Simplify them.") from error


class _Wrapped(jinja2.visitor.NodeTransformer):
    """Loops counted, texts put together and calls looked at for their size."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - the library's name
        self.generic_visit(node)
        node.iter = _filtered(node.iter, "counted ")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, "bounded ")

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, "bounded ") if node.name in ("join", "map", "list", "tojson") else node


def _filtered(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _check_call(call: nodes.Call) -> None:
    if isinstance(call.node, nodes.Getattr) and call.node.attr in METHODS:
        return
    if isinstance(call.node, nodes.Name) and call.node.name == "range":
        return
    named = call.node.attr if isinstance(call.node, nodes.Getattr) else getattr(call.node, "name", "a call")
    raise _refused(call.lineno, f"{named}(…)")


def _refused(line: int, what: str) -> SettingsError:
    return SettingsError(f"The instructions use something that is not allowed: line {line}: {what}.",
                         "Use only the variables listed beside the editor, loops and conditions.")


def fill_in(source: str, **values: Any) -> str:  # noqa: ANN401 - what the template may use
    """A template with its values, exactly as it comes out.

    Raises:
        SettingsError: an unknown variable (with the nearest known one), a forbidden expression, or too much
            of anything: text, rounds, time.
    """
    template, pieces, length = compile_template(source), [], 0
    kept = _LOOPS.set(([0], time.monotonic() + MAX_SECONDS))
    try:
        for piece in template.generate(**values):
            pieces.append(piece)
            length += len(piece)
            if length > MAX_RENDERED:
                break
    except jinja2.exceptions.SecurityError as error:
        raise SettingsError("The instructions use an expression that is not allowed.",
                            "Use only the variables listed beside the editor.") from error
    except jinja2.UndefinedError as error:
        raise SettingsError(f"The instructions use something that does not exist: {error.message}.",
                            _nearest(str(error.message), values)) from error
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError,
            RuntimeError, MemoryError) as error:
        raise SettingsError(f"The instructions could not be filled in: {error}.",
                            "Simplify the expression in {{ … }}.") from error
    finally:
        _LOOPS.reset(kept)
    if length > MAX_RENDERED:
        raise SettingsError(f"The filled-in instructions are longer than {MAX_RENDERED:,} characters.",
                            "Shorten the instructions.")
    return "".join(pieces)


def _nearest(message: str, values: Mapping[str, Any]) -> str:
    named, names = re.search(r"'([^']+)'", message), list(values)
    close = difflib.get_close_matches(named.group(1), names, n=1) if named else []
    hint = f"Did you mean {{{{ {close[0]} }}}}? " if close else ""
    return f"{hint}Known variables: {', '.join(names)}."
