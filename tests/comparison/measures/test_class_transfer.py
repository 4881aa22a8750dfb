from dataclasses import replace

import numpy as np
import pytest

from dreamfilters.comparison.measures.class_transfer import (
    check_matched,
    class_transfer,
    in_channels_of,
    logits_of,
    matched_classes,
)
from dreamfilters.errors import InputFormError, UnknownNameError
from dreamfilters.evidence.activations import activations
from dreamfilters.networks import LOGITS, InputForm, Network
from dreamfilters.serialization import plain


@pytest.fixture(scope="module")
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(24)])


@pytest.fixture(scope="module")
def named(network):
    """A function from names of classes to `tiny` with these."""
    return lambda *classes, **more: replace(network, classes=classes, **more)


def test_classes_match_by_name_in_any_case_and_by_alias(named):
    ours = named("STOP", "Vorfahrt achten", "20", aliases=(("stop sign", "yield", "speed limit 20"),))
    theirs = named("Yield", "no entry", "stop")
    assert matched_classes(ours, theirs) == {0: 2, 1: 0}
    assert matched_classes(theirs, ours) == {0: 1, 2: 0}


def test_a_name_that_is_a_number_is_matched_as_a_name(named):
    """The class named '20' is neither class 20 of another network nor the third of a numbered list."""
    ours, theirs = named("20", "30", "50"), named("30", "70", "20")
    assert matched_classes(ours, theirs) == {0: 2, 1: 0}
    with pytest.raises(UnknownNameError, match="tiny: has no class of tiny"):
        matched_classes(named("2", "30", "50"), named("0", "1", "2"))


def test_numbered_classes_match_where_both_networks_have_equally_many(named):
    assert matched_classes(named("0", "1", "2"), named("0", "1", "2")) == {0: 0, 1: 1, 2: 2}
    with pytest.raises(UnknownNameError, match="against 3 such as 0, 1, 2; give both the same names"):
        matched_classes(named("0", "1", "2"), named("0", "1"))


def test_networks_without_a_common_class_are_refused_with_examples(named):
    with pytest.raises(UnknownNameError) as refused:
        matched_classes(named("STOP", "yield"), named("cat", "dog", "hen", name="animals"))
    assert str(refused.value) == (
        "animals: has no class of tiny: 3 classes such as cat, dog, hen, against 2 such as STOP, yield; "
        "give both the same names (`classes` in a TOML beside the file)"
    )


def test_transfer_to_the_same_network_gives_its_own_logits(named, images):
    ours, theirs = named("a", "b", "c"), named("C", "A", "B")
    logits = activations(theirs, images, [LOGITS])[LOGITS]
    for number, there in ((0, 1), (1, 2), (2, 0)):
        assert matched_classes(ours, theirs)[number] == there
        for row in range(3):
            one = class_transfer(theirs, there, logits[row], logits)
            odds = np.exp(logits[row]) / np.exp(logits[row]).sum()
            assert one.number == there
            assert one.name.casefold() == ours.classes[number]
            assert one.logit == pytest.approx(logits[row, there], abs=1e-5)
            assert one.probability == pytest.approx(odds[there], abs=1e-5)
            assert one.rank == 1 + np.sum(odds > odds[there])
            assert one.predicted == theirs.classes[np.argmax(odds)]
            assert one.response_rank.percentile == pytest.approx(100 * np.mean(logits[:, there] <= logits[row, there]))
    assert plain(one)["response_rank"]["count"] == 24
    assert "predicted" in one._repr_html_()


def test_a_dream_is_converted_to_the_other_networks_input_form(gray, scene):
    """Another size and range, gray: the probability is that of the model for the image prepared by hand."""
    form = InputForm.from_range(-1, 1, size=(16, 16), channels=1)
    other = Network(gray, form, ("a", "b", "c"), name="gray")
    image = scene(seed=3)
    large = np.repeat(np.repeat(image, 2, axis=0), 2, axis=1)
    by_hand = 2 * (image @ np.array([0.299, 0.587, 0.114], "float32"))[None, ..., None] - 1
    odds = np.asarray(gray(by_hand))[0]
    found = [class_transfer(other, 1, row) for row in logits_of(other, [image, large])]
    assert found[0].probability == pytest.approx(odds[1], abs=1e-5)
    assert found[1].probability == pytest.approx(odds[1], abs=0.02)
    assert found[0].response_rank is None


def test_a_class_that_the_other_lacks_is_refused(named):
    ours, theirs = named("STOP", "yield", "go"), named("stop", "halt", "walk", name="other")
    with pytest.raises(UnknownNameError, match="class yield: other has no such class"):
        check_matched(matched_classes(ours, theirs), 1, ours, theirs)


def test_channels_are_converted(network, gray, network_of):
    dim = np.full((2, 2, 1), 0.25, "float32")
    assert in_channels_of(network, [dim])[0].tolist() == np.full((2, 2, 3), 0.25).tolist()
    red = np.zeros((2, 2, 3), "float32")
    red[..., 0] = 1
    assert in_channels_of(network_of(gray), [red])[0] == pytest.approx(np.full((2, 2, 1), 0.299))
    with pytest.raises(InputFormError, match="images of 4 channels: tiny takes 16x16 RGB"):
        in_channels_of(network, [np.zeros((2, 2, 4))])
