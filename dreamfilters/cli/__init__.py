"""The command line: one module for each group of commands.

Data goes to stdout, messages go to stderr. Exit codes: 2 for invalid input, 3 for images that cannot be read, 130 for
Ctrl-C.
"""

from dreamfilters.cli.program import app, main

__all__ = ["app", "main"]
