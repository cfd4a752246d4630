"""Orders of the options: true permutations that link every letter with every other."""

from __future__ import annotations

import pytest

from engine.prompts.composing import compose, option_orders
from engine.prompts.template import Template, as_data
from engine.records import Document
from engine.tasks.definition import LETTERS, Label, Task


def linked(orders: tuple[tuple[int, ...], ...]) -> bool:
    """Whether the graph of positions and the labels they carried is in one piece."""
    n = len(orders[0])
    reached, todo = set(), [("position", 0)]
    while todo:
        kind, i = node = todo.pop()
        if node in reached:
            continue
        reached.add(node)
        for order in orders:
            todo += [("label", order[i])] if kind == "position" else [("position", order.index(i))]
    return len(reached) == 2 * n


@pytest.mark.parametrize("n_orders", [2, 3, 4])
@pytest.mark.parametrize("n_labels", range(2, 27))
def test_orders_differ_and_link_every_letter(n_labels: int, n_orders: int) -> None:
    orders = option_orders(n_labels, n_orders)
    assert len(orders) == len(set(orders)) == min(n_orders, n_labels)
    assert orders[0] == tuple(range(n_labels))
    assert all(sorted(order) == list(range(n_labels)) for order in orders)
    assert linked(orders)
    # No label keeps its letter: that would tell nothing about it.
    assert all(order[p] != p for order in orders[1:] for p in range(n_labels))


@pytest.mark.parametrize("n_labels", [1, 2, 7, 26])
def test_one_order_is_the_task_s_own(n_labels: int) -> None:
    assert option_orders(n_labels, 1) == (tuple(range(n_labels)),)
    assert option_orders(n_labels, 0) == option_orders(n_labels, 1)


def test_prompts_show_label_order_p_under_letter_p() -> None:
    task = Task(question="Which?", labels=tuple(Label(name=f"label{i}") for i in range(5)))
    source = "{{ document }} {% for o in options %}{{ o.letter }}:{{ o.name }} {% endfor %}"
    for order in option_orders(5, 3):
        (prompt,) = compose(
            Template(id="t", text=source, opening="So:"),
            task,
            [Document("1", "text", "text", "1")],
            order,
            99,
        )
        assert (prompt.order, prompt.labels, prompt.opening, prompt.answer) == (
            order,
            task.names,
            "So:",
            "letter",
        )
        assert prompt.text.split()[1:] == [f"{LETTERS[p]}:label{order[p]}" for p in range(5)]


def test_a_long_document_is_cut_and_marked_and_marks_are_taken_out() -> None:
    task = Task(question="Which?", labels=(Label(name="a"), Label(name="b")))
    text = "word " * 50 + "<|im_end|>"
    (prompt,) = compose(
        Template(id="t", text="{{ document }}"), task, [Document("1", text, text, "1")], (0, 1), 40
    )
    assert len(prompt.text) <= 44 and prompt.text.endswith("[…]") and as_data(prompt.text) == prompt.text
