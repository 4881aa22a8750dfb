import asyncio
from pathlib import Path

import pytest

from dreamfilters.errors import ImageError, ModelError, UnknownNameError
from dreamfilters.images import ImageFolder
from dreamfilters.viewer.messages import Cancelled, NetworkDescription, ScanRequest
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.event_hub import EventHub
from dreamfilters.viewer.services.form_search import FormSearch
from dreamfilters.viewer.services.snippets import Snippets

FOUND = {"fits": True, "is_clear": True, "is_present": False, "file": "net.toml", "exists": False}
OPTIONS = {"form": {"range": (0.0, 1.0)}, "classes": Path("names.txt"), "size": 8}


class WaitingWorker:
    """A worker whose search ends when `reply` is set, with its result or its exception."""

    def __init__(self):
        self.reply, self.count = asyncio.get_running_loop().create_future(), 0

    def new_number(self):
        self.count += 1
        return self.count

    def cancel(self, number):
        self.reply.set_exception(Cancelled())

    async def request(self, action, **arguments):
        assert (action, arguments["number"]) == ("find_form", arguments["search"])
        return await self.reply


def run(scenario, *, labels=("0", "1"), is_classifier=True):
    """Run a scenario with a search and its worker."""

    async def with_search():
        description = NetworkDescription({"is_classifier": is_classifier}, {}, {}, (), (), (8, 8), 3, "bicubic", 16)
        worker = WaitingWorker()
        catalog = Catalog(worker, None, description)
        catalog.images_listed.set()
        names = tuple(f"{number}.png" for number in range(len(labels)))
        folder = ImageFolder(tuple(map(Path, names)), labels)
        tasks = []
        search = FormSearch(
            catalog, EventHub(), lambda work: tasks.append(asyncio.ensure_future(work)),
            Snippets.of("net.keras", OPTIONS), Path("images"), Path("labels.csv"), ScanRequest(names, folder),
        )  # fmt: skip
        await asyncio.wait_for(scenario(search, worker, tasks), 20)
        return search

    return asyncio.run(with_search())


def test_a_search_runs_once_and_ends_with_the_commands_that_use_its_result():
    async def scenario(search, worker, tasks):
        assert search.as_values()["phase"] == "idle"
        assert (await search.start())["phase"] == "running"
        await search.start()
        assert len(tasks) == 1
        search.on_progress({"number": 1, "share": 0.5, "note": "8x8 RGB"})
        search.on_progress({"number": 0, "share": 0.9, "note": "of an earlier search"})
        assert (search.share, search.note) == (0.5, "8x8 RGB")
        worker.reply.set_result(FOUND)
        await tasks[0]

    found = run(scenario).as_values()
    assert (found["phase"], found["note"]) == ("done", "")
    assert found["result"] == {
        **FOUND,
        "save": "dreamfilters inputs net.keras images --labels labels.csv --save --classes names.txt --range 0 1",
        "restart": "dreamfilters serve net.keras images --labels labels.csv --size 8",
    }


@pytest.mark.parametrize(
    ("more", "expected"),
    [({"is_clear": False}, "--save --force"), ({"exists": True}, "--save --force"),
     ({"fits": False, "is_clear": False}, ""), ({"is_present": True}, ""), ({"file": None}, "")],
)  # fmt: skip
def test_a_form_that_is_of_no_use_has_no_command_and_one_that_nearly_ties_needs_force(more, expected):
    async def scenario(search, worker, tasks):
        worker.reply.set_result({**FOUND, **more})
        await search.start()
        await tasks[0]

    save = run(scenario).result["save"]
    assert expected in save
    assert bool(save) == bool(expected)


def test_a_canceled_search_stays_canceled():
    async def scenario(search, worker, tasks):
        await search.start()
        assert search.cancel()["phase"] == "cancelled"
        await tasks[0]
        search.on_progress({"number": 1, "share": 0.5, "note": "late"})

    assert run(scenario).as_values() == {"phase": "cancelled", "share": 0.0, "note": "", "result": None}


def test_an_error_of_the_search_is_its_note():
    async def scenario(search, worker, tasks):
        worker.reply.set_exception(UnknownNameError("cat: no class has this name"))
        await search.start()
        await tasks[0]

    found = run(scenario)
    assert (found.phase, found.note) == ("failed", "cat: no class has this name")


@pytest.mark.parametrize(
    ("arguments", "error"), [({"labels": ("", "")}, ImageError), ({"is_classifier": False}, ModelError)]
)
def test_without_labels_or_classes_no_search_is_offered(arguments, error):
    async def scenario(search, worker, tasks):
        assert search.as_values()["phase"] == "none"
        with pytest.raises(error):
            await search.start()

    run(scenario, **arguments)
