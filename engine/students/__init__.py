"""Small models: loading, adapters, label heads."""
