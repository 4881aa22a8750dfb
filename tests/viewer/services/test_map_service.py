import asyncio

import pytest

from dreamfilters.viewer.messages import LayerMaps, NetworkDescription
from dreamfilters.viewer.services.image_store import ImageStore
from dreamfilters.viewer.services.map_service import MapService
from dreamfilters.viewer.services.registry import Registry
from tests.viewer.visiting import png

RED = [[[1.0, 0.0, 0.0]]]
FACTS = NetworkDescription(
    {"layers": [{"id": "L0", "name": "conv", "units": 1, "display": "maps"}], "classes": []},
    {"L0": "conv"}, {"L0": "conv"}, {"L0": None}, (), (2, 2), 3, "bicubic",
)  # fmt: skip


class Owner:
    """Counts what it is asked; the answer tells the image."""

    def __init__(self):
        self.asked, self.may = [], asyncio.Event()

    async def ask(self, deed, **arguments):
        self.asked.append((deed, arguments["key"]))
        await self.may.wait()
        return LayerMaps({"units": 1}, bytes(str(arguments["image"][0, 0].tolist()), "ascii"))


@pytest.fixture
def seen():
    """A function from a story with sights and their owner to what it returns."""
    gallery = ImageStore()

    def run(story):
        async def whole():
            owner = Owner()
            directory = Registry(owner, gallery, FACTS)
            directory.images_known.set()
            return await asyncio.wait_for(story(MapService(directory, lambda: None), owner), 20)

        return asyncio.run(whole())

    yield run
    gallery.close()


def test_many_who_ask_for_the_same_map_wait_for_one_computation_and_later_ones_for_none(seen):
    async def story(sights, owner):
        image = (await sights.add(png(RED), "red"))["id"]
        waiting = [asyncio.ensure_future(sights.sheet("L0", image)) for _ in range(5)]
        while not owner.asked:
            await asyncio.sleep(0.01)
        waiting[0].cancel()  # one who leaves does not end it for the others
        owner.may.set()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        return len(owner.asked), found[1:], await sights.sheet("L0", image), len(owner.asked)

    before, found, later, after = seen(story)
    assert (before, after) == (1, 1)
    assert found == [b"[1.0, 0.0, 0.0]"] * 4
    assert later == found[0]


def test_a_webcams_maps_are_of_its_latest_image(seen):
    async def story(sights, owner):
        owner.may.set()
        found = []
        for shade in (0.0, 1.0):
            image = (await sights.frame(png([[[shade] * 3]])))["id"]
            found.append(await sights.sheet("L0", image))
        return found

    assert seen(story) == [b"[0.0, 0.0, 0.0]", b"[1.0, 1.0, 1.0]"]
