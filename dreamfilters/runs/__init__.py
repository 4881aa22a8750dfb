"""Results on disk, written atomically and resumed."""
