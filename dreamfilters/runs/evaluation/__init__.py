"""The run of `evaluate` and its files."""
