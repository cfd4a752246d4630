"""Tasks: the question asked of each document, and the taxonomies to choose from."""
