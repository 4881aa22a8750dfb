"""Kill workers, nodes and drivers of a cluster at random moments, and resume what was killed.

python -m tests.executors.kill_cluster MODEL IMAGES FOLDER KILLS SEED dreams, scans and makes an atlas on a cluster of
two nodes until there were so many kills and each has finished. It prints as JSON the number of kills of each kind, of
finished runs, and every file that differs from that of a run in one process.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

KINDS = ("dream", "scan", "atlas")
ROOT = Path(__file__).parents[2]


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(kind: str, model: str, images: str, folder: str, address: str) -> None:
    """Run a kind of run, on a cluster if there is an address."""
    from dreamfilters.executors.cluster import ClusterExecutor
    from dreamfilters.executors.executor import LOCAL
    from tests.killing import SHARED

    if not address:
        SHARED[kind](model, Path(images), Path(folder), executor=LOCAL)
        return
    with ClusterExecutor(address, 2) as executor:
        SHARED[kind](model, Path(images), Path(folder), executor=executor)


def started(*arguments: str) -> subprocess.Popen[bytes]:
    """Start `run` in a process of its own."""
    code = "import sys; from tests.executors.kill_cluster import run; run(*sys.argv[1:])"
    return subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT)


def main(model: str, images: str, folder: str, kills: str, seed: str) -> None:
    """Kill and compare."""
    from tests.executors.clusters import nodes, workers_of_ray

    chance, place, killed, runs = random.Random(int(seed)), Path(folder), Counter[str](), Counter[str]()
    different: list[str] = []
    for kind in KINDS:
        assert started(kind, model, images, str(place / f"{kind}-here"), "").wait() == 0, kind
    with nodes(1, 1) as cluster:
        while killed.total() < int(kills) or runs.keys() != set(KINDS):
            for kind in KINDS:
                target = place / kind
                process = started(kind, model, images, str(target), cluster.address)
                while process.poll() is None:
                    time.sleep(chance.uniform(0.5, 12))  # a worker needs up to 10 seconds to start
                    workers = workers_of_ray()
                    if process.poll() is not None or not workers or killed.total() >= int(kills):
                        continue
                    if chance.random() < 0.3:
                        cluster.add_node(num_cpus=1)
                        cluster.remove_node(chance.choice(list(cluster.worker_nodes)), allow_graceful=False)
                        killed["nodes"] += 1
                    elif chance.random() < 0.2:
                        process.kill()
                        killed["drivers"] += 1
                    else:
                        with suppress(ProcessLookupError):
                            os.kill(chance.choice(workers), signal.SIGKILL)
                            killed["workers"] += 1
                if process.wait() != 0:
                    continue  # a driver that was killed, or one line after three kills; the next run resumes
                runs[kind] += 1
                here, there = contents(place / f"{kind}-here"), contents(target)
                different += sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
                shutil.rmtree(target)
    print(json.dumps({"kills": killed, "runs": runs, "different": different}))


if __name__ == "__main__":
    main(*sys.argv[1:])
