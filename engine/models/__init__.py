"""Weights: catalogue, fetching, loading, token counts."""
