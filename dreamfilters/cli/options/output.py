"""The options on what is printed and where results are written, and the run of a job in its output directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

from dreamfilters.cli.help import of_output
from dreamfilters.cli.options.values import writable_folder
from dreamfilters.cli.output import progress, say

if TYPE_CHECKING:
    from dreamfilters.networks import Network
    from dreamfilters.progress import OnProgress, Progress
    from dreamfilters.runs.storage.run_folder import RunKind
    from dreamfilters.runs.storage.run_result import RunResult

AsJson = Annotated[bool, of_output("--json", help="Print JSON instead of a table.")]
Quiet = Annotated[bool, of_output("--quiet", "-q", help="Hide the progress bar.")]
Verbose = Annotated[
    bool, of_output("--verbose", "-v", help="Print versions, input form and what was changed to read an old file.")
]


class StoredJob(Protocol):
    """A job that a module in `runs/` runs."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Everything that decides the bytes of the run's files."""


Job = TypeVar("Job", bound=StoredJob, contravariant=True)
Value = TypeVar("Value")


class Run(Protocol[Job, Value]):
    """The function `run` of a module in `runs/`."""

    def __call__(self, job: Job, folder: Path, *, force: bool, progress: OnProgress | None) -> RunResult[Value]:
        """Run a job in a folder."""


@dataclass(frozen=True)
class RunOptions:
    """The options of every command that writes a run folder."""

    out: Annotated[
        Path | None,
        of_output(
            "--out",
            metavar="DIR",
            help="Output directory; default: outputs/MODEL/COMMAND, numbered if that holds a run with other settings.",
            callback=writable_folder,
        ),
    ] = None
    force: Annotated[
        bool, of_output("--force", help="Replace another run in the output directory; other files stay.")
    ] = False
    as_json: AsJson = False
    quiet: Quiet = False

    def check(self, command: str) -> None:
        """Raise OutputError if the output directory holds other results or files, or cannot be written."""
        from dreamfilters.runs.storage.file_names import OUTPUTS

        if self.out is None:
            writable_folder(OUTPUTS)
        elif self.out.is_dir():
            from dreamfilters.runs.storage.run_folder import check_holds_no_other

            check_holds_no_other(self.out, command, force=self.force)

    def run(self, kind: RunKind, network: Network, run: Run[Job, Value], job: Job) -> RunResult[Value]:
        """Return the result of a job on a network, which is run in the output directory with a progress bar."""
        return self.run_of(kind, network.name, network.describe_input(), run, job)

    def run_of(self, kind: RunKind, name: str, first: str, run: Run[Job, Value], job: Job) -> RunResult[Value]:
        """Return the result of a job on what has this name; `first` is printed before the job begins, unless empty."""
        from dreamfilters.runs.storage.file_names import default_folder
        from dreamfilters.runs.storage.run_folder import free_folder

        folder, remark = self.out or default_folder(name, kind.command), ""
        if not (self.out or self.force):
            folder, remark = free_folder(folder, kind, job.settings)
        lines = iter([first, remark])  # printed once the job has been checked
        with progress(kind.command, self.quiet) as report:

            def on_progress(now: Progress) -> None:
                for line in lines:
                    say(line)
                report(now)

            result = run(job, folder, force=self.force, progress=on_progress)
        for line in lines:
            say(line)
        return result
