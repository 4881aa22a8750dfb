import asyncio
from pathlib import Path

import pytest

from dreamfilters.errors import DamagedError, ImageError, ModelError, OutputError, TargetError, UnknownNameError
from dreamfilters.images import ImageFolder
from dreamfilters.networks import LayerInfo
from dreamfilters.viewer.messages import JOB, BusyError, JobResult, NetworkDescription, ScanRequest
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.event_hub import EventHub
from dreamfilters.viewer.services.jobs.job_service import JobService
from dreamfilters.viewer.services.snippets import Snippets

CONV = LayerInfo("conv", "Conv2D", (4, 4, 3), 3, "relu")
FIXED = LayerInfo("fixed", "Lambda", (4,), 4, None, dreamable=False, reason="it has no gradient")


class WaitingWorker:
    """A worker whose requests wait until a test answers them."""

    def __init__(self):
        self.requests, self.canceled, self.replies, self.count = [], [], [], 0

    def new_number(self):
        self.count += 1
        return self.count

    def cancel(self, number):
        self.canceled.append(number)

    async def request(self, action, **arguments):
        self.requests.append((action, arguments))
        self.replies.append(asyncio.get_running_loop().create_future())
        return await self.replies[-1]


def run(scenario, *, labels=("a", "b"), is_classifier=True, images=Path("images"), out=None, options=()):
    """Run a scenario with a service, its worker and the list of its results."""

    async def with_service():
        description = NetworkDescription(
            {"name": "net", "is_classifier": is_classifier}, {"L0": CONV, "L1": FIXED}, {"L0": "conv", "L1": "fixed"},
            (), (), (8, 8), 3, "bicubic", 16,
        )  # fmt: skip
        worker, results = WaitingWorker(), []
        catalog = Catalog(worker, None, description, snippets=Snippets("net.keras", options))
        catalog.images_listed.set()
        names = tuple(f"{number}.png" for number in range(len(labels)))
        catalog.scan_request = ScanRequest(names, ImageFolder(tuple(map(Path, names)), labels)) if names else None
        spawn = asyncio.ensure_future
        service = JobService(catalog, EventHub(), spawn, images, Path("labels.csv"), out, results.append)
        await asyncio.wait_for(scenario(service, worker, results), 20)

    asyncio.run(with_service())


async def settle():
    for _ in range(3):
        await asyncio.sleep(0)


def test_a_job_has_the_options_on_the_model_for_its_page():
    async def scenario(service, worker, results):
        await service.start("evaluate")
        await settle()
        assert worker.requests[0][1]["request"].options == ("--form", "a form.toml", "--trust")

    run(scenario, options=(("form", "a form.toml"), ("trust", True)))


def test_a_job_is_started_once_reports_its_progress_and_ends_with_its_result(tmp_path):
    (tmp_path / "index.html").write_text("the page")
    (tmp_path / "secret.txt").write_text("not of the run")

    async def scenario(service, worker, results):
        job = await service.start("evaluate")
        assert (job["id"], job["phase"], job["command"]) == (
            "J0", "queued", "dreamfilters evaluate net.keras images --labels labels.csv",
        )  # fmt: skip
        assert (await service.start("evaluate"))["id"] == "J0"
        await settle()
        ((action, arguments),) = worker.requests
        assert (action, arguments["priority"], arguments["request"].kind) == ("job", JOB, "evaluate")
        service.on_progress({"id": "J0", "share": 0.25, "note": "a.png"})
        service.on_progress({"id": "J7", "share": 0.5, "note": "of no job"})
        assert [(each["phase"], each["share"], each["note"]) for each in service.listed()] == [
            ("running", 0.25, "a.png")
        ]
        worker.replies[0].set_result(JobResult(tmp_path, ("index.html", "gone.csv"), "all is well"))
        await settle()
        (done,) = service.listed()
        assert (done["phase"], done["share"], done["note"], done["folder"], done["files"]) == (
            "done", 1.0, "all is well", str(tmp_path), ["index.html", "gone.csv"],
        )  # fmt: skip
        assert [result.line for result in results] == ["all is well"]
        assert await service.file("J0", "index.html") == b"the page"
        for name in ("secret.txt", "../index.html", "", "index.html\n"):
            with pytest.raises(UnknownNameError, match="has no such file"):
                await service.file("J0", name)
        with pytest.raises(DamagedError):
            await service.file("J0", "gone.csv")
        assert (await service.start("evaluate"))["id"] == "J1"

    run(scenario)


def test_a_canceled_job_has_no_result_even_if_it_arrives(tmp_path):
    async def scenario(service, worker, results):
        await service.start("audit")
        await settle()
        assert service.cancel("J0")["phase"] == "cancelled"
        assert worker.canceled == [1]
        service.on_progress({"id": "J0", "share": 0.5, "note": "late"})
        worker.replies[0].set_result(JobResult(tmp_path, (), "late"))
        await settle()
        assert (service.listed()[0]["phase"], service.cancel("J0")["phase"], results) == ("cancelled", "cancelled", [])
        with pytest.raises(UnknownNameError, match="no job has this id"):
            service.cancel("J9")

    run(scenario)


def test_the_error_of_a_job_is_its_note():
    async def scenario(service, worker, results):
        await service.start("audit")
        await settle()
        worker.replies[0].set_exception(OutputError("outputs: cannot be written"))
        await settle()
        (failed,) = service.listed()
        assert (failed["phase"], failed["note"]) == ("failed", "outputs: cannot be written")

    run(scenario)


def test_a_comparison_names_its_units_as_the_command_does(tmp_path):
    async def scenario(service, worker, results):
        job = await service.start("compare", "L0", [2, 0, 2])
        assert (job["targets"], job["command"]) == (
            ["conv:2", "conv:0"], "dreamfilters compare net.keras conv:2 conv:0 images --labels labels.csv",
        )  # fmt: skip
        await settle()
        assert worker.requests[0][1]["request"].out == tmp_path
        assert (await service.start("audit"))["command"] == "dreamfilters audit net.keras images"
        for layer, units, error, words in (
            ("L0", [], TargetError, "0 units: from 1 to 32"),
            ("L0", [0] * 33, TargetError, "33 units"),
            ("L0", [3], UnknownNameError, "has 3 units"),
            ("L9", [0], UnknownNameError, "no layer has this id"),
            ("L1", [0], TargetError, "it has no gradient"),
        ):
            with pytest.raises(error, match=words):
                await service.start("compare", layer, units)

    run(scenario, out=tmp_path)


@pytest.mark.parametrize(
    ("kind", "labels", "is_classifier", "error", "words"),
    [
        ("evaluate", ("", ""), True, ImageError, "no labeled images"),
        ("evaluate", ("a", "b"), False, ModelError, "not one number for each of several classes"),
        ("audit", (), True, ImageError, "there are no images"),
        ("evaluete", ("a", "b"), True, UnknownNameError, "Close names: evaluate"),
    ],
)
def test_work_without_what_it_needs_is_refused_in_one_line(kind, labels, is_classifier, error, words):
    async def scenario(service, worker, results):
        with pytest.raises(error, match=words):
            await service.start(kind)
        assert service.listed() == []

    run(scenario, labels=labels, is_classifier=is_classifier)


def test_jobs_wait_in_a_queue_of_limited_length():
    async def scenario(service, worker, results):
        for unit in range(3):
            await service.start("compare", "L0", [unit])
        for pair in ([0, 1], [0, 2], [1, 0], [1, 2], [2, 0]):
            await service.start("compare", "L0", pair)
        with pytest.raises(BusyError, match="8 jobs are waiting already"):
            await service.start("audit")

    run(scenario)


def test_an_embedding_names_its_method_as_the_command_does():
    async def scenario(service, worker, results):
        job = await service.start("embed", method="tsne")
        assert (job["method"], job["command"]) == (
            "tsne", "dreamfilters embed net.keras images --labels labels.csv --method tsne",
        )  # fmt: skip
        assert (await service.start("embed", method="tsne"))["id"] == job["id"]
        assert (await service.start("embed", method="pca"))["id"] != job["id"]  # another map
        assert (await service.start("audit"))["method"] == ""
        await settle()
        assert [arguments["request"].method for _, arguments in worker.requests] == ["tsne", "pca", ""]
        among = await service.start("embed", method="pca", dreams=True)
        assert among["command"].endswith(" --method pca --dreams outputs/net/viewer")
        assert (await service.start("audit", dreams=True))["dreams"] is False
        with pytest.raises(UnknownNameError, match=r"embedding method pcb: there is none\. Close names: pca"):
            await service.start("embed", method="pcb")

    run(scenario)


def test_a_page_that_is_shown_apart_holds_the_images_beside_it(tmp_path):
    page = '<a href="map.png">map</a><img src="map.png"><script>["t-0.jpg", "t-1.jpg"]</script>'
    for name, content in (("index.html", page), ("map.png", "M"), ("t-0.jpg", "0"), ("t-1.jpg", "1"), ("a.csv", "a")):
        (tmp_path / name).write_text(content)

    async def scenario(service, worker, results):
        await service.start("embed", method="pca")
        await settle()
        worker.replies[0].set_result(JobResult(tmp_path, ("index.html", "a.csv", "map.png", "t-0.jpg"), ""))
        await settle()
        assert (await service.file("J0", "index.html")).decode() == (
            '<a href="map.png">map</a><img src="data:image/png;base64,TQ==">'
            '<script>["data:image/jpeg;base64,MA==", "t-1.jpg"]</script>'  # t-1.jpg is not a file of the run
        )
        assert await service.file("J0", "t-0.jpg") == b"0"

    run(scenario)


def test_the_images_of_a_running_job_are_those_of_the_last_snapshot():
    """They stay for a page that still loads them when the job has ended, and are no longer announced."""

    async def scenario(service, worker, results):
        await service.start("audit")
        with pytest.raises(UnknownNameError, match="job J0: has no image yet"):
            service.snapshot_png("J0")
        for share, more in ((0.1, {}), (0.2, {"snapshot": b"one"}), (0.3, {}), (0.4, {"snapshot": b"two"})):
            service.on_progress({"id": "J0", "share": share, "note": "", **more})
        assert service.snapshot_png("J0") == b"two"
        assert service.listed()[0]["snapshot"] == 2
        service.cancel("J0")
        assert service.listed()[0]["snapshot"] == 0
        service.on_progress({"id": "J0", "share": 0.5, "note": "", "snapshot": b"late"})
        assert service.snapshot_png("J0") == b"two"
        with pytest.raises(UnknownNameError, match="no job has this id"):
            service.snapshot_png("J9")

    run(scenario)
