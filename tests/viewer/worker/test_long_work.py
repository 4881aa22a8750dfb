"""Work in a thread: what it sends, how often its images are looked at, and how it is canceled."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from dreamfilters.progress import Progress
from dreamfilters.viewer.messages import Cancelled
from dreamfilters.viewer.worker.long_work import Snapshots, snapshot_png, with_progress


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_images_lie_side_by_side_as_they_are_and_large_ones_are_reduced():
    images = np.random.default_rng(0).random((2, 6, 5, 3)).astype("float32")
    drawn = pixels(snapshot_png(images))
    assert drawn.shape == (6, 5 + 4 + 5, 3)
    assert np.abs(drawn[:, :5] / 255 - images[0]).max() <= 0.5 / 255 + 1e-6
    assert np.abs(drawn[:, 9:] / 255 - images[1]).max() <= 0.5 / 255 + 1e-6
    assert (drawn[:, 5:9] == 255).all()
    assert pixels(snapshot_png(np.zeros((1, 512, 256, 1), np.float32))).shape == (256, 128, 3)
    many = np.zeros((12, 224, 224, 3), np.float32) + np.arange(12).reshape(12, 1, 1, 1) / 12
    assert pixels(snapshot_png(many)).shape == (113, 9 * 113 + 8 * 4, 3)


def test_the_images_that_only_fill_up_a_batch_are_left_out():
    images = np.random.default_rng(0).random((2, 6, 5, 3)).astype("float32")
    assert snapshot_png(images[[0, 1, 1, 1]]) == snapshot_png(images)


def test_a_snapshot_is_taken_so_rarely_that_it_costs_a_small_share_of_the_time():
    """Each look at the images takes 0.06 seconds of this clock, 3 % of the two seconds until the next one."""
    now = [0.0]
    looks = []

    def images():
        looks.append(now[0])
        now[0] += 0.06
        return np.zeros((1, 2, 2, 3), np.float32)

    snapshots = Snapshots(clock=lambda: now[0])
    while now[0] < 20:
        snapshots.of(Progress(1, 2, "a", images))
        now[0] += 0.01
    gaps = np.diff(looks)
    assert looks[0] == 0.0
    assert (gaps > 2.05).all()
    assert len(looks) * 0.06 < 0.031 * 20 + 0.06
    assert Snapshots().of(Progress(1, 2, "no images")) is None


def test_quick_snapshots_are_half_a_second_apart():
    now, count = [0.0], 0
    snapshots = Snapshots(clock=lambda: now[0])
    for step in range(400):
        now[0] = step / 100
        count += snapshots.of(Progress(1, 2, "a", lambda: np.zeros((1, 2, 2, 3), np.float32))) is not None
    assert count == 8


def test_progress_and_each_snapshot_are_sent_once():
    sent = []

    def work(report):
        for step in range(1, 4):
            image = np.full((1, 2, 2, 3), step / 4, np.float32)
            report(Progress(step, 3, f"step {step}", lambda image=image: image))
            while not sent or sent[-1]["note"] != f"step {step}":
                time.sleep(0.01)
        return "done"

    class Every(Snapshots):
        def of(self, progress):
            return snapshot_png(progress.images())

    assert with_progress(lambda: None, sent.append, work, Every()) == "done"
    steps = [each for each in sent if each["note"] != "starting"]  # it may come too late to be sent
    assert [each["note"] for each in steps] == ["step 1", "step 2", "step 3"]
    assert [each["snapshot"] for each in steps] == [
        snapshot_png(np.full((1, 2, 2, 3), step / 4, np.float32)) for step in (1, 2, 3)
    ]
    sent.clear()
    with_progress(lambda: None, sent.append, work)
    assert not any("snapshot" in each for each in sent)


def test_a_cancellation_reaches_the_work_as_an_interrupt():
    saved = []

    def work(report):
        try:
            while True:
                report(Progress(0, 1, ""))
                time.sleep(0.01)
        except KeyboardInterrupt:
            saved.append("what there is")

    def cancel():
        raise Cancelled

    with pytest.raises(Cancelled):
        with_progress(cancel, lambda values: None, work)
    assert saved == ["what there is"]
