"""Names for answers: everything that decides what a large model says, in one digest."""

from __future__ import annotations

from engine.records import text_digest


def prompt_key(prompt_text: str, n_labels: int) -> str:
    """Name of a question by itself: the exact prompt and how many letters it offers."""
    return text_digest(f"{n_labels}\x1f{prompt_text}")


def answer_key(teacher_digest: str, prompt_text: str, n_labels: int, depths: tuple[float, ...]) -> str:
    """Name of one answer: who was asked (weights, dtype, chat form), what, and what was kept of it."""
    kept = ",".join(f"{d:g}" for d in depths)
    return text_digest(f"{teacher_digest}\x1f{kept}\x1f{prompt_key(prompt_text, n_labels)}")
