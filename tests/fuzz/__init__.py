"""A seeded fuzzer: mutated files are opened as a user opens them, and each one opens or ends in one line."""
