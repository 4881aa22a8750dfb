import asyncio

import pytest

from dreamfilters.networks import LayerInfo
from dreamfilters.viewer.messages import LayerMaps, NetworkDescription
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.image_service import ImageService
from dreamfilters.viewer.services.image_store import ImageStore
from tests.viewer.http_client import png

RED = [[[1.0, 0.0, 0.0]]]
CONV = LayerInfo("conv", "Conv2D", (2, 2, 1), 1, "relu")
DESCRIPTION = NetworkDescription({"classes": []}, {"L0": CONV}, {"L0": "conv"}, (), (), (2, 2), 3, "bicubic", 16)


class CountingWorker:
    """A worker whose maps hold the color of the image; it counts its requests and replies once `may_reply` is set."""

    def __init__(self):
        self.requests, self.first_request, self.may_reply = 0, asyncio.Event(), asyncio.Event()

    async def request(self, action, **arguments):
        self.requests += 1
        self.first_request.set()
        await self.may_reply.wait()
        return LayerMaps({"units": 1}, bytes(str(arguments["image"][0, 0].tolist()), "ascii"))


@pytest.fixture
def run():
    """A function that runs a scenario with a service and its worker."""
    store = ImageStore()

    def run(scenario):
        async def with_service():
            worker = CountingWorker()
            catalog = Catalog(worker, store, DESCRIPTION)
            catalog.images_listed.set()
            return await asyncio.wait_for(
                scenario(ImageService(catalog, 5, lambda image: None, lambda: None), worker), 20
            )

        return asyncio.run(with_service())

    yield run
    store.close()


def test_simultaneous_requests_for_the_same_maps_share_one_computation_and_later_ones_use_the_cache(run):
    async def scenario(service, worker):
        image = (await service.add(png(RED), "red"))["id"]
        waiting = [asyncio.ensure_future(service.map_sheet("L0", image)) for _ in range(5)]
        await worker.first_request.wait()
        waiting[0].cancel()  # must not end the computation for the others
        worker.may_reply.set()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        return worker.requests, found[1:], await service.map_sheet("L0", image), worker.requests

    before, found, later, after = run(scenario)
    assert (before, after) == (1, 1)
    assert found == [b"[1.0, 0.0, 0.0]"] * 4
    assert later == found[0]


def test_the_maps_of_the_camera_are_of_its_latest_frame(run):
    async def scenario(service, worker):
        worker.may_reply.set()
        found = []
        for shade in (0.0, 1.0):
            image = (await service.set_camera_frame(png([[[shade] * 3]])))["id"]
            found.append(await service.map_sheet("L0", image))
        return found

    assert run(scenario) == [b"[0.0, 0.0, 0.0]", b"[1.0, 1.0, 1.0]"]
