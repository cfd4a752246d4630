"""Names for answers: everything that decides what a large model says, in one digest."""

from __future__ import annotations

from engine.records import Prompt, text_digest


def prompt_key(prompt: Prompt) -> str:
    """Name of a question by itself: the exact prompt, how its answer begins, and what is read of it."""
    read = "\x1d".join(prompt.labels[i] for i in prompt.order) if prompt.answer == "word" else \
        str(len(prompt.order))
    return text_digest("\x1f".join((prompt.text, prompt.opening, prompt.answer, read)))


def written_key(teacher_digest: str, prompt: Prompt, max_new_tokens: int) -> str:
    """Name of one answer in writing: who, what, and how it was decoded."""
    return text_digest(f"{teacher_digest}\x1fgreedy,{max_new_tokens}\x1f{prompt_key(prompt)}")


def answer_key(teacher_digest: str, prompt: Prompt, depths: tuple[float, ...]) -> str:
    """Name of one answer: who was asked (weights, tokenizer, numbers, chat form), what, what was kept."""
    kept = ",".join(f"{d:g}" for d in depths)
    return text_digest(f"{teacher_digest}\x1f{kept}\x1f{prompt_key(prompt)}")
