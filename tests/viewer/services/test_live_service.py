import asyncio

import pytest

from dreamfilters.errors import ImageError, TargetError, UnknownNameError
from dreamfilters.networks import LayerInfo
from dreamfilters.viewer.messages import NetworkDescription
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.explanation_service import ExplanationService
from dreamfilters.viewer.services.image_service import ImageService
from dreamfilters.viewer.services.image_store import ImageStore
from dreamfilters.viewer.services.live_service import LiveService
from dreamfilters.viewer.services.snippets import Snippets
from tests.viewer.http_client import png

CONV = LayerInfo("conv", "Conv2D", (2, 2, 4), 4, "relu")
TEXT = LayerInfo("text", "Dense", (2,), 2, "linear", dreamable=False, reason="it does not depend on the image")
METHODS = [{"name": "gradient", "meaning": "a test", "quick": True}]
FORM = {"text": "2x2", "interval": "[0, 1]"}
DESCRIPTION = NetworkDescription(
    {"classes": [], "attributions": METHODS, "form": FORM}, {"L0": CONV, "L1": TEXT}, {"L0": "conv", "L1": "text"},
    (), (), (2, 2), 3, "bicubic", 16,
)  # fmt: skip


class SlowWorker:
    """A worker that replies once `may_reply` is set; it records the shade of each frame and the changed units."""

    def __init__(self):
        self.shades, self.changes, self.may_reply = [], [], asyncio.Event()

    async def request(self, action, *, image, method, changes, **arguments):
        self.shades.append(round(float(image[0, 0, 0]), 1))
        self.changes.append([str(each) for each in changes])
        await self.may_reply.wait()
        return {"map": {}, "classes": [], "heatmap": {"reason": None} if method else None}


@pytest.fixture
def run():
    """A function that runs a scenario with a service, its worker and its store."""
    store = ImageStore()

    def run(scenario):
        async def with_service():
            worker = SlowWorker()
            catalog = Catalog(worker, store, DESCRIPTION, snippets=Snippets("net.keras"))
            catalog.images_listed.set()
            images = ImageService(catalog, 5, lambda image: None, lambda: None)
            service = LiveService(catalog, images, ExplanationService(catalog, None), 5)
            return await asyncio.wait_for(scenario(service, worker), 20)

        return asyncio.run(with_service())

    yield run
    store.close()


def frame(shade):
    return png([[[shade] * 3]])


def test_frames_are_dropped_and_never_queued(run):
    async def scenario(service, worker):
        sent = []
        for shade in (0.0, 0.2, 0.4, 0.6):  # the first is computed; each of the others replaces the one that waits
            sent.append(asyncio.ensure_future(service.frame(frame(shade), "L0", 1)))
            while not worker.shades:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        before = list(worker.shades)
        worker.may_reply.set()
        found = await asyncio.gather(*sent)
        return before, worker.shades, [each["dropped"] for each in found], found[-1]["image"]["version"]

    before, shades, dropped, version = run(scenario)
    assert before == [0.0]
    assert shades == [0.0, 0.6]
    assert dropped == [False, True, True, False]
    assert version == 1


def test_a_frame_that_fails_does_not_stop_the_next_one(run):
    async def scenario(service, worker):
        worker.may_reply.set()
        with pytest.raises(ImageError, match="webcam"):
            await service.frame(b"no image", "L0", 1)
        return await service.frame(frame(1.0), "L0", 1, "gradient", "L0:3:0,L0:2:2.5,L0:1:1")

    found = run(scenario)
    assert found["heatmap"] == {"reason": None, "command": "", "python": ""}  # no command makes a changed network


def test_changed_units_are_passed_on_and_those_of_factor_1_left_out(run):
    async def scenario(service, worker):
        worker.may_reply.set()
        found = await service.frame(frame(1.0), "L0", 1, "gradient")
        await service.frame(frame(1.0), "L0", 1, "", "L0:3:0,L0:2:2.5,L0:1:1")
        return found["heatmap"]["command"], worker.changes

    command, changes = run(scenario)
    assert command == "dreamfilters attribute net.keras conv:1 webcam --method gradient"
    assert changes == [[], ["conv:3 ablated", "conv:2 × 2.5"]]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("L9", 0), UnknownNameError, "no layer has this id"),
        (("L0", 4), UnknownNameError, "the layer has 4 units"),
        (("L0", 0, "gradeint"), UnknownNameError, "Close names: gradient"),
        (("L0", 0, "rise"), UnknownNameError, "backward pass rise: there is none"),  # it takes a thousand passes
        (("L1", 0, "gradient"), TargetError, "it does not depend on the image"),
        (("L0", 0, "", "L0:4:0"), UnknownNameError, "the layer has 4 units"),
        (("L0", 0, "", "L0:1:nan"), TargetError, "factor nan; a number from 0"),
        (("L0", 0, "", "L0:1:inf"), TargetError, "factor inf"),
        (("L0", 0, "", "L0:1:-2"), TargetError, "factor -2"),
        (("L0", 0, "", "L0:1:1e9"), TargetError, "to 1000"),
        (("L0", 0, "", "L0:1:two"), TargetError, "change L0:1:two: expected layer:unit:factor"),
        (("L0", 0, "", "L0:1:1e999"), TargetError, "factor inf"),
        (("L0", 0, "", "L0:1:0\n"), TargetError, "expected layer:unit:factor"),
        (("L0", 0, "", "../x:1:0"), TargetError, "expected layer:unit:factor"),
        (("L0", 0, "", "L0:1:0," * 17), TargetError, "18 changed units: at most 16"),
    ],
)
def test_what_does_not_exist_is_refused_in_one_line_before_the_frame_is_stored(run, arguments, error, words):
    async def scenario(service, worker):
        with pytest.raises(error, match=words) as raised:
            await service.frame(frame(1.0), *arguments)
        return str(raised.value), worker.shades, service._catalog.images.listed()

    message, shades, images = run(scenario)
    assert "\n" not in message
    assert (shades, images) == ([], [])
