"""The tiny model, its documents, its recorded and its live teacher, for this room's tests."""

from tests.students.taught import large, taught
from tests.students.tiny import calm, made, tiny_home, tiny_model

__all__ = ["calm", "large", "made", "taught", "tiny_home", "tiny_model"]
