"""Tests of `attribute`: targets, images, methods, and its result."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import dreamfilters as df
from dreamfilters.attribution.attribute import DEFAULT_METHODS, attribute, chosen_methods
from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.errors import ImageError, ModelError, OutputError, RecipeError, TargetError, UnknownNameError
from dreamfilters.evidence.activations import activations
from dreamfilters.images import read_image
from dreamfilters.networks import LOGITS
from tests.attribution.toy_methods import Gradient, Magnitude, Unfitting, registered


@pytest.fixture(autouse=True)
def toys():
    """The toy methods, registered."""
    with registered(Gradient(), Unfitting(), Magnitude()):
        yield


@pytest.fixture(scope="module")
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(4)])


def test_heatmaps_and_scores_are_those_of_the_target(network, images):
    found = attribute(network, "class:STOP", images, methods="toy-gradient")
    scores, gradients = Scorer(network, logit(0)).gradients(images)
    np.testing.assert_array_equal(found.heatmaps["toy-gradient"], gradients.sum(axis=-1))
    np.testing.assert_array_equal(found.scores, scores)
    assert found.targets == ("class:STOP",) * 4
    assert found.names == ("image 0", "image 1", "image 2", "image 3")
    assert len(found) == 4


def test_against_explains_the_difference_of_two_logits(network, images):
    found = attribute(network, "class:STOP", images, methods="toy-gradient", against="class:20")
    logits = activations(network, images, [LOGITS])[LOGITS]
    assert found.scores == pytest.approx(logits[:, 0] - logits[:, 2], abs=1e-5)
    one, other = (attribute(network, target, images, methods="toy-gradient") for target in ("class:0", "class:2"))
    difference = one.heatmaps["toy-gradient"] - other.heatmaps["toy-gradient"]
    np.testing.assert_allclose(found.heatmaps["toy-gradient"], difference, atol=1e-4)
    assert found.targets[0] == "class:STOP - class:20"


def test_without_a_target_each_image_is_explained_for_its_predicted_class(network, images):
    logits = activations(network, images, [LOGITS])[LOGITS]
    found = attribute(network, None, images, methods=["toy-gradient"])
    assert found.scores == pytest.approx(logits.max(axis=1), abs=1e-5)
    for row, number in enumerate(logits.argmax(axis=1)):
        alone = attribute(network, f"class:{network.classes[number]!r}", images[row], methods="toy-gradient")
        np.testing.assert_array_equal(alone.heatmaps["toy-gradient"][0], found.heatmaps["toy-gradient"][row])


def test_a_network_without_classes_needs_a_target(network_of, images):
    model = keras.Sequential([layers.Input((16, 16, 3)), layers.Flatten(), layers.Dense(2, name="values")])
    with pytest.raises(TargetError, match="predicts no class of an image; give a target, such as values:0"):
        attribute(network_of(model, loss="mse"), None, images, methods="toy-gradient")


def test_images_come_from_a_folder_a_file_one_array_or_dreams(network, images, tmp_path):
    for number in range(2):
        Image.fromarray((images[number] * 255).astype("uint8")).resize((20, 20)).save(tmp_path / f"{number}.png")
    (tmp_path / "broken.png").write_bytes(b"")
    of_folder = attribute(network, "conv2:1", tmp_path, methods="toy-gradient")
    assert of_folder.names == ("0.png", "1.png")
    assert of_folder.images.shape == (2, 16, 16, 3)
    one = attribute(network, channel("conv2", 1), read_image(tmp_path / "1.png"), methods="toy-gradient")
    np.testing.assert_allclose(one.heatmaps["toy-gradient"][0], of_folder.heatmaps["toy-gradient"][1], atol=1e-6)
    bytes_of = attribute(network, "conv2:1", (images * 255).astype("uint8"), methods="toy-gradient")
    assert bytes_of.images.max() <= 1

    dreams = df.dream(network, "conv2:1-2", df.Recipe(steps=1))
    assert attribute(network, "conv2:1", dreams, methods="toy-gradient").names == ("conv2:1", "conv2:2")
    assert attribute(network, "conv2:1", dreams[0], methods="toy-gradient").images.shape == (1, 16, 16, 3)


def test_a_method_that_does_not_fit_is_reported_and_alone_it_is_an_error(network, images):
    found = attribute(network, "class:STOP", images, methods=["toy-unfitting", "toy-gradient"])
    assert list(found.heatmaps) == ["toy-gradient"]
    assert found.reasons == {"toy-unfitting": "tiny has no layer that this method needs"}
    with pytest.raises(ModelError, match="has no layer that this method needs"):
        attribute(network, "class:STOP", images, methods="toy-unfitting")
    with pytest.raises(UnknownNameError, match=r"toy-unfitting: has no heatmaps here\. tiny has no layer"):
        found.overlay("toy-unfitting")


@pytest.mark.parametrize(
    ("target", "more", "error", "message"),
    [
        ("class:STP", {}, UnknownNameError, "STP.*Close names: STOP"),
        ("conv9:0", {}, UnknownNameError, "conv9.*Close names"),
        ("conv2:99", {}, TargetError, "conv2:99: conv2 of tiny has 8 filters"),
        ("conv2:0-3", {}, TargetError, "conv2:0-3: 4 targets; a heatmap explains one"),
        ("class:*", {}, TargetError, "3 targets"),
        (7, {}, TargetError, "target of type int"),
        ("class:STOP", {"against": "class:STOP"}, TargetError, "against class:STOP: is the target itself"),
        ("class:STOP", {"against": "class:*"}, TargetError, "3 targets"),
        ("class:STOP", {"against": "class:hexagon"}, UnknownNameError, "hexagon"),
        ("class:STOP", {"methods": "toy-gradent"}, UnknownNameError, "toy-gradent.*Close names: toy-gradient"),
        ("class:STOP", {"methods": []}, TargetError, "methods: none given; known are .*toy-gradient"),
        (channel("conv2", 99), {}, TargetError, "conv2:99: conv2 of tiny has 8"),
        ("class:STOP", {"against": logit(0)}, TargetError, "against class:0: is the target itself"),
        (None, {"against": "class:STOP"}, TargetError, "against=class:STOP: needs a target"),
        (logit(8), {}, TargetError, "class 8: tiny has 3 classes"),
    ],
)
def test_wrong_targets_and_methods_are_one_line(network, images, target, more, error, message):
    with pytest.raises(error, match=message) as raised:
        attribute(network, target, images, **more)
    assert "\n" not in str(raised.value)


def test_wrong_images_are_one_line(network, tmp_path):
    for wrong in (np.zeros((0, 16, 16, 3)), tmp_path, tmp_path / "none.png", np.full((1, 16, 16, 3), 200.0)):
        with pytest.raises(ImageError):
            attribute(network, "class:STOP", wrong, methods="toy-gradient")
    (tmp_path / "0.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"none of 1 images can be read; first error: .*0\.png: is empty"):
        attribute(network, "class:STOP", tmp_path, methods="toy-gradient")


def test_configured_methods_and_own_ones_are_given_as_values(network, images):
    coarse, own = df.Occlusion(window=0.5, stride=0.5), Magnitude(name="own")
    found = attribute(network, "class:STOP", images[:2], methods=["occlusion", coarse, own])
    assert list(found.heatmaps) == ["occlusion", "occlusion window=0.5 stride=0.5", "own"]
    expected = coarse(network, logit(0), images[:2])
    np.testing.assert_array_equal(found.heatmaps["occlusion window=0.5 stride=0.5"], expected)
    assert found.unsigned == {"own"}
    assert found.methods["own"] is own
    alone = attribute(network, "class:STOP", images[:1], methods=coarse)
    np.testing.assert_array_equal(alone.heatmaps["occlusion"][0], expected[0])
    rows = df.measure_trust(network, replace(found, heatmaps={"own": found.heatmaps["own"]})).rows
    assert [row.method for row in rows] == ["own", "random"]  # its own method runs, which is not registered


def test_the_same_method_twice_is_one_and_names_differ():
    names = [method.name for method in chosen_methods(["gradient", df.Gradient(), "gradient"])]
    assert names == ["gradient"]
    alike = chosen_methods([Magnitude("a", "x"), Magnitude("a", "y"), df.Rise(masks=2), df.Rise(masks=4)])
    assert [method.name for method in alike] == ["a", "a 2", "rise", "rise masks=4"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([df.Occlusion], r"methods: Occlusion is a class; give Occlusion\(\)"),
        ([3], "methods: 3 is no attribution method; give a name, such as gradient, or a callable with a name"),
        (np.mean, "is no attribution method"),
    ],
)
def test_a_value_that_is_no_method_is_refused(network, images, wrong, message):
    with pytest.raises(RecipeError, match=message):
        attribute(network, "class:STOP", images, methods=wrong)


def test_a_method_that_returns_something_else_is_refused(network, images):
    class Wrong:
        name, meaning = "wrong", "returns images"

        def __call__(self, network, objective, images):
            return images

    with pytest.raises(RecipeError, match=r"wrong: returned heatmaps \(4, 16, 16, 3\), not \(4, 16, 16\)"):
        attribute(network, "class:STOP", images, methods=Wrong())


def test_all_methods_and_the_default_ones():
    assert [method.name for method in chosen_methods("*")] == list(ATTRIBUTIONS)
    assert [method.name for method in chosen_methods()] == [name for name in DEFAULT_METHODS if name in ATTRIBUTIONS]


def test_the_result_is_drawn_saved_and_shown(network, images, tmp_path):
    found = attribute(network, "class:STOP", images[:2], methods=["toy-gradient", "toy-unfitting"])
    row = found.contact_sheet(1)
    assert found.contact_sheet(0, 1).shape[0] > row.shape[0]
    assert found.overlay("toy-gradient", 1).shape == (16, 16, 3)
    written = found.save(tmp_path / "heatmaps.png")
    assert read_image(written).shape == found.contact_sheet(0, 1).shape
    with pytest.raises(OutputError, match=r"must end in .png"):
        found.save(tmp_path / "heatmaps.jpg")
    assert df.save(found, tmp_path / "again.png").read_bytes() == written.read_bytes()
    empty = replace(found, heatmaps={"toy-gradient": np.zeros((2, 16, 16), "float32")})
    assert "zero everywhere" in empty._repr_html_()
    html = found._repr_html_()
    assert html.count("<img") == 4
    assert "tiny has no layer that this method needs" in html
    values = json.loads(json.dumps(found.as_values(), allow_nan=False))
    assert values["images"][1]["scales"]["toy-gradient"] == pytest.approx(found.scales["toy-gradient"][1])
    assert "class:STOP" in repr(found)


def test_a_method_without_sign_is_drawn_in_yellow_and_the_legend_says_so(network, images):
    found = attribute(network, "class:STOP", images[:1], methods=["toy-gradient", "toy-magnitude"])
    assert found.unsigned == {"toy-magnitude"}
    place = np.unravel_index(found.heatmaps["toy-magnitude"][0].argmax(), (16, 16))
    red, green, blue = found.overlay("toy-magnitude")[place]
    assert red > green > blue + 0.3
    both, one, other = (
        attribute(network, "class:STOP", images[:1], methods=names)._repr_html_()
        for names in (["toy-gradient", "toy-magnitude"], "toy-gradient", "toy-magnitude")
    )
    assert ["red raises the score" in text for text in (both, one, other)] == [True, True, False]
    assert ["yellow: magnitude, no sign" in text for text in (both, one, other)] == [True, False, True]


def test_a_remark_stands_with_its_image_whatever_the_target(network):
    three = np.float32([0, 1, 0])[:, None, None, None] * np.ones((16, 16, 3), "float32")
    for target in (None, "class:STOP"):
        found = attribute(network, target, three, methods=["toy-magnitude", "toy-gradient"])
        assert found.remarks == {"toy-magnitude": ("", "is bright", "")}
        assert "toy-magnitude: image 1: is bright (1 of 3 heatmaps)" in found._repr_html_()
        assert [row["remarks"] for row in found.as_values()["images"]] == [{}, {"toy-magnitude": "is bright"}, {}]
