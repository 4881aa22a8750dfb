"""Model files that other people published: each opens and classifies traffic signs, or is refused with a reason."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dreamfilters.errors import ModelError
from dreamfilters.networks import load
from dreamfilters.networks.io.model_file import convert, open_model

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
SIGNS, OTHERS = SHARED / "models" / "traffic-signs", SHARED / "models" / "others"
TEST = SHARED / "data" / "gtsrb" / "test_32.zip"
EVERY = 40  # the whole test set takes five minutes

pytestmark = pytest.mark.skipif(
    not TEST.exists(), reason="the published models and the test set are not next to the checkout"
)


def pixels(image, side):
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), "float32")


def equalized(image, side):
    """As OpenCV's equalizeHist does it."""
    gray = pixels(image.convert("L"), side).astype(int)
    summed = np.bincount(gray.ravel(), minlength=256).cumsum()
    first = summed[summed > 0][0]
    table = np.round((summed - first) * 255 / max(1, gray.size - first)).clip(0, 255)
    return table[gray][..., None] / 255


def standardized(image, side):
    values = pixels(image, side)
    return (values - values.mean()) / values.std()


# file, image -> input, classes in the order of their numbers as text, accuracy on the whole test set
NETWORKS = [
    ("ujansen__Traffic-Sign-Classification__traffic_sign_classifier.h5", pixels, False, 0.979),
    ("Ashika-A__Traffic_sign_recognition__Traffic_Sign_Classifier_CNN.hdf5", equalized, False, 0.972),
    ("001sapna__traffic_classifier__traffic_classifier.keras", lambda p, s: pixels(p, s) / 255, False, 0.972),
    ("dario-santos__German-Traffic-Sign-Recognition__gtsrb_model.h5", lambda p, s: pixels(p, s) / 255, False, 0.969),
    ("Tejadithya__traffic-sign-detection-with-GUI-__traffic_classifier.h5", pixels, False, 0.965),
    ("Tejadithya__traffic-sign-detection-with-GUI-__traffic_classifier.keras", pixels, False, 0.965),
    ("Abis47__Traffic-Sign-Recognition__traffic_classifier.h5", pixels, False, 0.963),
    ("zafermesut__german-traffic-sign-recognition__gtsrb_model.h5", lambda p, s: pixels(p, s)[..., ::-1] / 255, False,
     0.955),
    ("ro-nav__Traffic-Signs-Recognition__traffic_classifier.keras", lambda p, s: pixels(p, s)[..., ::-1], False, 0.953),
    ("shashankbudem__Road-sign-with-computer-vision__TSR.h5", pixels, False, 0.944),
    ("Lirone29__CNN-signals__TSR.h5", lambda p, s: pixels(p.convert("LA"), s), False, 0.912),
    ("seymaferhan__Capstone-Project__gtsrb.h5", lambda p, s: pixels(p, s) / 255, True, 0.881),
    ("jovanzac__Traffic_model", pixels, False, 0.854),
    ("ak9969__Traffic-signal__weights.best.hdf5", standardized, False, 0.827),
]  # fmt: skip


@pytest.fixture(scope="module")
def signs():
    with zipfile.ZipFile(TEST) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith((".webp", ".png")))[::EVERY]
        images = [Image.open(io.BytesIO(archive.read(name))).convert("RGB") for name in names]
    return images, np.array([int(Path(name).parent.name) for name in names])


@pytest.mark.parametrize(("name", "form", "as_text", "stated"), NETWORKS, ids=lambda value: str(value)[:12])
def test_a_published_network_recognizes_signs(signs, name, form, as_text, stated):
    images, classes = signs
    model = open_model(SIGNS / name).model
    seen = np.asarray(model(np.stack([form(image, model.input_shape[1]) for image in images]))).argmax(-1)
    if as_text:
        seen = np.array(sorted(range(43), key=str))[seen]
    spread = 3 * (stated * (1 - stated) / len(classes)) ** 0.5  # three stds of a sample of this size
    assert np.mean(seen == classes) == pytest.approx(stated, abs=spread + 0.002)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Layman806-zz__ocr-cnn__first_try.h5", "holds weights without the network's layers; give the JSON"),
        ("rohitkr8527__tensorflow-subclassing-api__cifar10_model.keras", "needs the code of 'CIFAR10Model'"),
        ("naokishibuya__car-behavioral-cloning__model.h5", "has a Lambda layer (lambda_1) with code"),
        ("Srekar__Handwritten-expression-evaluation__model_final.h5", "holds weights without the network's layers"),
        ("vaib_v7.keras", "needs the code of 'Custom>collapse_hw', which is not in the file (layer 'collapse_hw')"),
    ],
)
def test_a_file_without_a_network_is_refused_with_a_reason(name, words):
    with pytest.raises(ModelError) as caught:
        load(OTHERS / name)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_subclassed_network_opens_with_its_code(tmp_path, monkeypatch):
    """The code follows from the shapes of the weights: two convolutions with pooling, two dense layers."""
    (tmp_path / "cifar10_model.py").write_text(
        "import keras\nfrom keras import layers\n\n"
        "class CIFAR10Model(keras.Model):\n"
        "    def __init__(self, **settings):\n"
        "        super().__init__(**settings)\n"
        "        self.conv1, self.conv2 = (layers.Conv2D(n, 3, activation='relu') for n in (32, 64))\n"
        "        self.pool, self.flatten = layers.MaxPooling2D(), layers.Flatten()\n"
        "        self.dense1 = layers.Dense(128, activation='relu')\n"
        "        self.dense2 = layers.Dense(10, activation='softmax')\n\n"
        "    def call(self, x):\n"
        "        x = self.pool(self.conv2(self.pool(self.conv1(x))))\n"
        "        return self.dense2(self.dense1(self.flatten(x)))\n"
    )
    monkeypatch.chdir(tmp_path)
    network = load(next(OTHERS.glob("rohitkr*.keras")), imports="cifar10_model")
    names = ["conv2d", "max_pooling2d#0", "conv2d_1", "max_pooling2d#1", "flatten", "dense", "dense_1"]
    assert [info.name for info in network.layers] == names
    image = np.random.default_rng(0).random((1, 32, 32, 3), "float32")
    assert np.asarray(network.model(image)).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.filterwarnings("ignore:The structure of `inputs`")
@pytest.mark.parametrize("path", sorted(OTHERS.glob("*")), ids=lambda path: path.name[:12])
def test_published_networks_open_and_survive_conversion(path, tmp_path):
    architecture = path.with_suffix(".json") if path.with_suffix(".json").exists() else None
    if path.suffix == ".json" or path.name.startswith(("Layman", "rohitkr", "naoki", "vaib")):
        pytest.skip("holds no network of its own, or code")
    model = open_model(path, architecture=architecture).model
    rng = np.random.default_rng(0)
    images = [rng.random((2, *(side or 32 for side in input_.shape[1:])), "float32") for input_ in model.inputs]
    convert(path, tmp_path / "new.keras", architecture=architecture)
    outputs = np.asarray(model(images))
    assert np.isfinite(outputs).all()
    assert outputs.std() > 0
    np.testing.assert_allclose(np.asarray(open_model(tmp_path / "new.keras").model(images)), outputs, atol=1e-5)


def test_a_lambda_is_replaced_on_the_users_word(tmp_path):
    path = next(OTHERS.glob("naoki*.h5"))
    architecture = tmp_path / "layers.json"
    convert(path, architecture)
    layers = json.loads(architecture.read_text())
    scaled = {"name": "lambda_1", "scale": 1 / 127.5, "offset": -1.0, "batch_input_shape": [None, 66, 200, 3]}
    layers["config"][0] = {"class_name": "Rescaling", "config": scaled}
    architecture.write_text(json.dumps(layers))
    network = load(path, architecture=architecture)
    assert (network.form.size, network.layers[1].type, network.layers[1].units) == ((66, 200), "Conv2D", 24)
