"""Worker processes that stay warm between jobs, so that methods are timed in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks import environments

_HERE = Path(__file__).resolve().parent


class Worker:
    """A process of a peer or of this project ("dream_worker", "stream_worker"); a context manager."""

    def __init__(self, name: str) -> None:
        self.name = name
        script = str(_HERE / "peers" / f"run_{name}.py")
        command = (
            [sys.executable, "-m", f"tests.benchmarks.{name}"]
            if name not in environments.PEERS
            else [str(environments.python_of(name)), script]
        )
        environments.FOLDER.mkdir(exist_ok=True)
        self.log = environments.FOLDER / f"{name}.log"
        with self.log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=_HERE.parents[1],
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"},
            )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()  # closing its input ends it

    def run(self, job: str, **settings: Any) -> dict[str, Any]:
        """Return the result of a job."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"job": job, **settings}) + "\n")
        self.process.stdin.flush()
        result = self.process.stdout.readline()
        if not result:
            raise RuntimeError(f"{self.name} failed at {job}:\n" + self.log.read_text("utf-8")[-2000:])
        return json.loads(result)  # type: ignore[no-any-return]
