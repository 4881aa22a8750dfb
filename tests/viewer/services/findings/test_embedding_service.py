import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from dreamfilters.errors import DamagedError, UnknownNameError
from dreamfilters.images import ImageFolder
from dreamfilters.viewer.messages import JobResult, NetworkDescription, ScanRequest
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.findings.embedding_service import EmbeddingService

# "1" is the name of class 0, and "other" that of no class.
VALUES = {
    "names": ["b.png", "gone.png"],
    "dreams": 0,
    "classes": ["1", "other"],
    "sheets": ["thumbnails-0.jpg"],
    "x": [0, 1],
}


def run(scenario, *, images=("a.png", "b.png")):
    async def with_service():
        description = NetworkDescription(
            {"classes": ["eins (one)", "zwei (two)"]}, {}, {}, ("1", "2"), ("class:1", "class:2"), (8, 8), 3,
            "bicubic", 16,
        )  # fmt: skip
        catalog = Catalog(None, None, description)
        catalog.images_listed.set()
        if images:
            folder = ImageFolder(tuple(map(Path, images)), ("",) * len(images))
            catalog.scan_request = ScanRequest(tuple(f"I{number}" for number in range(len(images))), folder)
        await asyncio.wait_for(scenario(EmbeddingService(catalog)), 20)

    asyncio.run(with_service())


def test_a_map_has_the_ids_of_its_images_the_titles_of_its_classes_and_its_thumbnails(tmp_path):
    (tmp_path / "thumbnails-0.jpg").write_bytes(b"0")
    (tmp_path / "secret.jpg").write_bytes(b"1")

    async def scenario(service):
        service.set(JobResult(tmp_path, (), "", embedding=VALUES))
        found = await service.summary()
        assert (found["ready"], found["images"], found["x"]) == (True, ["I1", None], [0, 1])
        assert found["classes"] == ["eins (one)", "other"]  # by name: 1 is not the number of the class
        assert found["sheets"] == ["api/embedding/sheets/0.jpg?v=1"]
        assert await service.sheet(0) == b"0"
        for number in (-1, 1):
            with pytest.raises(UnknownNameError, match="the embedding has 1"):
                await service.sheet(number)
        (tmp_path / "thumbnails-0.jpg").unlink()
        with pytest.raises(DamagedError):
            await service.sheet(0)
        service.set(JobResult(tmp_path, (), "", embedding=VALUES))
        assert (await service.summary())["sheets"] == ["api/embedding/sheets/0.jpg?v=2"]  # not from a browser's cache

    run(scenario)


def test_dreams_lead_to_their_units_and_never_to_an_image_of_that_name(tmp_path):
    names = ["b.png", "class:2", "a b:3", "a b:x", "gone:1", "b.png"]

    async def scenario(service):
        service.catalog.description = replace(service.catalog.description, layer_targets={"L4": "a b"})
        service.set(JobResult(tmp_path, (), "", embedding={**VALUES, "names": names, "dreams": 5}))
        found = await service.summary()
        assert found["images"] == ["I1", None, None, None, None, None]
        assert found["units"] == [("C", 1), ("L4", 3), None, None, None]

    run(scenario)


def test_without_an_embedding_the_page_says_what_is_missing():
    async def before(service):
        assert await service.summary() == {"ready": False, "obstacle": None}
        with pytest.raises(UnknownNameError, match="the embedding has 0"):
            await service.sheet(0)

    async def without_images(service):
        assert (await service.summary())["obstacle"] == "there are no images; start the viewer with a folder of images"

    run(before)
    run(without_images, images=())
