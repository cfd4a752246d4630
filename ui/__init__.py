"""The page: shows what the engine did and passes on what the analyst wants. Does not: compute."""
