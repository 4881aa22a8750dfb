"""Explanations of a network whose logits are m and 3 m, where m is the mean of the four pixels of the image."""

import base64
import io

import keras
import numpy as np
import pytest
from PIL import Image

import dreamfilters as df
from dreamfilters.viewer.messages import CLASS_LAYER, Request
from dreamfilters.viewer.worker.attribution_methods import attribution_methods
from dreamfilters.viewer.worker.explanations import heatmap_trust, logit_units, pixel_heatmap
from dreamfilters.viewer.worker.handlers import Handlers
from dreamfilters.viewer.worker.session import ModelSession

IMAGE = np.array([[0.2, 0.4], [0.6, 0.8]], "float32")[..., None]  # its mean is 0.5


@pytest.fixture(scope="module")
def session(network_of):
    model = keras.Sequential(
        [
            keras.Input((2, 2, 1)),
            keras.layers.Conv2D(2, 1, use_bias=False, name="conv"),
            keras.layers.GlobalAveragePooling2D(name="mean"),
            keras.layers.Dense(2, activation="softmax", use_bias=False, name="out"),
        ]
    )
    model.set_weights([np.array([[[[1.0, 2.0]]]]), np.array([[3.0, 1.0], [-1.0, 1.0]])])  # maps x and 2 x
    return ModelSession(network_of(model))


def pixels(values):
    content = base64.b64decode(values["overlay"].removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(content)) as image:
        return np.array(image)


def test_a_heatmap_of_a_logit_and_of_a_margin(session):
    alone = pixel_heatmap(session, CLASS_LAYER, 0, IMAGE, "gradient")
    assert (alone["score"], alone["scale"]) == pytest.approx((0.5, 0.25))  # m, a quarter of which each pixel gives
    assert (alone["signed"], alone["legend"], alone["remark"]) == (False, "yellow: magnitude, no sign", "")
    margin = pixel_heatmap(session, CLASS_LAYER, 1, IMAGE, "gradient", against=0)
    assert (margin["score"], margin["scale"]) == pytest.approx((1.0, 0.5))  # 3 m - m
    lowers = pixel_heatmap(session, CLASS_LAYER, 0, IMAGE, "gradient-x-input", against=1)
    assert lowers["signed"]
    assert lowers["scale"] == pytest.approx(np.percentile(2 * IMAGE / 4, 99))
    assert (pixels(lowers)[..., 2] > pixels(lowers)[..., 0]).all()  # blue: every pixel lowers it


def test_the_overlay_is_that_of_df_attribute(session):
    network = session.network
    values = pixel_heatmap(session, CLASS_LAYER, 0, IMAGE, "gradient-x-input", against=1)
    found = df.attribute(network, "class:0", IMAGE, methods="gradient-x-input", against="class:1")
    assert np.array_equal(pixels(values), np.rint(found.overlay("gradient-x-input") * 255).astype("uint8"))


def test_a_unit_of_a_layer_is_explained(session):
    values = pixel_heatmap(session, "L0", 1, IMAGE, "gradient")
    assert (values["score"], values["scale"]) == pytest.approx((1.0, 0.5))  # the mean of the map 2 x


@pytest.mark.parametrize(
    ("method", "against", "words"),
    [("token-gradient", None, "no layer of tokens"), ("gradient", 0, "is the target itself")],
)
def test_what_does_not_fit_has_its_reason_in_one_line(session, method, against, words):
    values = pixel_heatmap(session, CLASS_LAYER, 0, IMAGE, method, against)
    assert values.keys() == {"reason"}
    assert words in values["reason"]
    assert "\n" not in values["reason"]


def test_the_units_that_carry_a_logit_and_a_margin(session):
    alone = logit_units(session, 0, IMAGE)
    assert session.description.layers[alone["layer"]].name == "conv"  # pooling keeps its units
    assert (alone["logit"], alone["total"], alone["count"]) == pytest.approx((0.5, 0.5, 2))
    found = [(each["unit"], each["contribution"], each["activation"]) for each in alone["units"]]
    assert np.array(found) == pytest.approx(np.array([(0, 3 * 0.5, 0.5), (1, -1 * 1.0, 1.0)]))
    margin = logit_units(session, 1, IMAGE, against=0)
    assert [(each["unit"], each["contribution"]) for each in margin["units"]] == [
        (1, pytest.approx((1 + 1) * 1.0)),
        (0, pytest.approx((1 - 3) * 0.5)),
    ]


def test_a_network_of_one_layer_has_no_units_that_carry_a_logit(network_of):
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Conv2D(2, 2, activation="softmax")])
    session = ModelSession(network_of(model))
    assert logit_units(session, 0, IMAGE).keys() == {"reason"}


def test_the_methods_are_those_of_the_registry_the_quick_ones_first(session):
    methods = attribution_methods()
    assert sorted(each["name"] for each in methods) == sorted(df.ATTRIBUTIONS)
    assert {each["name"]: each["meaning"] for each in methods} == {
        name: method.meaning for name, method in df.ATTRIBUTIONS.items()
    }
    quick = [each["quick"] for each in methods]
    assert quick == sorted(quick, reverse=True)
    assert methods[0]["name"] == "gradient"
    assert session.description.values["attributions"] == methods


def test_the_worker_handles_interactive_requests_while_a_slow_heatmap_is_computed(session):
    handlers, pauses = Handlers(session.network, {}, lambda *_: None), []
    arguments = {"layer": "L0", "unit": 1, "image": IMAGE, "against": None}
    slow = handlers.handle(
        Request(0, 2, "slow_heatmap", {**arguments, "method": "occlusion"}), lambda: pauses.append(None)
    )
    assert slow["reason"] is None
    assert pauses
    fast = handlers.handle(Request(1, 0, "heatmap", {**arguments, "method": "gradient"}), None)  # it does not pause
    assert fast["scale"] == pytest.approx(0.5)
    units = handlers.handle(Request(2, 2, "logit_units", {"unit": 0, "image": IMAGE, "against": None}), lambda: None)
    assert units["logit"] == pytest.approx(0.5)


def test_the_trust_in_a_heatmap_is_that_of_df_measure_trust(session):
    seen = []
    values = heatmap_trust(session, CLASS_LAYER, 0, IMAGE, "gradient-x-input", 1, seen.append)
    network = session.network
    found = df.attribute(network, "class:0", IMAGE, methods="gradient-x-input", against="class:1")
    trust = df.measure_trust(network, found)
    row, control = trust.row("gradient-x-input"), trust.row("random")
    for one in values["measures"]:
        for key, expected in (
            ("value", row.values[one["name"]].mean),
            ("by_chance", row.values[one["name"]].by_chance),
            ("control", control.values[one["name"]].mean),
        ):
            assert one[key] == (None if np.isnan(expected) else pytest.approx(expected)), one["name"]
    assert [one["name"] for one in values["measures"]] == list(trust.measures)
    assert values["flags"] == list(row.flags)
    assert values["seconds"] > 0
    shares = [one.share for one in seen]
    assert (len(seen), shares[0], shares) == (2 * len(trust.measures), 0.0, sorted(shares))
    assert seen[0].note == "deletion of gradient-x-input"


def test_a_method_that_does_not_fit_has_no_trust_but_a_reason(session):
    values = heatmap_trust(session, CLASS_LAYER, 0, IMAGE, "token-gradient")
    assert values == {"reason": pixel_heatmap(session, CLASS_LAYER, 0, IMAGE, "token-gradient")["reason"]}
    assert values["reason"]


def test_the_progress_of_trust_is_sent_under_its_name(network_of, tiny):
    events = []
    handlers = Handlers(network_of(tiny), {}, lambda topic, value: events.append((topic, value)))
    image = np.random.default_rng(0).random((16, 16, 3), np.float32)
    arguments = {"name": "C:0:I1:gradient:", "layer": CLASS_LAYER, "unit": 0, "image": image, "method": "gradient"}
    values = handlers.handle(Request(0, 5, "trust", arguments), lambda: None)
    assert values["reason"] is None
    sent = [value for topic, value in events if topic == "trust"]
    assert sent
    assert {value["id"] for value in sent} == {"C:0:I1:gradient:"}
