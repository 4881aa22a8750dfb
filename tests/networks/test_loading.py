import importlib.resources
import json
import warnings

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import DreamfiltersError, InputFormError, ModelError, UnknownNameError, UntrustedError
from dreamfilters.evidence.activations import mean_responses
from dreamfilters.networks import InputForm, load, loading, network_of
from dreamfilters.networks.preprocessing.form_origin import GIVEN, FormOrigin


def test_a_model_is_not_changed(plain):
    network = load(plain)
    assert network.model is plain
    assert network.name == "plain"
    assert network.classes == ("0", "1", "2")
    assert network.form == InputForm.from_range(0, 1, size=(16, 16))
    wanted = "input form of plain: 16x16 RGB, 0 to 1 (assumed; --range LOW HIGH sets another range)"
    assert network.describe_input() == wanted


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.hdf5"])
def test_a_file_gives_the_same_network(plain, save, name):
    network = load(save(plain, name))
    assert network.name == "model"
    assert network.fingerprint == load(plain).fingerprint
    assert network.origin == FormOrigin("assumed", "assumed; --range LOW HIGH or model.toml sets another range")


def test_settings_beside_a_model_are_read(plain, save):
    path = save(plain, "model.keras")
    path.with_suffix(".toml").write_text('range = [0, 255]\norder = "BGR"\nclasses = "names.txt"')
    (path.parent / "names.txt").write_text("a\nb\nc\n")
    network = load(path)
    assert network.form == InputForm.from_range(0, 255, size=(16, 16), order="BGR")
    assert network.classes == ("a", "b", "c")
    assert network.origin == FormOrigin("file", "from model.toml")
    said = load(path, form={"range": [-1, 1]}, classes=["x", "y", "z"], size=20)
    assert said.form == InputForm.from_range(-1, 1, size=(20, 20), order="BGR")
    assert said.class_number("y") == 1
    assert said.origin == FormOrigin("given", "given; order from model.toml")
    assert load(path, form={"range": [-1, 1]}).origin.text == "given; order, classes from model.toml"
    path.with_suffix(".toml").write_text('order = "BGR"')
    assert load(path).origin.text == "assumed; --range LOW HIGH or model.toml sets another range; order from model.toml"
    assert load(path, form={"order": "RGB"}).origin.text.endswith("sets another range; order given")


def test_a_form_given_as_file_or_value(plain, tmp_path):
    (tmp_path / "other.toml").write_text("range = [0, 255]")
    assert load(plain, form=tmp_path / "other.toml").form == InputForm.from_range(0, 255, size=(16, 16))
    assert load(plain, form=tmp_path / "other.toml").origin == FormOrigin("file", "from other.toml")
    form = InputForm.from_range(0, 2)
    assert load(plain, form=form).origin == GIVEN
    assert load(plain, form=form).form == InputForm.from_range(0, 2, size=(16, 16))


def test_a_form_that_contradicts_the_network_is_refused(plain):
    with pytest.raises(InputFormError, match="plain: takes 3 channels, the input form has 1"):
        load(plain, form=InputForm.from_range(0, 1, channels=1))
    with pytest.raises(InputFormError, match="order='gray': has 1 channels, the network's input has 3"):
        load(plain, form={"order": "gray"})


def test_wrong_counts_of_classes_are_refused(plain, tmp_path):
    with pytest.raises(ModelError, match="plain: 2 class names, the network has 3 outputs"):
        load(plain, classes=["a", "b"])
    (tmp_path / "names.txt").write_text("a\nb\n")
    with pytest.raises(ModelError, match=r"names\.txt: 2 class names, the network has 3 outputs"):
        load(plain, classes=tmp_path / "names.txt")


def test_an_application_without_download():
    network = load("applications:MobileNetV2:random")
    assert network.name == "MobileNetV2"
    assert network.form == InputForm.from_range(-1, 1, size=(224, 224))
    assert network.classes[999] == "999"
    assert network.origin.source == "known"
    with pytest.raises(UnknownNameError, match="no such option 'rnd'"):
        load("applications:MobileNetV2:rnd")


def test_a_function_needs_trust(tmp_path, monkeypatch):
    (tmp_path / "maker_of_networks.py").write_text(
        "import keras\n\n"
        "def make():\n    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)])\n\n"
        "def other():\n    return 3\n\n"
        "def broken():\n    return keras.layers.Dense()\n"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UntrustedError, match=r"maker_of_networks:make: runs the code of maker_of_networks\.py; use --trust"
    ):
        load("maker_of_networks:make")
    network = load("maker_of_networks:make", trust=True)
    assert (network.name, network.form.order, network.layers[0].shape) == ("make", "gray", (6, 6, 2))
    with pytest.raises(ModelError, match=r"returned a int, not a keras\.Model"):
        load("maker_of_networks:other", trust=True)
    with pytest.raises(
        ModelError, match=r"maker_of_networks:broken: .* a TypeError: .* \(maker_of_networks\.py, line 10\)"
    ):
        load("maker_of_networks:broken", trust=True)
    with pytest.raises(ModelError, match="has no function none"):
        load("maker_of_networks:none", trust=True)
    with pytest.raises(ModelError, match="cannot be imported"):
        load("no_such_maker:none", trust=True)


def test_a_lambda_needs_trust(save):
    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Lambda(lambda x: x * 2.0), layers.Conv2D(1, 1)])
    path = save(model, "model.keras")
    with pytest.raises(
        UntrustedError, match=r"has a Lambda layer \(lambda.*\), which runs code from the file; use --tr"
    ):
        load(path)
    seen = load(path, trust=True)
    x = np.ones((1, 4, 4, 3), "float32")
    last = seen.layers[-1].name
    np.testing.assert_allclose(seen.watch(frozenset({last}))(x)[last], model(x), atol=1e-6)


def test_a_class_of_its_own_is_named(save):
    @keras.saving.register_keras_serializable("tests")
    class Odd(layers.Layer):
        def call(self, inputs):
            return inputs

    path = save(keras.Sequential([keras.Input((4, 4, 3)), Odd()]), "model.keras")
    keras.saving.get_custom_objects().pop("tests>Odd")
    with pytest.raises(ModelError, match="needs the code of 'Odd', which is not in the file") as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_damaged_files_are_refused_in_one_line(plain, save):
    for name in ("model.keras", "model.h5"):
        path = save(plain, name)
        whole = path.read_bytes()
        for content in (whole[: len(whole) // 2], whole[:100], b"", b"not a model"):
            path.write_bytes(content)
            with pytest.raises(ModelError, match=f"{name}: is (damaged|truncated|empty|not a Keras model)") as caught:
                load(path)
            assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize(("saved", "named"), [("a.keras", "a.h5"), ("a.h5", "a.keras"), ("a.h5", "x")])
def test_content_decides_and_not_the_suffix(plain, save, saved, named):
    path = save(plain, saved)
    assert load(path.rename(path.with_name(named))).fingerprint == load(plain).fingerprint


def test_weights_alone_are_refused(plain, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.create_group("conv1")
    with pytest.raises(ModelError, match="holds weights without the network's layers; give the JSON"):
        load(tmp_path / "model.h5")


def test_other_files_and_folders_are_refused(tmp_path):
    (tmp_path / "signs_model.h5").write_bytes(b"x")
    (tmp_path / "image.png").write_bytes(b"x")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").touch()
    for name, words in {
        "signs_modell.h5": r"no such file\. Close names: signs_model\.h5",
        "no/model.h5": "no such file, and no folder",
        "image.png": r"is not a model file; model files end in \.keras, \.h5, \.hdf5",
        ".": r"is a folder \(it holds signs_model\.h5\)",
        "saved": "is a SavedModel without Keras layers",
    }.items():
        with pytest.raises(ModelError, match=words):
            load(tmp_path / name)


def _mlp(shape):
    x = keras.Input(shape, name="pixels")
    hidden = keras.layers.Dense(5, activation="relu", name="hidden")(keras.layers.Flatten()(x))
    return keras.Model(x, keras.layers.Dense(3, activation="softmax")(hidden), name="mlp")


@pytest.mark.parametrize(
    ("shape", "settings"),
    [
        ((48,), {"size": (4, 4)}),
        ((48,), {"form": {"size": [4, 4]}}),
        ((48,), {"form": InputForm.from_range(0, 1, size=(4, 4))}),
        ((4, 12), {"size": (4, 4)}),
    ],
)
def test_a_flat_input_takes_images_of_the_declared_size(shape, settings):
    model = _mlp(shape)
    network = load(model, **settings)
    assert (network.form.size, network.form.channels, network.layers[0].name) == ((4, 4), 3, "pixels")
    images = np.random.default_rng(0).random((2, 4, 4, 3), dtype="float32")
    seen = np.asarray(network.watch(frozenset({"hidden"}))(network.to_input(images))["hidden"])
    hidden = keras.Model(model.inputs, model.get_layer("hidden").output)
    assert seen == pytest.approx(hidden.predict_on_batch(images.reshape(2, *shape)), abs=1e-6)


def test_the_size_of_a_flat_input_may_be_beside_the_model(tmp_path):
    _mlp((784,)).save(tmp_path / "mlp.keras")
    (tmp_path / "mlp.toml").write_text("size = [28, 28]\nrange = [0, 255]\n")
    assert load(tmp_path / "mlp.keras").form.describe() == "28x28 gray, 0 to 255"


def test_rows_of_pixels_and_an_input_that_is_reshaped_need_no_size():
    assert load(_mlp((28, 28))).form.describe() == "28x28 gray, 0 to 1"
    x = keras.Input((300,))
    maps = keras.layers.Rescaling(1 / 255)(keras.layers.Reshape((10, 10, 3))(x))
    network = load(keras.Model(x, keras.layers.Conv2D(2, 3, name="conv")(maps)))
    assert network.form.describe() == "10x10 RGB, 0 to 255"
    assert network.layer("conv").receptive_field.size == (3, 3)
    assert [info.kind for info in network.layers] == ["not visual", "map", "map", "map"]


def test_networks_without_an_image_input_are_refused(save):
    path = save(keras.Sequential([keras.Input((7,)), layers.Dense(2)], name="inside"), "model.keras")
    with pytest.raises(ModelError, match=r"^model\.keras: has no image input: its input is \(7,\)"):
        load(path)


@pytest.mark.skipif(
    not (importlib.resources.files("dreamfilters.signs") / "signs.keras").is_file(),
    reason="the network is not trained yet",
)
def test_the_built_in_network():
    network = load("signs")
    assert len(network.classes) == 43
    assert network.class_number("STOP") == network.class_number("stop") == 14
    assert network.describe_input() == "input form of signs: 48x48 RGB, 0 to 1 (that of the built-in network)"


def test_every_error_is_one_of_ours_and_one_line(tmp_path):
    for spec in ("", "x", "x:y", "applications:", "module:function", str(tmp_path), "a\nb.h5", json.dumps({})):
        with pytest.raises(DreamfiltersError):
            loading.load(spec)


def test_the_classes_of_the_built_in_network_are_found_by_their_german_and_english_names():
    network = load("signs")
    wanted = {"Verbot der Einfahrt": 17, "no entry": 17, "Vorfahrt achten": 13, "yield": 13, "STOP": 14, "stop": 14}
    assert {name: network.class_number(name) for name in wanted} == wanted
    assert network.class_number("14") == 14
    assert network.class_titles[17] == "Verbot der Einfahrt (no entry)"
    assert network.class_titles[14] == "STOP"


def test_mobilenet_v3_which_keras_builds_for_any_size_has_its_own():
    network = load("applications:MobileNetV3Small:random")
    assert network.form.size == (224, 224)
    assert network.layers[-1].shape == (1000,)
    assert all(None not in info.shape for info in network.layers)


ASSUMED = "input form of .* 0 to 1 .assumed"


def test_a_network_is_returned_unchanged(plain):
    network = load(plain)
    assert network_of(network) is network


def test_a_model_given_again_has_the_same_network_and_one_warning(make_tiny, recwarn):
    model = make_tiny()
    with pytest.warns(UserWarning, match=ASSUMED + r"\); load\(model, form={'range': \[0, 255\]}\) sets another range"):
        network = network_of(model)
    assert network_of(model) is network
    assert not recwarn.list
    assert network.model is model


def test_the_warning_names_the_line_of_the_user(make_tiny):
    with pytest.warns(UserWarning, match=ASSUMED) as found:
        mean_responses(make_tiny(), np.zeros((1, 16, 16, 3)), ["conv1"])
    assert [warning.filename for warning in found] == [__file__]


@pytest.mark.filterwarnings(f"ignore:{ASSUMED}")
def test_a_model_whose_settings_change_gets_a_new_network(make_tiny):
    model = make_tiny()
    network = network_of(model)
    assert network.layer("conv2").activation == "relu"
    model.get_layer("conv2").activation = keras.activations.linear
    assert network_of(model) is not network
    assert network_of(model).layer("conv2").activation == "linear"


@pytest.mark.filterwarnings(f"ignore:{ASSUMED}")
def test_trained_weights_keep_the_network_and_change_its_fingerprint(make_tiny):
    model = make_tiny()
    network = network_of(model)
    before = network.fingerprint
    model.get_layer("conv1").set_weights([weight * 2 for weight in model.get_layer("conv1").get_weights()])
    assert network_of(model) is network
    assert network.fingerprint != before


@pytest.mark.filterwarnings(f"ignore:{ASSUMED}")
def test_only_the_last_models_stay_in_memory(make_tiny):
    models = [make_tiny() for _ in range(3)]
    networks = [network_of(model) for model in models]
    assert [network_of(model) is network for model, network in zip(models[1:], networks[1:], strict=True)] == [True] * 2
    assert network_of(models[0]) is not networks[0]


@pytest.mark.parametrize("value", ["signs", None, 3])
def test_other_values_are_refused(value):
    with pytest.raises(ModelError, match=r"network=.*: give a keras.Model, or what load returns for a file or a name"):
        network_of(value)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        ("mse", "regression"),
        (keras.losses.MeanAbsoluteError(), "regression"),
        (keras.losses.CategoricalCrossentropy(from_logits=True), "softmax"),
        (None, "softmax"),
    ],
)
def test_the_loss_of_the_training_tells_a_regression_from_logits(tmp_path, loss, kind, suffix):
    """Thirty coordinates of key points, or thirty logits: both are a dense layer without activation."""
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(30)], name="points")
    if loss is not None:
        model.compile(loss=loss)
    with warnings.catch_warnings():  # of NumPy 2's copy keyword, and that .h5 is old
        warnings.simplefilter("ignore")
        model.save(tmp_path / f"points{suffix}")
    for network in (load(tmp_path / f"points{suffix}"), load(model)):
        assert (network.head.kind, len(network.classes)) == (kind, 0 if kind == "regression" else 30)
    assert load(tmp_path / f"points{suffix}", classes=[f"x{k}" for k in range(30)]).head.kind == kind
