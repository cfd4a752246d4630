"""Sentence vectors, clusters and neighbours."""
