"""Long work in the worker writes what the command writes, can be canceled, and resumes."""

import sys

import numpy as np
import pytest

import dreamfilters as df
from dreamfilters.errors import DreamfiltersError, ImageError, UnknownNameError
from dreamfilters.images import ImageFolder, image_folder
from dreamfilters.runs.by_unit.audit_run import read_audit
from dreamfilters.runs.over_images.embedding_run import read_embedding
from dreamfilters.runs.over_images.evaluation_run import read_evaluation
from dreamfilters.viewer.messages import Cancelled, JobRequest, Request, ScanRequest
from dreamfilters.viewer.worker.handlers import Handlers
from tests.viewer.http_client import png


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Twelve images of random colors, labeled with the classes 0 and 1."""
    folder, random = tmp_path_factory.mktemp("images"), np.random.default_rng(1)
    for number in range(12):
        file = folder / str(number % 2) / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(png(random.random((16, 16, 3))))
    found = image_folder(folder)
    return ScanRequest(tuple(f"I{number}" for number in range(12)), found)


@pytest.fixture(scope="module")
def handlers(network_of, tiny):
    events = []
    found = Handlers(network_of(tiny), {}, lambda topic, value: events.append((topic, value)))
    found.events = events
    return found


def run(handlers, images, out, kind="evaluate", pause=lambda: None, targets=(), method="", dreams=False, options=()):
    request = JobRequest("J0", kind, targets, images, out, method, dreams, options=options)
    return handlers.handle(Request(0, 5, "job", {"request": request}), pause)


@pytest.fixture(scope="module")
def evaluated(handlers, images, tmp_path_factory):
    """The result of an evaluation that is not interrupted, and its folder."""
    return run(handlers, images, tmp_path_factory.mktemp("runs"))


def test_an_evaluation_is_that_of_the_python_function_in_a_run_folder(handlers, images, evaluated):
    found = df.evaluate(handlers._session.network, images.images)
    assert evaluated.folder.name == "evaluate"
    assert evaluated.line == found.describe()
    assert evaluated.files == ("index.html", "classes.csv", "evaluation.npz", "images.csv")
    stored = read_evaluation(evaluated.folder)
    assert np.array_equal(evaluated.evaluation.logits, stored.logits)
    assert np.array_equal(stored.matrix, found.matrix)
    assert evaluated.evaluation.images is None  # not sent between the processes
    shares = [value["share"] for topic, value in handlers.events if topic == "job"]
    assert shares == sorted(shares)
    assert all(value["id"] == "J0" for topic, value in handlers.events if topic == "job")


def test_the_commands_of_the_page_have_the_options_on_the_model(handlers, images, evaluated, tmp_path):
    assert b"dream tiny &#39;class:" in (evaluated.folder / "index.html").read_bytes()
    found = run(handlers, images, tmp_path, options=("--range", "0", "255"))
    assert b"dream tiny --range 0 255 &#39;class:" in (found.folder / "index.html").read_bytes()


def test_canceled_work_resumes_to_the_same_bytes(handlers, images, evaluated, tmp_path):
    def cancel():
        raise Cancelled

    with pytest.raises(Cancelled):
        run(handlers, images, tmp_path, pause=cancel)
    again = run(handlers, images, tmp_path)
    for name in evaluated.files:
        assert (again.folder / name).read_bytes() == (evaluated.folder / name).read_bytes(), name


def test_a_folder_with_other_settings_is_left_alone(handlers, images, evaluated):
    found = images.images
    folder = ImageFolder(found.paths[:8], found.labels[:8], folder=found.folder)
    fewer = ScanRequest(images.image_ids[:8], folder)
    other = run(handlers, fewer, evaluated.folder.parent)
    assert other.folder.name == "evaluate-2"
    assert len(read_evaluation(evaluated.folder).names) == 12
    run(handlers, images, evaluated.folder.parent)  # kept; the evaluation of the worker is that of all images again


def test_the_units_of_any_pair_are_those_of_an_evaluation(handlers, images, evaluated):
    found = handlers.handle(Request(1, 2, "separate", {"first": 0, "second": 1}), lambda: None)
    (stored,) = [one for one in evaluated.evaluation.separations if (one.first, one.second) == (0, 1)]
    assert [one.unit for one in found.separating] == [one.unit for one in stored.separating]
    assert (found.layer, found.images_first, found.images_second) == (stored.layer, 6, 6)
    with pytest.raises(ImageError, match=r"^2: has no image that can be read"):
        handlers.handle(Request(1, 2, "separate", {"first": 0, "second": 2}), lambda: None)


def test_an_audit_gives_the_verdicts_that_the_page_shows(handlers, images, tmp_path):
    handlers.events.clear()
    found = run(handlers, images, tmp_path, "audit")
    assert found.folder == tmp_path / "audit"
    assert found.files[0] == "index.html"
    (verdicts,) = [value for topic, value in handlers.events if topic == "verdicts"]
    stored = {layer.name: [one.verdict.kind for one in layer.findings] for layer in read_audit(found.folder).layers}
    ids = {key: info.name for key, info in handlers._session.description.layers.items()}
    assert {ids[key]: [basis.verdict.kind for basis in bases] for key, bases in verdicts.items()} == {
        name: stored[name] for name in ("conv1", "conv2")
    }
    assert found.line == f"{sum(kinds.count('alive') for kinds in stored.values())} alive"


def test_a_restarted_worker_has_no_evaluation(network_of, tiny):
    other = Handlers(network_of(tiny), {}, lambda topic, value: None)
    with pytest.raises(UnknownNameError, match="no longer in memory; evaluate again"):
        other.separate(lambda: None, 0, 1)


def test_an_embedding_is_that_of_the_python_function_and_is_drawn_by_the_page(handlers, images, tmp_path):
    found = run(handlers, images, tmp_path, "embed", method="pca")
    expected = df.embed(handlers._session.network, images.images)
    stored = read_embedding(found.folder)
    assert (found.folder, found.line) == (tmp_path / "embed", expected.describe())
    assert np.array_equal(stored.positions, expected.positions)
    values = found.embedding
    assert values["names"] == stored.features.names == images.images.names
    assert values["sheets"] == ["thumbnails-0.jpg"]
    assert (found.folder / values["sheets"][0]).read_bytes().startswith(b"\xff\xd8")
    assert values["neighbors"] == expected.neighbors.tolist()
    # The page draws the longer side of the map over all steps, from 0 to 10,000.
    sides = [max(values[axis]) - min(values[axis]) for axis in "xy"]
    assert max(sides) == values["fine"]
    assert len({(row, column) for row, column in zip(values["rows"], values["columns"], strict=True)}) == 12


def test_the_newest_dream_of_each_unit_is_placed_among_the_images(handlers, images, tmp_path):
    with pytest.raises(ImageError, match="no dream is finished yet; dream some units first"):
        run(handlers, images, tmp_path, "embed", method="pca", dreams=True)
    network = handlers._session.network
    quick = df.Recipe(steps=2)
    for number, (target, seed) in enumerate((("conv1:3", 0), ("class:1", 0), ("conv1:3", 1))):
        handlers._dreams[f"D{number}"] = None, df.dream(network, target, quick, seed=seed)[0]
    found = run(handlers, images, tmp_path, "embed", method="pca", dreams=True)
    handlers._dreams.clear()
    stored = read_embedding(found.folder)
    assert stored.dreams == found.embedding["dreams"] == 2
    assert stored.features.names == (*images.images.names, "conv1:3", "class:1")
    assert stored.features.labels[-2:] == ("", "1")
    newest = df.dream(network, "conv1:3", quick, seed=1)[0]
    assert stored.features.rows[-2] == pytest.approx(
        df.embed(network, images.images, dreams=network.form.fit(newest.image)[None]).features.rows[-1], rel=1e-5
    )


def test_a_canceled_embedding_resumes_to_the_same_bytes(handlers, images, tmp_path):
    def cancel():
        raise Cancelled

    with pytest.raises(Cancelled):
        run(handlers, images, tmp_path / "a", "embed", pause=cancel, method="pca")
    again = run(handlers, images, tmp_path / "a", "embed", method="pca")
    whole = run(handlers, images, tmp_path / "b", "embed", method="pca")
    assert again.files[0] == "index.html"
    for name in whole.files:
        assert (again.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name


def test_a_method_whose_package_is_missing_says_how_to_install_it(handlers, images, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(DreamfiltersError, match=r"pip install 'dreamfilters\[embedding\]', or choose pca"):
        run(handlers, images, tmp_path, "embed", method="tsne")
    assert run(handlers, images, tmp_path, "embed", method="pca").embedding["method"] == "pca"
