"""The progress of a run of dreams: with its images in this process, without them from another one."""

import pickle

import numpy as np

from dreamfilters.dreams.recipe import read_recipe
from dreamfilters.runs.by_unit.dream_run import DreamJob
from dreamfilters.runs.by_unit.dream_task import DreamBatch, DreamStep


def test_the_last_images_of_the_progress_are_the_dreams(network):
    recipe, seen = read_recipe("fast", settings=["steps=3"]), []
    job = DreamJob(network, "net", ("conv1:0", "conv1:1"), recipe)
    dreams = list(job.dreams(frozenset(), None, lambda now: seen.append((now.share, now.images()))))
    shares, images = zip(*seen, strict=True)
    assert list(shares) == sorted(shares)
    for row, dream in enumerate(dreams):
        assert any(np.array_equal(one[row], dream.image) for one in images)  # the best of the steps is kept


def test_a_step_leaves_its_process_without_its_images():
    step = DreamStep(DreamBatch(0, (1, 2), 4), 0.5, "conv1:0", images=lambda: np.zeros(3))
    sent = pickle.loads(pickle.dumps(step))
    assert (sent.batch, sent.dreams, sent.name, sent.images) == (step.batch, 0.5, "conv1:0", None)
