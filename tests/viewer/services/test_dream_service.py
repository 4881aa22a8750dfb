"""Dreams that nobody waits for."""

import asyncio

import pytest

from dreamfilters.errors import TargetError, UnknownNameError
from dreamfilters.networks import LayerInfo
from dreamfilters.viewer.messages import BACKGROUND, NetworkDescription
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.dream_service import DreamService
from dreamfilters.viewer.services.event_hub import EventHub
from dreamfilters.viewer.services.snippets import Snippets
from tests.viewer.http_client import png

CONV = LayerInfo("conv", "Conv2D", (4, 4, 9), 9, "relu")
FIXED = LayerInfo("fixed", "Lambda", (4,), 4, None, dreamable=False, reason="it has no gradient")
DONE = {
    "steps": 1, "score": 1.0, "history": [1.0], "note": "", "activated": True, "recovered_by": "",
    "png": png([[1.0]]), "map": {"values": [[1.0]]}, "maximum": 1.0, "prediction": None, "appearance": "",
}  # fmt: skip


class WaitingWorker:
    """A worker that records its dreams and finishes each when a test says so."""

    def __init__(self):
        self.dreams, self.replies = [], []

    def new_number(self):
        return len(self.dreams)

    def cancel(self, number):
        pass

    async def request(self, action, *, priority, number, request):
        self.dreams.append((request.unit, priority))
        self.replies.append(asyncio.get_running_loop().create_future())
        return await self.replies[-1]


def run(scenario):
    async def with_service():
        description = NetworkDescription(
            {}, {"L0": CONV, "L1": FIXED}, {"L0": "conv", "L1": "fixed"}, (), (), (8, 8), 3, "bicubic", 16
        )
        worker = WaitingWorker()
        catalog = Catalog(worker, None, description, snippets=Snippets("net.keras"))
        await asyncio.wait_for(scenario(DreamService(catalog, EventHub(), None, asyncio.ensure_future), worker), 20)

    asyncio.run(with_service())


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def test_units_are_dreamed_one_after_the_other_and_later_ones_take_the_place_of_those_that_wait():
    async def scenario(service, worker):
        await service.start_in_background("L0", [3, 4, 5])
        await settle()
        assert (worker.dreams, [dream.in_background for dream in service.queue.of()]) == ([(3, BACKGROUND)], [True])
        await service.start_in_background("L0", [3, 7])
        worker.replies[0].set_result(DONE)
        await settle()
        assert [unit for unit, _ in worker.dreams] == [3, 7]  # 3 has a dream, 4 and 5 no longer wait
        await service.start("L0", 8, "", 0)
        await settle()
        assert worker.dreams[-1] == (8, 1)  # somebody waits for it
        await service.start_in_background("L0", [8])
        worker.replies[1].set_result(DONE)
        await settle()
        assert len(worker.dreams) == 3

    run(scenario)


def test_all_dreams_are_dropped_with_those_that_wait():
    async def scenario(service, worker):
        await service.start_in_background("L0", [0, 1])
        await settle()
        service.drop_all()
        worker.replies[0].set_result(DONE)
        await settle()
        assert (worker.dreams, service.queue.of()) == ([(0, BACKGROUND)], [])

    run(scenario)


@pytest.mark.parametrize(("layer", "unit", "error"), [("L0", 9, UnknownNameError), ("L1", 0, TargetError)])
def test_units_that_cannot_be_dreamed_are_refused(layer, unit, error):
    async def scenario(service, worker):
        with pytest.raises(error):
            await service.start_in_background(layer, [unit])
        await settle()
        assert worker.dreams == []

    run(scenario)
