"""A filled-in form becomes the job of its command; what does not fit is refused in one line."""

import asyncio
import shlex
from pathlib import Path

import numpy as np
import pytest

from dreamfilters.errors import ImageError, RecipeError, TargetError, UnknownNameError
from dreamfilters.networks import LayerInfo
from dreamfilters.techniques.forms.registry import TECHNIQUES
from dreamfilters.viewer.messages import JobResult, NetworkDescription, ScanRequest
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.event_hub import EventHub
from dreamfilters.viewer.services.image_store import ImageStore
from dreamfilters.viewer.services.jobs.job_service import JobService
from dreamfilters.viewer.services.jobs.technique_service import TechniqueService
from dreamfilters.viewer.services.snippets import Snippets
from tests.viewer.http_client import png
from tests.viewer.services.jobs.test_job_service import WaitingWorker, settle

CONV = LayerInfo("conv", "Conv2D", (4, 4, 3), 3, "relu")
FIXED = LayerInfo("fixed", "Lambda", (4,), 4, None, dreamable=False, reason="it has no gradient")
HOSTILE = LayerInfo("<b>'; rm -rf", "Conv2D", (4, 4, 3), 3, "relu")
CLASSES = LayerInfo("logits", "Dense", (2,), 2, "linear")
DESCRIPTION = NetworkDescription(
    {"name": "net", "classes": ["a", "b"], "techniques": [each.as_values() for each in TECHNIQUES.values()],
     "layers": [{"id": key, "kernels": key in ("L0", "L2")} for key in ("L0", "L1", "L2", "C")]},
    {"L0": CONV, "L1": FIXED, "L2": HOSTILE, "C": CLASSES},
    {"L0": "conv", "L1": "fixed", "L2": f'"{HOSTILE.name}"'},
    ("a", "b"), ("class:a", "class:b"), (8, 8), 3, "bicubic", 16,
)  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """A function that runs a scenario with a service, its worker and its images, of which the last is an upload."""
    folder = tmp_path / "images"
    (folder / "a").mkdir(parents=True)
    for number in range(2):
        (folder / "a" / f"{number}.png").write_bytes(png(np.full((4, 8, 3), number / 2)))
    store = ImageStore()

    def run(scenario, *, with_folder=True):
        async def with_service():
            worker = WaitingWorker()
            catalog = Catalog(worker, store, DESCRIPTION, snippets=Snippets("net.keras"))
            ids, found = store.add_folder(folder)
            ids = (*ids, store.add(png(np.ones((4, 8, 3))), "up.png").id)
            catalog.images_listed.set()
            catalog.scan_request = ScanRequest(ids[:2], found) if with_folder else None
            jobs = JobService(catalog, EventHub(), asyncio.ensure_future, Path("images"), None, None, lambda _: None)
            service = TechniqueService(catalog, jobs, Path("images"))
            await asyncio.wait_for(scenario(service, worker, ids), 20)

        asyncio.run(with_service())

    yield run
    store.close()


def test_a_form_becomes_the_job_of_the_command_with_the_same_arguments(run):
    async def scenario(service, worker, ids):
        values = {"target": "C:1", "radius": 4, "steps": 20, "norm": "linf"}
        job = await service.start("fool", ids[0], values=values)
        assert (job["kind"], job["phase"], job["targets"]) == ("technique", "queued", ["0.png"])
        assert job["technique"] == {"name": "fool", "image": ids[0], "layer": "", "unit": 0, "values": values}
        assert job["command"] == "dreamfilters fool net.keras class:b images/a/0.png --radius 4/255 --steps 20"
        assert (await service.start("fool", ids[0], values=values))["id"] == job["id"]
        assert (await service.start("fool", ids[1], values=values))["id"] != job["id"]
        await settle()
        (_, first), _ = worker.requests
        request = first["request"]
        assert (request.technique.name, request.technique.image.path.name) == ("fool", "0.png")
        assert dict(request.technique.values) == {
            "target": "class:b", "norm": "linf", "radius": 4.0, "confidence": 0.99, "steps": 20, "seed": 0
        }  # fmt: skip
        assert (request.images, request.technique.image.values) == (None, None)

    run(scenario)


def test_noise_needs_no_image_and_a_unit_needs_the_folder(run):
    async def scenario(service, worker, ids):
        noise = await service.start("fool", values={"target": "C:0"})
        assert (noise["targets"], noise["command"]) == (["noise"], "dreamfilters fool net.keras class:a")
        unit = await service.start("unit", layer="L0", unit=2, values={"recipe": "fast"})
        assert (unit["targets"], unit["command"]) == (
            ["conv:2"], "dreamfilters unit net.keras conv:2 images --recipe fast",
        )  # fmt: skip
        await settle()
        request = worker.requests[1][1]["request"]
        assert (request.technique.target, request.technique.image, len(request.images.images)) == ("conv:2", None, 2)
        with pytest.raises(ImageError, match="choose an image that it starts from"):
            await service.start("segment")
        with pytest.raises(TargetError, match="no dream is possible"):
            await service.start("facets", layer="L1", unit=0)

    run(scenario)

    async def alone(service, worker, ids):
        with pytest.raises(ImageError, match="there are no images"):
            await service.start("unit", layer="L0", unit=0)

    run(alone, with_folder=False)


def test_layers_units_and_a_second_image_are_named_as_the_command_names_them(run):
    async def scenario(service, worker, ids):
        job = await service.start("segment", ids[0], values={"target": "L0:1", "foreground": 0.9})
        assert shlex.split(job["command"])[3:] == ["images/a/0.png", "--target", "conv:1", "--foreground", "0.9"]
        job = await service.start("style", ids[0], values={"style": ids[1], "style_layers": ["L0", "L0"]})
        assert shlex.split(job["command"])[3:] == ["images/a/0.png", "images/a/1.png", "--style-layers", "conv"]
        await settle()
        values = dict(worker.requests[1][1]["request"].technique.values)
        assert (values["style_layers"], values["content_layer"], values["style"].name) == (("conv",), None, "1.png")

    run(scenario)


def test_a_deepdream_is_the_command_dream_with_the_image_as_its_start(run):
    async def scenario(service, worker, ids):
        job = await service.start("deepdream", ids[0], values={"layer": "L0"})
        assert job["targets"] == ["0.png"]
        assert job["command"] == ("dreamfilters dream net.keras layer:conv --recipe deepdream --start images/a/0.png")
        values = {"layer": "L2", "steps": 20, "octaves": 2, "size": 64, "frames": 5, "seed": 3}
        job = await service.start("deepdream", ids[0], values=values)
        words = shlex.split(job["command"])
        assert words[3:8] == [f'layer:"{HOSTILE.name}"', "--recipe", "deepdream", "--start", "images/a/0.png"]
        assert words[8:] == [
            "--set", "steps=20", "--set", "octaves=2", "--size", "64", "--frames", "5", "--seed", "3",
        ]  # fmt: skip
        await settle()
        assert dict(worker.requests[0][1]["request"].technique.values) == {
            "layer": "layer:conv", "steps": 10, "octaves": 4, "size": None, "frames": 0, "seed": 0,
        }  # fmt: skip
        with pytest.raises(ImageError, match="DeepDream: choose an image that it starts from"):
            await service.start("deepdream", values={"layer": "L0"})

    run(scenario)


def test_the_weights_need_neither_an_image_nor_a_folder(run):
    async def scenario(service, worker, ids):
        job = await service.start("weights", values={"layer": "L0"})
        assert (job["targets"], job["technique"]["image"]) == (["conv"], "")
        assert job["command"] == "dreamfilters weights net.keras conv --out outputs/weights"
        assert (await service.start("weights", values={"layer": "L2"}))["targets"] == [HOSTILE.name]
        await settle()
        request = worker.requests[0][1]["request"]
        assert (request.images, request.technique.image, request.technique.target) == (None, None, "")

    run(scenario, with_folder=False)


def test_an_upload_and_a_cropped_image_are_sent_as_values(run):
    async def scenario(service, worker, ids):
        upload = await service.start("invert", ids[2])
        assert (upload["targets"], upload["command"]) == (["up.png"], "dreamfilters invert net.keras up.png")
        cropped = await service.start("invert", f"{ids[0]}.cropped")
        assert (cropped["targets"], cropped["command"]) == (["0.png"], "")  # no command crops
        await settle()
        shapes = [arguments["request"].technique.image.values.shape for _, arguments in worker.requests]
        assert shapes == [(4, 8, 3), (4, 4, 3)]

    run(scenario)


@pytest.mark.parametrize(
    ("name", "values", "error", "words"),
    [
        ("fool", {}, RecipeError, "Class: choose one"),
        ("fool", {"target": "C:2"}, UnknownNameError, "has no such unit"),
        ("fool", {"target": "L0:1"}, TargetError, "must be a class"),
        ("fool", {"target": 3}, RecipeError, "Class 3: expected a class"),
        ("fool", {"target": "C:0", "norm": "l3"}, UnknownNameError, "Close names: l2"),
        ("fool", {"target": "C:0", "steps": 0}, RecipeError, "Steps 0: must be from 1 to 5000"),
        ("fool", {"target": "C:0", "steps": 2.5}, RecipeError, "expected a whole number"),
        ("fool", {"target": "C:0", "steps": True}, RecipeError, "expected a whole number"),
        ("fool", {"target": "C:0", "radius": float("inf")}, RecipeError, "must be from 0.1 to 255"),
        ("fool", {"target": "C:0", "radius": 10**400}, RecipeError, "Gray levels 1000.*: expected a number"),
        ("fool", {"target": "C:0", "stepz": 3}, RecipeError, "has no argument 'stepz'. Close names: steps"),
        ("style", {"style": "I99"}, UnknownNameError, "no image has this id"),
        ("style", {"style": "I0", "weight": -1}, RecipeError, "Weight -1: must be at least 0"),
        ("invert", {"layers": "conv"}, RecipeError, "Layers conv: expected a list of layers"),
        ("invert", {"layers": ["L7"]}, UnknownNameError, "Layers L7: no layer has this id"),
        ("segment", {"target": "L1:0"}, TargetError, "it has no gradient"),
        ("segment", {"method": "\x1b[31m"}, UnknownNameError, r"Saliency \\x1b\[31m: there is none"),
        ("fooll", {}, UnknownNameError, "Close names: fool"),
        ("weights", {}, RecipeError, "Layer: choose one"),
        ("weights", {"layer": "L1"}, TargetError, "Layer fixed: has no kernels to draw"),
        ("weights", {"layer": "C"}, UnknownNameError, "Layer C: no layer has this id"),
        ("deepdream", {"layer": "L1"}, TargetError, "fixed: no dream is possible: it has no gradient"),
        ("deepdream", {"layer": ["L0"]}, UnknownNameError, "no layer has this id"),
        ("deepdream", {"layer": "L0", "size": 8}, RecipeError, "Size 8: must be from 16 to 1024"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(run, name, values, error, words):
    async def scenario(service, worker, ids):
        with pytest.raises(error, match=words) as refused:
            await service.start(name, ids[0], values=values)
        assert str(refused.value).isprintable()
        assert service.jobs.listed() == []

    run(scenario)


def test_the_files_of_a_result_are_those_of_its_run(run, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "strip.png").write_bytes(b"strip")
    (tmp_path / "index.html").write_text('<a href="one/strip.png"><img src="one/strip.png"></a>')
    (tmp_path / "secret.png").write_bytes(b"other")

    async def scenario(service, worker, ids):
        await service.start("invert", ids[0])
        await settle()
        results = ({"name": "<b>", "text": "t", "strip": "one/strip.png"},)
        files = ("index.html", "one/strip.png")
        worker.replies[0].set_result(JobResult(tmp_path, files, "t", results=results))
        await settle()
        (done,) = service.jobs.listed()
        assert (done["phase"], done["results"]) == ("done", list(results))
        assert await service.jobs.file("J0", "one/strip.png") == b"strip"
        assert b'src="data:image/png;base64,' in await service.jobs.file("J0", "index.html")
        for name in ("secret.png", "one/../secret.png", "one", "one/"):
            with pytest.raises(UnknownNameError, match="has no such file"):
                await service.jobs.file("J0", name)

    run(scenario)
