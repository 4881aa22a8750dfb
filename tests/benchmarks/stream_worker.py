"""A worker process that streams images through a network: maps, scans, the bare pass, and other extractors."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

import dreamfilters as df
from dreamfilters import backend
from dreamfilters.evidence.activations import stream
from dreamfilters.evidence.scan.compiled_reductions import WORTH, compiled_reductions
from dreamfilters.evidence.scan.scanned_layers import default_layers
from dreamfilters.images import ImageFolder
from dreamfilters.networks import LOGITS, Network
from dreamfilters.runs.over_images.scan_run import run, stored_scan
from tests.benchmarks.peers.protocol import serve
from tests.benchmarks.scan_shares import scan_shares
from tests.benchmarks.setting import opened


def paces(model: str, low: float, high: float, folder: str, count: int, batch: int, rounds: int) -> dict[str, Any]:
    """Time each method on the same images in turn, after one warm-up round."""
    network = opened(model, low, high, "")
    files = selected(network, folder, count)
    held = np.stack([image for _, image in files])
    layers = [layer for layer in default_layers(network) if layer != LOGITS]
    watch = network.watch(frozenset(layers))
    bare = backend.compile(lambda images: watch(network.to_input(images)))
    user = keras.models.load_model(model, compile=False)
    extractor = keras.Model(user.inputs, [user.get_layer(layer).output for layer in layers])

    def run_on(method: Callable[[Any], Any], images: Iterator[np.ndarray]) -> None:
        for stack in stacks(images, batch):
            method(stack)

    def predicted(stack: np.ndarray) -> None:
        extractor.predict_on_batch(np.asarray(network.form.to_input(stack)))

    def as_keract(stack: np.ndarray) -> None:
        outputs = [user.get_layer(layer).output for layer in layers]
        [np.asarray(x) for x in keras.Model(user.inputs, outputs)(np.asarray(network.form.to_input(stack)))]

    passed = partial(run_on, lambda stack: bare(backend.tensor(stack)))
    runs: dict[str, Callable[[], Any]] = {
        "bare pass, images in memory": lambda: passed(iter(held)),
        "maps, images in memory": lambda: [None for _ in stream(network, held, layers)],
        "scan, images in memory": lambda: df.scan(network, held, layers),
        "bare pass, files by Pillow": lambda: passed(by_pillow(files)),
        "bare pass, files read ahead": lambda: passed(image for _, image in files),
        "maps, files": lambda: [None for _ in stream(network, files, layers)],
        "scan, files": lambda: df.scan(network, files, layers),
        "keras.Model of the layers, predict_on_batch, in memory": lambda: run_on(predicted, iter(held)),
        "as keract 4.5.2 does it, in memory": lambda: run_on(as_keract, iter(held)),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, work in runs.items():
            began = time.perf_counter()
            work()
            if number:
                times[name].append((time.perf_counter() - began) / len(held))
    return {"times": times, "count": len(held)}


def shares(
    model: str, low: float, high: float, folder: str, count: int, batch: int, warm: int, parts: int
) -> dict[str, Any]:
    """Measure the processor time of a scan against the bare pass, see `scan_shares`."""
    network = opened(model, low, high, "")
    held = np.stack([image for _, image in selected(network, folder, count)])
    began = time.process_time()
    if find_spec("numba"):
        compiled_reductions(WORTH)
    compiled = time.process_time() - began
    return {"seconds": scan_shares(network, held, batch=batch, warm=warm, parts=parts), "compiled": compiled}


def selected(network: Network, folder: str, count: int) -> ImageFolder:
    """Return `count` of a folder's images, spread evenly, repeated if there are fewer."""
    height, width = network.form.size
    assert height is not None
    assert width is not None
    images = df.image_folder(folder, size=(height, width))
    indices = np.linspace(0, len(images), count, endpoint=False).astype(int) if count <= len(images) else range(count)
    chosen = [int(index) % len(images) for index in indices]
    paths, labels = (tuple(values[index] for index in chosen) for values in (images.paths, images.labels))
    return replace(images, paths=paths, labels=labels)


def by_pillow(images: ImageFolder) -> Iterator[np.ndarray]:
    """Yield images as a plain script reads them: eight bits, one by one, unreadable files are fatal."""
    height, width = images.size or (0, 0)
    for path in images.paths:
        with Image.open(path) as image:
            small = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        yield np.asarray(small, np.float32) / 255


def stacks(images: Iterator[np.ndarray], batch: int) -> Iterator[np.ndarray]:
    """Yield full batches; the remainder is dropped, so that no second program is compiled."""
    pending: list[np.ndarray] = []
    for image in images:
        pending.append(image)
        if len(pending) == batch:
            yield np.stack(pending)
            pending = []


def scanned(model: str, low: float, high: float, folder: str, count: int) -> dict[str, Any]:
    """Scan images once and return the peak memory, with the compiled loop where numba is installed."""
    network = opened(model, low, high, "")
    compiled_reductions(WORTH)  # a scan of few images would not need it
    df.scan(network, selected(network, folder, count))
    status = Path("/proc/self/status")  # the peak of `getrusage` is inherited from the parent process
    lines = status.read_text("utf-8").splitlines() if status.exists() else []
    return {"high": next((int(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM")), None)}


def stored(model: str, low: float, high: float, folder: str, count: int, out: str) -> dict[str, Any]:
    """Scan into a folder if it holds no scan; then time a fresh process that opens it, including imports."""
    from dreamfilters.evidence.scan.scan_job import ScanJob
    from dreamfilters.evidence.scan.sources import source_of

    network = opened(model, low, high, "")
    scan = ScanJob(network, source_of(selected(network, folder, count)), default_layers(network))
    run(stored_scan(scan), Path(out), force=True)
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", _OPEN, out], check=True)
        seconds.append(time.perf_counter() - began)
    return {"seconds": seconds}


_OPEN = """
import sys, dreamfilters
unit = dreamfilters.read_scan(sys.argv[1]).unit("conv6", 12)
assert unit.strongest["max"] and "tensorflow" not in sys.modules and "keras" not in sys.modules
"""

if __name__ == "__main__":
    serve({"paces": paces, "shares": shares, "scanned": scanned, "stored": stored})
