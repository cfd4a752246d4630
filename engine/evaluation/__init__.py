"""Predicting, the baseline, comparing, the report."""
