"""Large models: what each can give, and asking them."""
