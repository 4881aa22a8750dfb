"""The images of confused pairs: dreams of the margin and heatmaps of mistakes."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from dreamfilters.attribution.class_separation import compared_layer, with_separations
from dreamfilters.attribution.methods.integrated_gradients import IntegratedGradients
from dreamfilters.attribution.overlays import overlay
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.errors import ModelError
from dreamfilters.evidence.evaluation.evaluation_job import EvaluationJob
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.networks import InputForm, Network
from dreamfilters.report.pages.evaluation.evaluation_page import evaluation_page
from dreamfilters.report.pages.evaluation.margin_images import margin_images

TARGETS = ("class:0", "class:1", "class:2")


def evaluated(network, images, labels, pairs=2):
    job = EvaluationJob(network, source_of(images, labels))
    state = job.start()
    for _ in job.advance(state):
        pass
    return job, with_separations(job, job.result(state), compared_layer(network, None), pairs)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(5).uniform(0, 1, (40, 16, 16, 3)).astype("float32")


@pytest.fixture(scope="module")
def found(network, images):
    predicted = network.model.predict(images, verbose=0).argmax(axis=1)
    most = np.bincount(predicted).argmax()
    return evaluated(network, images, np.where(np.arange(40) % 3 == 0, (most + 1) % 3, predicted))


@pytest.fixture(scope="module")
def made(found):
    return margin_images(*found)


def test_a_dream_raises_the_margin_above_that_of_every_image(network, images, found, made):
    _, evaluation = found
    assert len(made) == len(evaluation.separations) > 0
    for pair, of_pair in zip(evaluation.separations, made, strict=True):
        scorer = Scorer(network, logit(pair.first) - logit(pair.second))
        assert scorer.scores(of_pair.dream[None])[0] > scorer.scores(images).max()


def test_the_heatmaps_are_those_of_the_predicted_class_over_the_label(network, images, found, made):
    _, evaluation = found
    pair, of_pair = evaluation.separations[0], made[0]
    both = {(pair.first, pair.second), (pair.second, pair.first)}
    expected = [one for one in evaluation.misclassified if (one.label, one.predicted) in both]
    rows = [(one, row) for one in sorted(expected, key=lambda one: one.label) for row in one.rows[:2]]
    assert len(of_pair.mistakes) == len(rows) > 0
    for each, (one, row) in zip(of_pair.mistakes, rows, strict=True):
        assert each.name == evaluation.name_of(row)
        assert (each.label, each.predicted) == (evaluation.classes[one.label], evaluation.classes[one.predicted])
        image = images[evaluation.indices[row]]
        heatmap = IntegratedGradients()(network, logit(one.predicted) - logit(one.label), image[None])[0]
        np.testing.assert_allclose(each.heatmap, overlay(image, heatmap), atol=1e-4)


def test_the_page_shows_them_and_their_names_as_text(images, found, made):
    _, evaluation = found
    files = {"images.csv": "every image"}

    def page_of(names, of_pairs):
        shown = replace(evaluation, images=ImageArrays(images), classes=names)
        return evaluation_page(shown, files, spec="net.keras", targets=TARGETS, images=of_pairs).decode()

    page = page_of(evaluation.classes, made)
    assert page.count('<div class="margin">') == len(made)
    assert '<div class="margin">' not in page_of(evaluation.classes, ())
    mistake = replace(made[0].mistakes[0], name='"><script>', label="<b>", predicted="</p>")
    page = page_of(evaluation.classes, (replace(made[0], mistakes=(mistake,)), *made[1:]))
    assert "<script>" not in page.partition('<div class="margin">')[2].partition("</div>")[0]
    assert "&lt;b&gt;" in page


def test_without_pairs_there_are_none(network, images):
    assert margin_images(*evaluated(network, images, np.arange(40) % 3, pairs=0)) == ()


def test_one_sigmoid_has_a_margin_too(fill, images):
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1, activation="sigmoid", name="one"),
        ]
    )
    network = Network(fill(model), InputForm.from_range(0, 1, size=(16, 16)), ("no", "yes"), name="binary")
    job, evaluation = evaluated(network, images, np.arange(40) % 2, pairs=1)
    (of_pair,), (pair,) = margin_images(job, evaluation), evaluation.separations
    assert (pair.first, pair.second) == (0, 1)
    seen = model.predict(np.concatenate([images, of_pair.dream[None]]), verbose=0)[:, 0]
    assert seen[-1] < seen[:-1].min()  # it is the dream of "no"


def test_a_network_that_cannot_be_dreamed_has_none(found, monkeypatch):
    def refused(*_):
        raise ModelError("classes: has no gradient")

    monkeypatch.setattr("dreamfilters.report.pages.evaluation.margin_images.dream", refused)
    assert margin_images(*found) == (None,) * len(found[1].separations)
