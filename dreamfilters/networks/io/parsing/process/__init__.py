"""The process that parses model files: its start, its limits, and the requests to it."""
