"""The options on where the work runs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from dreamfilters.cli.help import of_output
from dreamfilters.cli.options.values import at_least

if TYPE_CHECKING:
    from dreamfilters.executors.executor import Executor


@dataclass(frozen=True)
class ExecutorOptions:
    """The options of every command whose work several processes can share."""

    workers: Annotated[
        int | None,
        of_output(
            "--workers",
            metavar="N",
            help="Compute in N processes of this machine; the results are the same. Default: in this process.",
            callback=at_least(1),
        ),
    ] = None

    def executor(self) -> AbstractContextManager[Executor]:
        """Return the executor of the options, at whose end the worker processes end."""
        from dreamfilters.executors.executor import LOCAL
        from dreamfilters.executors.processes import ProcessExecutor

        return nullcontext(LOCAL) if self.workers is None else ProcessExecutor(self.workers)
