"""The command line: text in, one call of the API, text out.

Data go to stdout, messages to stderr; bad input is one line and exit code 2, Ctrl-C is 130.
"""

from dreamfilters.cli.program import app, main

__all__ = ["app", "main"]
