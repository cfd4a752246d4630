"""What the large model said, kept by content."""
