"""The tiny model, its documents and its recorded teacher, for this room's tests."""

from tests.students.tiny import calm, made, tiny_home, tiny_model

__all__ = ["calm", "made", "tiny_home", "tiny_model"]
