import asyncio
import itertools
from dataclasses import replace

import pytest

from dreamfilters.errors import TargetError, UnknownNameError
from dreamfilters.networks import LayerInfo
from dreamfilters.viewer.messages import CLASS_LAYER, JOB, Cancelled, NetworkDescription
from dreamfilters.viewer.services import explanation_service
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.explanation_service import ExplanationService
from dreamfilters.viewer.services.image_store import ImageStore
from dreamfilters.viewer.services.snippets import Snippets
from tests.viewer.http_client import png

CLASSES = LayerInfo("logits", "Dense", (2,), 2, "linear")
TEXT = LayerInfo("text", "Dense", (2,), 2, "linear", dreamable=False, reason="it does not depend on the image")
METHODS = [{"name": name, "meaning": "a test", "quick": name == "fast"} for name in ("fast", "slow")]
DESCRIPTION = NetworkDescription(
    {"classes": ["STOP", "20"], "attributions": METHODS, "form": {"text": "2x2", "interval": "[0, 1]"}},
    {CLASS_LAYER: CLASSES, "L1": TEXT}, {"L1": "text"}, ("STOP", "20"), ("class:STOP", "class:20"),
    (2, 2), 3, "bicubic", 16,
)  # fmt: skip


class RecordingWorker:
    """A worker that records its requests."""

    def __init__(self):
        self.requests = []

    def new_number(self):
        return 7

    async def request(self, action, *, priority, number, image, **arguments):
        self.requests.append((action, priority, arguments))
        return {"reason": None, "number": len(self.requests)}


class CancelableWorker(RecordingWorker):
    """A worker whose requests end only when they are canceled."""

    def __init__(self):
        super().__init__()
        self.waiting, self.numbers = {}, itertools.count()

    def new_number(self):
        return next(self.numbers)

    def cancel(self, number):
        self.waiting[number].set_exception(Cancelled())

    async def request(self, action, *, number, **arguments):
        self.waiting[number] = asyncio.get_running_loop().create_future()
        return await self.waiting[number]


@pytest.fixture
def run(tmp_path):
    """A function that runs a scenario with a service, its worker, its catalog and the id of an image in its folder."""
    folder = tmp_path / "my images"
    folder.mkdir()
    (folder / "a.png").write_bytes(png([[[1.0, 0.0, 0.0]]]))
    store = ImageStore()
    (image,), _ = store.add_folder(folder)

    def run(scenario):
        async def with_service():
            worker = RecordingWorker()
            catalog = Catalog(worker, store, DESCRIPTION, snippets=Snippets("net.keras"))
            catalog.images_listed.set()
            return await asyncio.wait_for(scenario(ExplanationService(catalog, folder), worker, catalog, image), 20)

        return asyncio.run(with_service())

    yield run
    store.close()


def test_a_heatmap_is_computed_once_for_each_image_target_method_and_comparison(run):
    async def scenario(service, worker, catalog, image):
        for unit, method, against in ((0, "fast", None), (0, "fast", 1), (1, "fast", None), (0, "slow", None)) * 2:
            await service.heatmap(CLASS_LAYER, unit, image, method, against)
        for against in (None, 1, None):
            await service.logit_units(0, image, against)
        return worker.requests

    requests = run(scenario)
    assert [(action, priority) for action, priority, _ in requests] == [
        *[("heatmap", 0)] * 3, ("slow_heatmap", 2), *[("logit_units", 2)] * 2,
    ]  # fmt: skip
    assert requests[1][2] == {
        "layer": CLASS_LAYER, "unit": 0, "method": "fast", "against": 1, "changes": (), "drawn": "",
    }  # fmt: skip


def test_a_heatmap_of_another_input_form_or_camera_frame_is_another_one(run):
    async def scenario(service, worker, catalog, image):
        for frame in (0.0, 1.0):
            camera = catalog.images.set_camera_frame(png([[[frame] * 3]])).id
            await service.heatmap(CLASS_LAYER, 0, camera, "fast")
        await service.heatmap(CLASS_LAYER, 0, image, "fast")
        form = {"text": "2x2", "interval": "[0, 255]"}
        catalog.description = replace(DESCRIPTION, values={**DESCRIPTION.values, "form": form})
        await service.heatmap(CLASS_LAYER, 0, image, "fast")
        return len(worker.requests)

    assert run(scenario) == 4


def test_unknown_names_and_units_without_gradient_are_refused_in_one_line(run):
    async def scenario(service, worker, catalog, image):
        for arguments, error, words in (
            (("L9", 0, image, "fast"), UnknownNameError, "no layer has this id"),
            ((CLASS_LAYER, 2, image, "fast"), UnknownNameError, "has 2 units"),
            ((CLASS_LAYER, 0, image, "fast", 2), UnknownNameError, "has 2 units"),
            ((CLASS_LAYER, 0, "I99", "fast"), UnknownNameError, "no image has this id"),
            ((CLASS_LAYER, 0, image, "fost"), UnknownNameError, "Close names: fast"),
            (("L1", 0, image, "fast"), TargetError, "text: no heatmap is possible: it does not depend on the image"),
        ):
            with pytest.raises(error, match=words):
                await service.heatmap(*arguments)
        return worker.requests

    assert run(scenario) == []


def test_an_explanation_has_the_command_and_the_code_that_make_it_again(run, tmp_path):
    async def scenario(service, worker, catalog, image):
        upload = catalog.images.add(png([[[0.0, 1.0, 0.0]]]), "b.png").id
        return [
            await service.heatmap(CLASS_LAYER, 0, image, "fast", 1),
            await service.heatmap(CLASS_LAYER, 0, upload, "slow"),
            await service.logit_units(0, image, 1),
        ]

    folder, upload, units = run(scenario)
    path = str(tmp_path / "my images" / "a.png")
    assert folder["command"] == (
        f"dreamfilters attribute net.keras class:STOP '{path}' --method fast --against class:20"
    )
    assert folder["python"] == (
        f"df.attribute(df.load('net.keras'), 'class:STOP', {path!r}, methods='fast', against='class:20')"
    )
    assert upload["command"] == "dreamfilters attribute net.keras class:STOP b.png --method slow"
    assert units["python"] == f"df.attribute_logit(df.load('net.keras'), {path!r}, 0, against=1)"


def test_trust_waits_for_everything_else_and_has_a_name_for_its_progress(run):
    async def scenario(service, worker, catalog, image):
        for against in (None, 1, None):
            await service.trust(CLASS_LAYER, 0, image, "slow", against)
        with pytest.raises(UnknownNameError, match="attribution method gone: there is none"):
            await service.trust(CLASS_LAYER, 0, image, "gone")
        with pytest.raises(TargetError, match="it does not depend on the image"):
            await service.trust("L1", 0, image, "slow")
        return worker.requests, image

    requests, image = run(scenario)
    assert [(action, priority, arguments["name"]) for action, priority, arguments in requests] == [
        ("trust", JOB, f"C:0:{image}:slow:"), ("trust", JOB, f"C:0:{image}:slow:1"),
    ]  # fmt: skip


def test_the_middle_of_an_image_and_a_drawn_signal_have_no_command(run, monkeypatch):
    monkeypatch.setattr(explanation_service, "BACKWARD", ("fast",))

    async def scenario(service, worker, catalog, image):
        drawn = await service.heatmap(CLASS_LAYER, 0, image, "fast", drawn="norm")
        middle = await service.heatmap(CLASS_LAYER, 0, f"{image}.cropped", "fast")
        units = await service.logit_units(0, f"{image}.cropped")
        for method, signal in (("fast", "nrm"), ("slow", "norm")):
            with pytest.raises(UnknownNameError, match=r"filter .* there is none\. Close names: .*norm"):
                await service.heatmap(CLASS_LAYER, 0, image, method, drawn=signal)
        return [drawn["command"], middle["command"], units["python"]], worker.requests

    texts, requests = run(scenario)
    assert texts == ["", "", ""]
    assert [arguments.get("drawn") for _, _, arguments in requests] == ["norm", "", None]


def test_the_measures_of_trust_are_canceled_and_can_be_computed_again(run):
    async def scenario(service, worker, catalog, image):
        catalog.worker = CancelableWorker()
        arguments = (CLASS_LAYER, 0, image, "slow")
        first, other = (asyncio.ensure_future(service.trust(*arguments, against)) for against in (None, 1))
        while len(catalog.worker.waiting) < 2:
            await asyncio.sleep(0)
        assert service.cancel_trust(CLASS_LAYER, 0, image, "fast") == {}  # nothing of this method is computed
        service.cancel_trust(*arguments)
        assert await first == {"reason": "canceled"}
        assert not other.done()
        service.cancel_trust(*arguments, 1)
        assert await other == {"reason": "canceled"}
        catalog.worker = worker
        return await service.trust(*arguments)

    assert run(scenario) == {"reason": None, "number": 1}
