"""What the analyst takes home."""
