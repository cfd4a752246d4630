"""Reading before teaching: the small model meets the documents word by word, with nobody's answers.

A model that has read an analyst's documents knows their words, places and hazards before it is told what
they are about (task-adaptive pretraining: Gururangan et al., “Don't Stop Pretraining”, ACL 2020). Documents
that steer are foretold, never learned from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.corpus.splits import one_of_each_group
from engine.errors import SettingsError
from engine.records import Part
from engine.students.base import Student
from engine.training.gates import Gate
from engine.training.lessons import TextLesson
from engine.training.phases import PhaseSlice, to_read
from engine.training.preparing import reading_lesson
from engine.training.subjects import Subject, foretold


def check_foretells(student: Student) -> None:
    """Refuse a student that cannot learn from next words.

    Raises:
        SettingsError: it is an encoder.
    """
    if not student.foretells:
        raise SettingsError("This small model reads whole texts and guesses no words.",
                            "Leave out the phases with “reads”, or choose another small model.")


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The words of the documents to learn from, and of those to steer by."""

    lesson: TextLesson
    steer: TextLesson

    @classmethod
    def of(cls, subject: Subject, student: Student) -> Reading:
        """What there is to read in a run; of near-duplicates one.

        Raises:
            SettingsError: this student has no words of its own to foretell.
        """
        check_foretells(student)

        def words(part: Part) -> Sequence[int]:
            return one_of_each_group(subject.corpus, subject.parts.named(part))
        made = reading_lesson(student, subject.corpus, words("steer"))
        long_enough = [i for i, rest in enumerate(made.answers) if rest]
        return cls(reading_lesson(student, subject.corpus, words("learn")),
                   TextLesson([made.prompts[i] for i in long_enough], [made.answers[i] for i in long_enough]))

    def part(self) -> PhaseSlice:
        """All documents to learn from; none where there is nothing to judge it by."""
        return to_read(self.lesson.lengths if self.steer.answers else [])

    def look(self, student: Student) -> Gate:
        """How well it foretells the words of the documents that steer."""
        return foretold(student, self.steer)
