import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.comparison.measures.two_afc import machine_score, perceptual_similarities, two_afc_trials
from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.errors import ImageError
from dreamfilters.evidence.features import PIXELS
from dreamfilters.networks import LOGITS
from dreamfilters.serialization import plain


def stripes(count, *, vertical, seed=0):
    """Images of stripes with noise, vertical or horizontal."""
    rng = np.random.default_rng(seed)
    wave = np.broadcast_to(0.5 + 0.4 * np.sin(np.arange(16) * np.pi / 2), (16, 16))
    images = (wave if vertical else wave.T)[None, :, :, None] + rng.normal(0, 0.08, (count, 16, 16, 3))
    return np.clip(images, 0, 1).astype("float32")


def similarity(network, images, layers):
    """The similarity of every two of these images."""
    return perceptual_similarities(network, images, [range(len(images))], layers)[0]


@pytest.fixture(scope="module")
def vertical():
    return stripes(5, vertical=True)


@pytest.fixture(scope="module")
def horizontal():
    return stripes(4, vertical=False, seed=1)


def test_an_image_is_similar_to_itself_and_not_to_its_negative(network, scene):
    images = [scene(), 1 - scene(), scene(seed=5)]
    for compared in ([PIXELS], ["conv1", "conv2"]):
        found = similarity(network, images, compared)
        assert np.diag(found) == pytest.approx(1, abs=1e-5)
        assert found == pytest.approx(found.T)
        assert (found[0, 1:] < 0.999).all()
    assert similarity(network, images[:2], [PIXELS])[0, 1] == pytest.approx(-1, abs=1e-5)


def test_the_similarity_worked_by_hand(network_of):
    """Two positions of two units: equal, orthogonal; zero in both images, in one."""
    model = keras.Sequential([layers.Input((1, 2, 2)), layers.Activation("relu", name="as_it_is")])
    network = network_of(model)
    one = np.array([[[[1.0, 0.0], [0.0, 0.0]]]], "float32")
    others = np.array([[[[0.2, 0.0], [0.0, 0.0]]], [[[0.0, 1.0], [0.0, 0.0]]], [[[1.0, 0.0], [0.0, 0.3]]]], "float32")
    assert similarity(network, [*one, *others], ["as_it_is"])[0] == pytest.approx([1.0, 1.0, 0.5, 0.75])


def test_a_dream_of_the_right_stripes_wins_every_pair_and_of_the_wrong_ones_none(network, vertical, horizontal):
    right, wrong = stripes(2, vertical=True, seed=7), stripes(2, vertical=False, seed=8)
    best = machine_score(network, vertical, horizontal, right, wrong, layer="conv2")
    worst = machine_score(network, vertical, horizontal, wrong, right, layer="conv2")
    assert (best.dreams.accuracy, best.natural.accuracy, best.gap) == (1, 1, 0)
    assert (worst.dreams.accuracy, worst.gap) == (0, 1)
    assert best.dreams.margin == pytest.approx(-worst.dreams.margin)
    assert best.dreams.pairs == 20
    assert "over conv1" in best.similarity


def test_without_minimizing_images_the_similarity_to_the_dream_decides(network, vertical, horizontal):
    found = machine_score(network, vertical, horizontal, stripes(1, vertical=True, seed=7), layer="conv1")
    assert found.dreams.accuracy == 1
    assert "the pixels" in found.similarity


def test_uninformative_references_give_chance(network, vertical, scene):
    same = machine_score(network, vertical, vertical, [scene()], layer="conv2")
    assert same.dreams.accuracy == pytest.approx(0.5)
    assert same.dreams.margin == pytest.approx(0, abs=1e-6)


def test_random_dreams_are_right_half_of_the_time(network):
    rng = np.random.default_rng(0)
    noise = rng.random((60, 16, 16, 3), "float32")
    found = [machine_score(network, noise[:20], noise[20:40], [dream], layer="conv2") for dream in noise[40:]]
    assert np.mean([one.dreams.accuracy for one in found]) == pytest.approx(0.5, abs=0.12)


def test_the_natural_score_leaves_each_query_out_of_its_references(network, vertical, horizontal):
    """Compared with a loop that builds the references of every pair."""
    strong, weak = vertical[:3], horizontal[:3] * 0.5 + vertical[:3] * 0.5
    alike = similarity(network, [*strong, *weak], ["conv1"])
    differences = []
    for i in range(3):
        for j in range(3, 6):
            plus = [k for k in range(3) if k != i]
            minus = [k for k in range(3, 6) if k != j]
            evidence = [alike[q][plus].mean() - alike[q][minus].mean() for q in (i, j)]
            differences.append(evidence[0] - evidence[1])
    found = machine_score(network, strong, weak, strong[:1], layer=LOGITS, layers=["conv1"])
    assert found.natural.margin == pytest.approx(np.mean(differences))
    assert found.natural.accuracy == np.mean(np.array(differences) > 0)


def test_a_single_strong_image_leaves_no_natural_references(network, vertical, horizontal):
    found = machine_score(network, vertical[:1], horizontal, vertical[1:2], layer="conv2")
    assert (found.natural, found.gap) == (None, None)
    assert plain(found)["natural"] is None
    assert "dreams" in found._repr_html_()


def test_missing_images_are_refused(network, vertical):
    with pytest.raises(ImageError, match="5 strong and 0 weak images, 5 dreams: at least 1 of each"):
        machine_score(network, vertical, [], vertical, layer="conv2")


def test_strong_and_weak_images_are_the_ends_of_the_ranking(batch_of):
    found = two_afc_trials(batch_of(ComparedUnit("conv:0", "conv", 0, "mean")), 0)
    assert set(found.strong) > set(range(0, 24, 3))  # the red ones
    assert not set(found.strong) & set(found.weak)


def test_a_unit_with_the_same_response_to_all_images_has_no_trials(batch_of):
    with pytest.raises(ImageError, match="the unit has the same response to all"):
        two_afc_trials(batch_of(ComparedUnit("conv:3", "conv", 3, "mean")), 0)
