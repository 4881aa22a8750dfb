"""The options on where the work runs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

from dreamfilters.cli.help import of_output
from dreamfilters.cli.options.values import at_least
from dreamfilters.errors import UsageError
from dreamfilters.executors.address import NEEDS_RAY, check_address

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
    cluster: Annotated[
        str | None,
        of_output(
            "--cluster",
            metavar="ADDRESS",
            help="Compute on a Ray cluster: host:port, or 'local' for one on this machine. --workers is then how many "
            "workers it has; default: one on each machine.",
        ),
    ] = None
    ship_images: Annotated[
        bool,
        of_output(
            "--ship-images", help="With --cluster: send the image files to the workers, which cannot read the folder."
        ),
    ] = False
    allow_unlike: Annotated[
        bool,
        of_output(
            "--allow-unlike-machines",
            help="With --cluster: allow machines with other versions or CPU instructions; the bytes may then differ.",
        ),
    ] = False

    def check(self, command: str) -> None:
        """Raise a UsageError if an option has no meaning without `--cluster`, or Ray is missing."""
        if self.cluster is None:
            for name, is_given in (("--ship-images", self.ship_images), ("--allow-unlike-machines", self.allow_unlike)):
                if is_given:
                    raise UsageError(f"{name}: needs --cluster ADDRESS")
        else:
            check_address(self.cluster)
            if find_spec("ray") is None:
                raise UsageError(NEEDS_RAY)

    def executor(self) -> AbstractContextManager[Executor]:
        """Return the executor of the options, at whose end the worker processes end."""
        from dreamfilters.executors.cluster import ClusterExecutor
        from dreamfilters.executors.executor import LOCAL
        from dreamfilters.executors.processes import ProcessExecutor

        if self.cluster is not None:
            return ClusterExecutor(
                self.cluster, self.workers, allow_unlike=self.allow_unlike, ships_images=self.ship_images
            )
        return nullcontext(LOCAL) if self.workers is None else ProcessExecutor(self.workers)
