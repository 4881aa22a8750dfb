"""The verdict on one case: opened, refused in one line, or a fault."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

OPENED, REFUSED, FAULT = "opened", "refused", "fault"
_LONGEST = 1_000  # characters of an error
_DONE = {0, 1, 3}  # exit codes of a command that finished: all is well, an reply of no, some images cannot be read


@dataclass(frozen=True)
class Limits:
    """What a case may take.

    Attributes:
        seconds: of CPU time, of all its processes together.
        memory: of any of its processes, in bytes.
    """

    seconds: float = 30.0
    memory: int = 2 * 10**9

    @property
    def wall_seconds(self) -> float:
        """How long a case is waited for: other programs may keep the machine busy, and what hangs computes nothing."""
        return 3 * self.seconds


@dataclass(frozen=True)
class Verdict:
    """What became of a case.

    Attributes:
        case: its name, KIND-SEED-NUMBER.
        result: `OPENED`, `REFUSED` or `FAULT`.
        line: the error, or the cause of the fault.
        arguments: of the command.
        seconds: wall time.
        computed: CPU time of the process and those that it started, in seconds.
        memory: largest memory of a process, in bytes.
    """

    case: str
    result: str
    line: str = ""
    arguments: tuple[str, ...] = ()
    seconds: float = 0.0
    computed: float = 0.0
    memory: int = 0

    @property
    def kind(self) -> str:
        """The kind of the files."""
        return self.case.partition("-")[0]

    def as_values(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


def judged(code: object, out: str, err: str, native: str, breaches: list[str]) -> tuple[str, str]:
    """Return the result of a command and the line that says why.

    Args:
        code: the exit code, or the error that the command raised.
        out, err: what it printed by Python.
        native: what it printed below Python, to the file descriptor of stderr.
        breaches: what it did outside its folders.
    """
    lines = err.splitlines()
    if breaches:
        return FAULT, "; ".join(dict.fromkeys(breaches))[:_LONGEST]
    if isinstance(code, BaseException):
        return FAULT, f"traceback: {type(code).__name__}: {code}"[:_LONGEST]
    if "Traceback (most recent call last)" in err + native or "Warning: " in err:
        return FAULT, f"printed: {(err + native).strip()[-_LONGEST:]}"
    if code in _DONE:
        odd = next((line for line in (*lines, *out.splitlines()) if not line.isprintable()), None)
        return (OPENED, "") if odd is None else (FAULT, f"unprintable: {odd!r:.300}")
    if code != 2:
        return FAULT, f"exit code {code!r}: {err[-_LONGEST:]}"
    errors = [line for line in lines if line.startswith("error: ")]
    if len(errors) != 1 or lines[-1] != errors[0]:
        return FAULT, f"not one line: {err!r}"[:_LONGEST]
    if native.strip():
        return FAULT, f"printed beside the error: {native!r}"[:_LONGEST]
    if not errors[0].isprintable() or len(errors[0]) > _LONGEST:
        return FAULT, f"a line of {len(errors[0])} characters: {errors[0]!r}"[:_LONGEST]
    return REFUSED, errors[0]
