"""Runs with worker processes: the files have the same bytes, whoever computed which part and whatever ended."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from dreamfilters.errors import WorkerError
from dreamfilters.evidence.evaluation.evaluation_job import EvaluationJob
from dreamfilters.evidence.scan.scan_job import ScanJob
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder, png_bytes
from dreamfilters.networks import LOGITS, load
from dreamfilters.runs.over_images.evaluation_run import stored_evaluation
from dreamfilters.runs.over_images.resumable_run import run
from dreamfilters.runs.over_images.scan_run import stored_scan


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Thirty images in two folders, one of which cannot be read."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for number in range(30):
        label = folder / str(number % 2)
        label.mkdir(exist_ok=True)
        (label / f"{number:02}.png").write_bytes(png_bytes(rng.uniform(0, 1, (16, 16, 3))))
    (folder / "0" / "06.png").write_bytes(b"")
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def scan_of(network, images, spec=""):
    return stored_scan(ScanJob(network, source_of(image_folder(images)), ("conv1", LOGITS), k=4, batch=3), spec)


def evaluation_of(network, images):
    return stored_evaluation(EvaluationJob(network, source_of(image_folder(images)), batch=3), "conv2", 2)


def by(job, workers):
    """Return the same job, computed by workers."""
    return replace(job, job=replace(job.job, executor=workers))


def stop(now):
    if now.done >= 9:
        raise KeyboardInterrupt


@pytest.mark.parametrize("job_of", [scan_of, pytest.param(evaluation_of, marks=pytest.mark.thorough)])
def test_a_run_that_is_stopped_here_and_finished_by_workers_has_the_same_bytes(
    job_of, network, images, workers, tmp_path
):
    job, killed = job_of(network, images), []

    def kill(now):
        if not killed and now.done >= 15:
            killed.append(workers.processes[0])
            os.kill(killed[0], signal.SIGKILL)

    assert run(job, tmp_path / "whole").value is not None
    assert run(by(job, workers), tmp_path / "workers").value is not None
    assert run(job, tmp_path / "both", progress=stop).stopped
    assert run(by(job, workers), tmp_path / "both", progress=kill if job_of is scan_of else None).value is not None
    assert len(killed) == (job_of is scan_of)
    assert contents(tmp_path / "workers") == contents(tmp_path / "whole")
    assert contents(tmp_path / "both") == contents(tmp_path / "whole")


def test_a_run_that_workers_begin_is_finished_here(network, images, workers, tmp_path):
    job = scan_of(network, images)
    stopped = run(by(job, workers), tmp_path / "both", progress=stop)
    assert (stopped.stopped, stopped.done) == (True, 9)
    run(job, tmp_path / "both")
    run(job, tmp_path / "whole")
    assert contents(tmp_path / "both") == contents(tmp_path / "whole")


def test_a_network_that_cannot_be_sent_is_one_line(network_of, images, workers, tmp_path):
    layer = type("Gone", (keras.layers.Layer,), {"call": lambda self, inputs: inputs})  # not found under its name
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(2, 3, name="conv1"), layer()])
    source = source_of(image_folder(images))
    job = stored_scan(ScanJob(network_of(model), source, ("conv1",), k=1, executor=workers))
    with pytest.raises(WorkerError, match=r"cannot be opened in another process .*; run without workers"):
        run(job, tmp_path / "out")


KILLED = """
import sys, time
from dataclasses import replace
from pathlib import Path
from tests.executors.test_worker import by, scan_of
if __name__ == "__main__":
    from dreamfilters.executors.processes import ProcessExecutor
    from dreamfilters.networks import load
    from dreamfilters.runs.over_images.resumable_run import run
    network = load(sys.argv[1], form={"range": (0, 1)})
    with ProcessExecutor(2) as workers:
        job = replace(by(scan_of(network, sys.argv[2], sys.argv[1]), workers), save_every=0)
        def report(now):
            if now.done >= 6:
                print(*workers.processes, flush=True)
                time.sleep(0.3)
        print("stopped" if run(job, Path(sys.argv[3]), progress=report).stopped else "done", flush=True)
"""


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_survives_the_process_that_assigns_its_work(tiny, images, tmp_path, end):
    script = tmp_path / "script.py"
    script.write_text(KILLED)
    tiny.save(tmp_path / "tiny.keras")
    command = [sys.executable, str(script), str(tmp_path / "tiny.keras"), str(images), str(tmp_path / "out")]
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    workers = [int(word) for word in process.stdout.readline().split()]
    assert len(workers) == 2
    if end == signal.SIGINT:
        os.killpg(process.pid, end)  # as Ctrl-C in a terminal does
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, output.splitlines()[-1]) == (0, "stopped")
        assert "Traceback" not in errors
    else:
        process.kill()
        process.communicate()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    network = load(tmp_path / "tiny.keras", form={"range": (0, 1)})
    job = scan_of(network, images, str(tmp_path / "tiny.keras"))
    seen = []
    run(job, tmp_path / "out", progress=lambda now: seen.append(now.done))
    assert seen[0] >= 6  # the state of three images was saved before six were reported
    run(job, tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
