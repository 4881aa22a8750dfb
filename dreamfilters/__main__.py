"""`python -m dreamfilters` runs the command line; Ctrl-C before a command begins ends it without a traceback."""

import os
import signal
import sys
from typing import Any

_INTERRUPTED = 130  # exit code, as that of the commands


def main() -> None:
    """Run the command line."""
    before = signal.getsignal(signal.SIGINT)
    if before == signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    from dreamfilters.cli import main as run

    try:
        signal.signal(signal.SIGINT, before)
        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _end(*_: Any) -> None:
    """End this process, which has nothing to clean up: an exception could be lost in the middle of an import."""
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
