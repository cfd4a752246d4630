"""Detached workers and the files that control them."""
