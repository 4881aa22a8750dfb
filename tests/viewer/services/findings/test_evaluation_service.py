"""Six images of three classes: two of the first class are predicted as the second, one of the second as the first."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dreamfilters.errors import ImageError, UnknownNameError
from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.evidence.evaluation.separation import ClassSeparation
from dreamfilters.images import ImageFolder
from dreamfilters.networks import LayerInfo
from dreamfilters.networks.classes.accuracy import Accuracy
from dreamfilters.networks.classes.class_head import SOFTMAX
from dreamfilters.verdicts.verdict import Verdict
from dreamfilters.viewer.messages import CLASS_LAYER, ImageEvidence, NetworkDescription, ScanRequest, VerdictBasis
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.dream_queue import DreamQueue
from dreamfilters.viewer.services.findings.class_service import ClassService
from dreamfilters.viewer.services.findings.evaluation_service import EvaluationService
from dreamfilters.viewer.services.findings.overview_service import OverviewService
from dreamfilters.viewer.services.image_store import ImageStore
from dreamfilters.viewer.services.snippets import Snippets
from tests.viewer.http_client import png

TRUTH, PREDICTED = np.array([0, 0, 0, 1, 1, 2]), np.array([1, 1, 0, 0, 1, 2])
MARGINS = [1.0, 3.0, 2.0, 2.0, 1.0, 4.0]  # of the logit of the predicted class over the others
NAMES = ("STOP", "20", "30")
CONV, DENSE = LayerInfo("conv", "Conv2D", (2, 2, 4), 4, "relu"), LayerInfo("dense", "Dense", (3,), 3, "relu")
CLASSES = LayerInfo("logits", "Dense", (3,), 3, "linear")
DESCRIPTION = NetworkDescription(
    {"classes": list(NAMES), "is_classifier": True, "form": {"text": "2x2", "interval": "[0, 1]"}},
    {"L0": CONV, "L1": DENSE, CLASS_LAYER: CLASSES}, {"L0": "conv", "L1": "dense", CLASS_LAYER: "logits"}, NAMES,
    ("class:STOP", "class:20", "class:30"), (2, 2), 3, "bicubic", 16,
)  # fmt: skip


def evaluation(**changes):
    logits = np.zeros((6, 3), np.float32)
    logits[np.arange(6), PREDICTED] = MARGINS
    values = {
        "network": "net", "fingerprint": "f", "form": {}, "size": (2, 2), "names": tuple("abcdef"),
        "labels": tuple(NAMES[number] for number in TRUTH), "classes": NAMES, "head": SOFTMAX,
        "indices": np.arange(6), "truth": TRUTH, "logits": logits,
    }  # fmt: skip
    return Evaluation(**{**values, **changes})


def confidence(margin):
    return np.exp(margin) / (np.exp(margin) + 2)


class RecordingWorker:
    """A worker that records its requests and answers each with the same value."""

    def __init__(self, value):
        self.value, self.requests = value, []

    async def request(self, action, **arguments):
        self.requests.append((action, arguments))
        return self.value


@pytest.fixture
def catalog(tmp_path):
    """A catalog of the six images; the worker answers with the separation of the classes 0 and 2."""
    for name, label in zip("abcdef", TRUTH, strict=True):
        (tmp_path / NAMES[label]).mkdir(exist_ok=True)
        (tmp_path / NAMES[label] / f"{name}.png").write_bytes(png([[[label / 2, 0.0, 0.0]]]))
    store = ImageStore()
    paths = [tmp_path / NAMES[label] / f"{name}.png" for name, label in zip("abcdef", TRUTH, strict=True)]
    ids, _ = store.add_folder(tmp_path)
    by_name = {store.image(key).path.name: key for key in ids}
    ids = tuple(by_name[path.name] for path in paths)
    found = ClassSeparation(0, 2, "dense", 3, 3, 1, (), (), (), ())
    catalog = Catalog(RecordingWorker(found), store, DESCRIPTION, snippets=Snippets("net.keras"))
    catalog.images_listed.set()
    folder = ImageFolder(tuple(map(Path, paths)), tuple(NAMES[label] for label in TRUTH))
    catalog.scan_request = ScanRequest(ids, folder)
    yield catalog
    store.close()


def evidence_of(catalog, **scan):
    kinds = {"L0": ("alive", "dead", "dead", "dormant"), "L1": ("alive",) * 3}
    verdicts = {
        layer: tuple(VerdictBasis("relu", Verdict(kind, "", False), None, None) for kind in found)
        for layer, found in kinds.items()
    }
    accuracy = Accuracy(np.arange(6), TRUTH, PREDICTED)
    return ImageEvidence(catalog.scan_request.image_ids, SimpleNamespace(layers={}, **scan), verdicts, accuracy)


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, 20))


def test_before_an_evaluation_its_obstacle_is_known(catalog):
    service = EvaluationService(catalog)
    assert run(service.summary()) == {"ready": False, "obstacle": None}
    assert service.confidence("I0") is None
    catalog.scan_request = None
    assert run(service.summary())["obstacle"].startswith("no labeled images")
    with pytest.raises(UnknownNameError, match="there is no evaluation yet"):
        run(service.cell(0, 1))


def test_an_evaluation_in_numbers(catalog):
    service = EvaluationService(catalog)
    service.set(evaluation())
    found, ids = run(service.summary()), catalog.scan_request.image_ids
    assert (found["ready"], found["count"], found["share"]) == (True, 6, 0.5)
    assert (found["table"]["labels"], found["table"]["counts"]) == ([0, 1, 2], [[1, 2, 0], [1, 1, 0], [0, 0, 1]])
    assert found["table"]["orders"]["class"] == [0, 1, 2]
    assert found["pairs"] == [{"first": 0, "second": 1, "first_as_second": 2, "second_as_first": 1}]
    assert [each["image"] for each in found["mistakes"]] == [ids[1], ids[3], ids[0]]  # the most confident first
    assert [each["image"] for each in found["hits"]] == [ids[4], ids[2], ids[5]]  # the least confident first
    assert [(each["recall"], each["precision"]) for each in found["classes"]] == [(1 / 3, 0.5), (0.5, 1 / 3), (1, 1)]
    assert found["mistakes"][0]["confidence"] == pytest.approx(confidence(3.0))
    assert service.confidence(ids[5]) == pytest.approx(confidence(4.0))
    assert found["calibration"]["accuracy"] == 0.5
    assert sum(bar["images"]["height"] > 0 for bar in found["calibration"]["chart"]["bars"]) == 4  # different margins


def test_a_cell_has_its_images_the_most_confident_mistake_or_the_least_confident_hit_first(catalog):
    service = EvaluationService(catalog)
    service.set(evaluation())
    ids = catalog.scan_request.image_ids
    cell = run(service.cell(0, 1))
    assert (cell["count"], [each["image"] for each in cell["images"]]) == (2, [ids[1], ids[0]])
    assert [each["image"] for each in run(service.cell(2, 2))["images"]] == [ids[5]]
    assert run(service.cell(2, -1)) == {"count": 0, "images": []}
    for label, predicted in ((3, 0), (0, 3), (-1, 0)):
        with pytest.raises(UnknownNameError, match="the network has 3 classes"):
            run(service.cell(label, predicted))


def test_the_units_of_a_pair_are_those_of_the_evaluation_or_computed_once(catalog):
    service = EvaluationService(catalog)
    service.set(evaluation(separations=(ClassSeparation(0, 1, "conv", 4, 3, 2, (), (), (), ()),)))
    stored = run(service.separation(1, 0))
    assert (stored["layer"], stored["images_first"], catalog.worker.requests) == ("L0", 3, [])
    assert stored["command"] == "dreamfilters dream net.keras 'class:STOP - class:20'"
    for pair in ((2, 0), (0, 2)):
        assert run(service.separation(*pair))["layer"] == "L1"
    assert catalog.worker.requests == [("separate", {"priority": 2, "first": 0, "second": 2})]
    with pytest.raises(UnknownNameError, match="choose two classes"):
        run(service.separation(1, 1))
    service.set(None)
    with pytest.raises(UnknownNameError, match="there is no evaluation yet"):
        run(service.separation(0, 1))


def test_a_class_has_its_images_and_what_it_is_confused_with(catalog):
    service, ids = ClassService(catalog), catalog.scan_request.image_ids
    before = run(service.summary(0))
    assert ([each["image"] for each in before["images"]], before["right"]) == ([*ids[:3]], None)
    catalog.evidence = evidence_of(catalog)
    found = run(service.summary(0))
    assert (found["count"], found["right"]) == (3, 1)
    assert [each["mistake"] for each in found["images"]] == ["20", "20", None]
    assert found["confused"] == [{"number": 1, "predicted_as": 2, "predicted_from": 1}]
    assert run(service.summary(2))["confused"] == []
    with pytest.raises(UnknownNameError, match="has 3 units"):
        run(service.summary(3))


def test_the_units_that_carry_a_class_are_averaged_over_its_images_against_its_rival(catalog):
    catalog.worker.value, catalog.evidence = {"reason": None, "units": []}, evidence_of(catalog)
    service = ClassService(catalog)
    for _ in range(2):
        assert run(service.units(0)) == {"reason": None, "units": [], "images": 3, "against": 1}
    ((action, arguments),) = catalog.worker.requests
    assert (action, arguments["unit"], arguments["against"], arguments["image"].shape) == (
        "logit_units", 0, 1, (3, 2, 2, 3),
    )  # fmt: skip
    assert run(service.units(2))["against"] is None
    catalog.evidence = None
    catalog.scan_request = None
    with pytest.raises(ImageError, match="STOP: there are no images of this class"):
        run(service.units(0))


def test_the_overview_counts_verdicts_and_names_what_to_look_at(catalog):
    service = OverviewService(catalog, DreamQueue())
    assert run(service.overview()) == {"verdicts": {}, "look": []}
    catalog.evidence = evidence_of(catalog)
    found = run(service.overview())
    assert found["verdicts"] == {"L0": {"alive": 1, "dead": 2, "dormant": 1}, "L1": {"alive": 3}}
    pair, layer, worst = (
        next(each for each in found["look"] if each["kind"] == kind) for kind in ("pair", "layer", "class")
    )
    assert (pair["cell"], pair["text"]) == ([0, 1], "2 images of STOP predicted as “20”, 1 the other way round.")
    assert (layer["layer"], layer["only"], layer["text"]) == ("L0", "dead", "2 of the 4 units of conv are dead.")
    assert (worst["unit"], worst["text"]) == (0, "1 of 3 images of STOP predicted correctly.")


def test_a_poor_accuracy_and_a_selective_unit_are_looked_at(catalog):
    by_max = SimpleNamespace(selectivity=np.array([np.nan, 0.25, 0.75, 0.0]), class_means=np.eye(4)[:3])
    scan = SimpleNamespace(by_max=by_max)
    evidence = evidence_of(catalog, layer=lambda name: scan, outputs=3, classes=NAMES)
    evidence.scan.layers["conv"] = scan
    catalog.evidence = ImageEvidence(
        evidence.image_ids, evidence.scan, {}, Accuracy(np.arange(40), np.arange(40) % 2, np.zeros(40, int))
    )
    look = run(OverviewService(catalog, DreamQueue()).overview())["look"]
    assert look[0]["kind"] == "form"
    assert look[0]["text"].startswith("50 % of 40 labeled images are predicted correctly")
    unit = next(each for each in look if each["kind"] == "unit")
    assert (unit["layer"], unit["unit"]) == ("L0", 2)
    assert unit["text"] == "conv:2 responds to “30” more than to all other classes (class selectivity 0.75)."
