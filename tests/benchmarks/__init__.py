"""Measurements: each module prints what it measured; `python -m tests.benchmarks.<name>`."""
