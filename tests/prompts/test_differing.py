"""A difference, put together again, is both texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.prompts.differing import Run, compare

TEXT = st.lists(st.text(alphabet="ab ", max_size=8), max_size=6).map("\n".join)


@given(TEXT, TEXT)
def test_before_and_after_can_be_read_off(before: str, after: str) -> None:
    lines = compare(before, after)

    def side(left_out: str) -> list[str]:
        kept = [[run.text for run in line if run.change != left_out] for line in lines]
        return ["".join(parts) for line, parts in zip(lines, kept, strict=True)
                if parts or not any(run.change == left_out for run in line)]
    assert "\n".join(side("added")) == before
    assert "\n".join(side("removed")) == after


def test_a_changed_word_is_shown_in_its_line() -> None:
    assert compare("one\nthe red house\nend", "one\nthe blue house\nend") == [
        (Run("same", "one"),),
        (Run("same", "the "), Run("removed", "red"), Run("added", "blue"), Run("same", " house")),
        (Run("same", "end"),)]


def test_lines_that_share_nothing_stand_under_each_other() -> None:
    assert compare("water", "completely other words") == [
        (Run("removed", "water"),), (Run("added", "completely other words"),)]
