"""Images in a file are those that were added, memory does not grow with their number, and a full disk is one line."""

import subprocess
import sys

import numpy as np
import pytest

from dreamfilters.dreams.priors import pixel_store
from dreamfilters.dreams.priors.fitting import prior_job
from dreamfilters.dreams.priors.pixel_store import PixelStore
from dreamfilters.errors import OutputError


def random_images(count):
    return np.random.default_rng(0).integers(0, 256, (count, 3, 5, 2), dtype=np.uint8)


@pytest.mark.parametrize("most", [2**28, 100])
def test_any_rows_are_read_in_any_order(monkeypatch, most):
    monkeypatch.setattr(pixel_store, "MOST_BYTES", most)
    images, store = random_images(50), PixelStore((3, 5, 2))
    for image in images:
        store.add(image)
    rows = [49, 0, 7, 7, 23]
    assert np.array_equal(store.take(rows), images[rows])
    assert store.take([]).shape == (0, 3, 5, 2)
    assert (len(store), store.shape) == (50, (50, 3, 5, 2))


def test_a_training_from_a_file_has_the_same_bytes_as_one_from_memory(monkeypatch, tmp_path):
    images = np.random.default_rng(1).random((120, 8, 8, 1)).astype("float32")
    made = []
    for most in (2**28, 1000):
        monkeypatch.setattr(pixel_store, "MOST_BYTES", most)
        job, losses = prior_job(images, steps=3, name="noise", folder=tmp_path), []
        made.append(job.finished(job.training.run(job.training.start(), losses), losses).to_bytes())
    assert made[0] == made[1]


def test_a_full_disk_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(pixel_store, "MOST_BYTES", 1)
    store = PixelStore((3, 5, 2), tmp_path)
    store.add(random_images(1)[0])

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "_file", type("Full", (), {"write": staticmethod(full)})())
    with pytest.raises(OutputError, match=r"do not fit \(No space left on device\); free space, or choose a smaller"):
        store.add(random_images(1)[0])


_PEAK = """
import resource, sys
import numpy as np
from dreamfilters.dreams.priors import pixel_store
pixel_store.MOST_BYTES = 2**20
store = pixel_store.PixelStore((64, 64, 3))
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
image, before = np.zeros((64, 64, 3), "uint8"), peak()
for number in range(int(sys.argv[1])):
    image[0, 0] = number % 256
    store.add(image)
store.digest()
rows = np.random.default_rng(0).integers(0, len(store), 48)
assert (store.take(rows)[:, 0, 0, 0] == rows % 256).all()
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in kilobytes on Linux only")
def test_the_memory_does_not_grow_with_the_number_of_images():
    """Ten thousand images of 12,288 bytes are 123 MB."""
    run = subprocess.run([sys.executable, "-c", _PEAK, "10000"], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 40e6
