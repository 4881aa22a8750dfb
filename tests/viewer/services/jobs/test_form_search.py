import asyncio
from pathlib import Path

import pytest

from dreamfilters.errors import ImageError, ModelError, UnknownNameError
from dreamfilters.images import ImageFolder
from dreamfilters.viewer.messages import Cancelled, NetworkDescription, ScanRequest
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.event_hub import EventHub
from dreamfilters.viewer.services.jobs.form_search import FormSearch
from dreamfilters.viewer.services.snippets import Snippets

FOUND = {"fits": True, "is_clear": True, "is_present": False, "file": "net.toml", "exists": False}
DONE = {**FOUND, "applied": False, "saved": None}
OPTIONS = {"form": {"range": (0.0, 1.0)}, "classes": Path("names.txt"), "size": 8}


class WaitingWorker:
    """A worker whose search ends when `reply` is set, with its result or its exception."""

    def __init__(self):
        self.reply, self.count = asyncio.get_running_loop().create_future(), 0
        self.requests, self.used, self.saved = [], None, {"text": "saved as net.toml", "complete": True}

    def new_number(self):
        self.count += 1
        return self.count

    def cancel(self, number):
        self.reply.set_exception(Cancelled())

    async def request(self, action, **arguments):
        if action == "find_form":
            assert arguments["number"] == arguments["search"]
            return await self.reply
        self.requests.append((action, arguments))
        return {"apply_form": b"the form", "save_form": self.saved}[action]

    def use_form(self, found):
        self.used = found


def run(scenario, *, labels=("0", "1"), is_classifier=True):
    """Run a scenario with a search and its worker."""

    async def with_search():
        description = NetworkDescription({"is_classifier": is_classifier}, {}, {}, (), (), (8, 8), 3, "bicubic", 16)
        worker = WaitingWorker()
        catalog = Catalog(worker, None, description, snippets=Snippets.of("net.keras", OPTIONS))
        catalog.images_listed.set()
        names = tuple(f"{number}.png" for number in range(len(labels)))
        folder = ImageFolder(tuple(map(Path, names)), labels)
        tasks = []
        catalog.scan_request = ScanRequest(names, folder)
        search = FormSearch(catalog, EventHub(), lambda work: tasks.append(asyncio.ensure_future(work)))
        await asyncio.wait_for(scenario(search, worker, tasks), 20)
        return search

    return asyncio.run(with_search())


def test_a_search_runs_once_and_ends_with_its_result():
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
    assert (found["phase"], found["note"], found["result"]) == ("done", "", DONE)


def test_the_best_form_is_applied_once_and_survives_a_restart_of_the_worker():
    async def scenario(search, worker, tasks):
        worker.reply.set_result(FOUND)
        await search.start()
        await tasks[0]
        for _ in range(2):
            assert (await search.apply())["result"] == {**DONE, "is_present": True, "applied": True}
        assert worker.requests == [("apply_form", {"search": 1})]
        assert worker.used == b"the form"

    command, _ = run(scenario).catalog.snippets.serve("images")
    assert command == "dreamfilters serve net.keras images --form form.toml --size 8"


@pytest.mark.parametrize(
    ("complete", "command"),
    [
        (True, "dreamfilters serve net.keras --size 8"),
        (False, "dreamfilters serve net.keras --form form.toml --size 8"),
    ],
)
def test_the_form_is_saved_only_on_request_and_the_commands_then_need_no_other_file(complete, command):
    async def scenario(search, worker, tasks):
        worker.reply.set_result(FOUND)
        await search.start()
        await tasks[0]
        await search.apply()
        assert [action for action, _ in worker.requests] == ["apply_form"]
        worker.saved = {"text": "a line", "complete": complete}
        saved = await search.save(force=False)
        assert worker.requests[1] == ("save_form", {"search": 1, "force": False})
        assert (saved["result"]["saved"], saved["result"]["exists"]) == (worker.saved, complete)

    assert run(scenario).catalog.snippets.serve(None)[0] == command


def test_without_a_finished_search_that_fits_nothing_is_applied_or_saved():
    async def scenario(search, worker, tasks):
        for error, match in ((UnknownNameError, "no finished search"), (ModelError, "no input form fits")):
            for use in (search.apply, lambda: search.save(force=True)):
                with pytest.raises(error, match=match):
                    await use()
            if error is UnknownNameError:
                worker.reply.set_result({**FOUND, "fits": False})
                await search.start()
                await tasks[0]
        assert worker.requests == []

    run(scenario)


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
