"""The values of inputs that do not take the image: from Python, a TOML file and the command line."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from dreamfilters.cli.options import ModelOptions
from dreamfilters.errors import ImageError, InputFormError, UnknownNameError
from dreamfilters.networks import load


@pytest.fixture(scope="module")
def model():
    """Left minus right, and twice the age: (n, 2, 2, 1) and (n, 1)."""
    left, right = keras.Input((2, 2, 1), name="left"), keras.Input((2, 2, 1), name="right")
    age = keras.Input((1,), name="age")
    double = layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(2), name="double")(age)
    return keras.Model([left, right, age], [layers.Subtract(name="difference")([left, right]), double], name="pair")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with a gray image of 51 / 255 = 0.2 and arrays."""
    monkeypatch.chdir(tmp_path)
    Image.new("L", (5, 5), 51).save("gray.png")
    np.save("right.npy", np.full((2, 2, 1), 7.0))
    return tmp_path


def values(network, image=0.6):
    images = np.full((3, 2, 2, 1), image, "float32")
    seen = network.watch(frozenset({"difference", "double"}))(network.to_input(images))
    assert seen["difference"].shape == (3, 2, 2, 1)
    return [np.unique(np.asarray(seen[name])).tolist() for name in ("difference", "double")]


@pytest.mark.parametrize(
    ("inputs", "form", "difference", "double", "remark"),
    [
        ({}, [0, 1], 0.6, 0, "held at zeros: right, age"),
        ({"age": 3}, [0, 1], 0.6, 6, "age is held at 3; held at zeros: right"),
        ({"right": 0.5, "age": 1.5}, [0, 1], 0.1, 3, "right is held at 0.5; age is held at 1.5"),
        ({"right": "gray.png"}, [0, 1], 0.4, 0, "right is held at gray.png; held at zeros: age"),
        ({"right": "gray.png"}, [0, 255], 102, 0, "right is held at gray.png; held at zeros: age"),
        ({"right": "right.npy"}, [0, 10], -1, 0, "right is held at right.npy; held at zeros: age"),
        ({"right": "image", "age": 1}, [0, 1], 0, 2, "right takes the same image; age is held at 1"),
        ({"right": np.empty(0)}, [0, 1], 0, 0, "right takes the same image; held at zeros: age"),
        ({"right": np.ones((2, 2, 1))}, [0, 10], 5, 0, "right is held at an array (2, 2, 1); held at zeros: age"),
    ],
)
def test_other_inputs_have_the_values_that_are_given(model, files, inputs, form, difference, double, remark):
    network = load(model, input="left", inputs=inputs, form={"range": form})
    assert network.remark.partition("; classes: ")[0] == remark
    assert np.asarray(values(network)).ravel() == pytest.approx([difference, double], abs=1e-5)


def test_equal_values_have_equal_fingerprints(model, files):
    def fingerprint(**inputs):
        return load(model, input="left", inputs=inputs).fingerprint

    assert fingerprint(right="gray.png") == fingerprint(right=np.full((2, 2, 1), np.float32(0.2)))
    assert len({fingerprint(), fingerprint(right=0.5), fingerprint(right=0.6), fingerprint(age=0.5)}) == 4


def test_values_beside_the_model_are_relative_to_their_file(model, files):
    (files / "nets").mkdir()
    model.save(files / "nets" / "pair.keras")
    (files / "gray.png").rename(files / "nets" / "gray.png")
    (files / "nets" / "pair.toml").write_text('range = [0, 1]\n[inputs]\nright = "gray.png"\nage = 2\n')
    assert np.ravel(values(load("nets/pair.keras", input="left"))) == pytest.approx([0.4, 4])
    given = load("nets/pair.keras", input="left", inputs={"right": 0})
    assert np.ravel(values(given)) == pytest.approx([0.6, 4])


@pytest.mark.parametrize(
    ("inputs", "kind", "words"),
    [
        ({"rigth": 1}, UnknownNameError, "--input rigth: the network has no other input 'rigth'. Close names: right"),
        ({"left": 1}, UnknownNameError, "--input left: the network has no other input 'left'"),
        ({"age": "gray.png"}, InputFormError, r"--input age=gray.png: the input \(1,\) takes no image"),
        ({"age": "right.npy"}, InputFormError, r"--input age: the value has the shape \(2, 2, 1\), the input \(1,\)"),
        ({"right": "absent.png"}, ImageError, "absent.png: no such file"),
    ],
)
def test_invalid_values_of_inputs_are_refused(model, files, inputs, kind, words):
    with pytest.raises(kind, match=words):
        load(model, input="left", inputs=inputs)


def test_a_network_of_one_input_has_no_other(tiny):
    with pytest.raises(UnknownNameError, match="the network has one input"):
        load(tiny, inputs={"age": 1})


def test_the_same_image_is_in_the_fingerprint_and_has_to_fit(model, files):
    def opened(**inputs):
        return load(model, input="left", inputs=inputs)

    same = opened(right="image")
    assert same.fingerprint != opened().fingerprint
    assert opened(**same.inputs).fingerprint == same.fingerprint  # as a run reads them
    with pytest.raises(InputFormError, match=r"--input age=image: it takes \(1,\), the image is \(2, 2, 1\)"):
        opened(age="image")


def test_an_ensemble_takes_the_same_image_in_both_inputs(files):
    """Half the sum of two images; on one image in both it is that image, in a TOML file and on the command line."""
    left, right = keras.Input((2, 2, 1), name="left"), keras.Input((2, 2, 1), name="right")
    keras.Model([left, right], layers.Average(name="mean")([left, right])).save("net.keras")
    for network in (load("net.keras", **ModelOptions(input=["right=image"]).settings), toml_of("right = 'image'")):
        seen = network.watch(frozenset({"mean"}))(np.full((1, 2, 2, 1), 0.6, "float32"))["mean"]
        assert np.unique(np.asarray(seen)).tolist() == pytest.approx([0.6])


def toml_of(inputs):
    Path("net.toml").write_text(f"[inputs]\n{inputs}\n")
    return load("net.keras")
