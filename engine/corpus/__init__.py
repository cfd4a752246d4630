"""Documents: reading, cleaning, duplicates, parts."""
