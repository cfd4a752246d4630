"""Scores as pure functions of arrays (numpy only)."""
