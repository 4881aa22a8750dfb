import numpy as np
import pytest

from dreamfilters.networks.classes.accuracy import Accuracy, Mistake, acceptable, chance


def of(labels, predicted):
    return Accuracy(np.arange(len(labels)), np.asarray(labels), np.asarray(predicted))


def test_accuracy_by_hand():
    found = of([0, 0, 0, 1], [0, 0, 1, -1])
    assert (found.count, found.right.tolist()) == (4, [True, True, False, False])
    assert found.value == pytest.approx((2 / 3 + 0) / 2)  # the mean over both classes
    assert found.mistakes == (Mistake(2, 0, 1), Mistake(3, 1, -1))
    assert found.chance == 0.5
    assert found.describe() == (
        "50 % of 4 labeled images are predicted correctly (33 % averaged over the classes; chance: 50 %)"
    )
    assert repr(found) == f"Accuracy({found.describe()})"
    assert of([0], [0]).describe() == "100 % of 1 labeled image is predicted correctly (chance: 50 %)"


@pytest.mark.parametrize(("classes", "share"), [(1, 0.75), (2, 0.75), (5, 0.6), (10, 0.55)])
def test_the_acceptable_accuracy_is_halfway_from_chance_to_1(classes, share):
    assert acceptable(chance(classes)) == pytest.approx(share)


@pytest.mark.parametrize("classes", [1, 2, 6, 43])
def test_a_network_that_is_right_on_nine_of_ten_images_is_not_poor(classes):
    labels = np.repeat(np.arange(classes), 10)
    assert not of(labels, np.where(np.arange(len(labels)) % 10, labels, 99)).is_poor


@pytest.mark.parametrize("classes", [2, 6, 43])
def test_a_constant_and_a_random_prediction_are_poor(classes):
    labels = np.repeat(np.arange(classes), 100)
    assert of(labels, np.zeros(len(labels), int)).is_poor
    assert of(labels, np.random.default_rng(0).integers(classes, size=len(labels))).is_poor


def test_always_the_most_frequent_class_is_poor():
    labels = np.where(np.arange(200) % 10, 0, 1)  # nine of ten images
    assert of(labels, np.zeros(200, int)).value == 0.5
    assert of(labels, np.zeros(200, int)).is_poor


def test_a_few_images_are_no_evidence():
    assert not of([0, 1], [1, 0]).is_poor
    assert of([0, 1, 2, 0, 1], [1, 2, 0, 1, 2]).is_poor


def test_a_poor_accuracy_is_a_warning_with_a_command():
    labels = np.arange(100) % 5
    assert of(labels, labels).warning(["net.keras", "images"]) == ""
    assert of(labels, np.zeros(100, int)).warning(["my net.keras", "images"]) == (
        "warning: only 20 % of 100 labeled images are predicted correctly (chance: 20 %). The input form or the order "
        "of the classes may be wrong; find them with: dreamfilters inputs 'my net.keras' images"
    )


def test_one_share_is_not_rounded_to_two():
    """Of ten classes with twenty images each, 73 of 200 are right: 36.5 %, which one mean computes as 36.500001 %."""
    labels = np.arange(200) % 10
    hits = np.repeat([9, 20, 0, 6, 0, 14, 1, 2, 12, 9], 20).reshape(10, 20) > np.arange(20)
    predicted = np.where(hits.T.ravel(), labels, (labels + 1) % 10)
    assert "averaged over the classes" not in Accuracy(np.arange(200), labels, predicted).describe()
