"""Ways to ask: which instructions, with or without the definitions, with or without examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.prompts.template import Template, render
from engine.tasks.definition import Task

EXAMPLES = 3  # already sorted messages shown, where some are


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to ask: a template's version, and what is shown beside the message.

    `definitions`: whether the categories' definitions are shown; `examples`: how many messages of like
    content, already sorted, stand in front.
    """

    template: Template
    definitions: bool = True
    examples: int = 0

    @property
    def name(self) -> str:
        """In a few words, for the log and the page."""
        parts = [self.template.title or self.template.id]
        parts += [] if self.definitions else ["without definitions"]
        parts += [f"with {self.examples} examples"] if self.examples else []
        return ", ".join(parts)

    @property
    def ref(self) -> str:
        """How a log points at it: `letters@1 -definitions +3`."""
        return (f"{self.template.ref}{'' if self.definitions else ' -definitions'}"
                f"{f' +{self.examples}' if self.examples else ''}")

    def shown(self, task: Task) -> Task:
        """The task as this way of asking shows it."""
        if self.definitions:
            return task
        bare = tuple(label.model_copy(update={"definition": ""}) for label in task.labels)
        return task.model_copy(update={"labels": bare})

    def with_examples(self) -> Candidate:
        """The same, with examples in front."""
        return replace(self, examples=EXAMPLES)


def candidates(templates: Sequence[Template], task: Task) -> tuple[Candidate, ...]:
    """Every different way to ask that these templates allow for this task, in their order.

    A template that shows definitions is there twice where there are any: with them, and without, which is
    shorter.

    Raises:
        SettingsError: a template cannot be rendered.
    """
    made: list[Candidate] = []
    seen: set[tuple[str, str, str]] = set()
    for template in templates:
        for definitions in (True, False):
            one = Candidate(template, definitions)
            text = render(template.text, one.shown(task), "", range(len(task.labels)))
            key = (text, template.answer, template.opening)
            if key not in seen:
                seen.add(key)
                # Told apart by what is read: a template that shows none is not “without definitions”.
                made.append(Candidate(template, True) if definitions or not _uses(template, task) else one)
    return tuple(made)


def _uses(template: Template, task: Task) -> bool:
    """Whether the definitions change what is read."""
    order = range(len(task.labels))
    return render(template.text, task, "", order) != render(
        template.text, Candidate(template, False).shown(task), "", order)
