"""Stored maps and searches: resumed to the same bytes, queries added, never mixed with others, forged ones one line."""

import dataclasses
import random

import numpy as np
import pytest

from dreamfilters.errors import DamagedError, ImageError, OutputError, RecipeError
from dreamfilters.evidence.embedding.feature_job import FeatureJob
from dreamfilters.evidence.embedding.registry import method_of
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder, png_bytes
from dreamfilters.runs.over_images import embedding_run, neighbor_run
from dreamfilters.runs.over_images.embedding_run import StoredEmbeddingJob, dream_images
from dreamfilters.runs.over_images.embedding_store import read_embedding
from dreamfilters.runs.over_images.neighbor_run import StoredNeighborJob, query_images
from dreamfilters.runs.over_images.neighbor_store import read_neighbors
from dreamfilters.runs.over_images.stored_features import read_features
from dreamfilters.runs.storage.array_files import npz_bytes, read_npz
from dreamfilters.runs.storage.checksums import sha256
from dreamfilters.runs.storage.json_files import as_json, read_json, with_checksum
from tests.test_damaged_runs import damage, one_line

MAP_FILES = [
    "embedding.csv", "embedding.npz", "features.npz", "grid.png", "index.html", "manifest.json", "map.png",
    "thumbnails-0.jpg",
]  # fmt: skip
SEARCH_FILES = ["features.npz", "index.html", "manifest.json", "neighbors.csv", "neighbors.npz"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twenty images in two folders, one of which cannot be read, and two others."""
    path = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for number in range(20):
        label = path / "images" / str(number % 2)
        label.mkdir(exist_ok=True, parents=True)
        (label / f"{number:02}.png").write_bytes(png_bytes(rng.uniform(0, 1, (16, 16, 3))))
    (path / "images" / "0" / "06.png").write_bytes(b"")
    (path / "dreams").mkdir()
    for name in "ab":
        (path / "dreams" / f"{name}.png").write_bytes(png_bytes(rng.uniform(0, 1, (12, 12, 3))))
    return path


@pytest.fixture(scope="module")
def features(network, folder):
    return FeatureJob(network, source_of(image_folder(folder / "images")), "conv2", batch=4)


@pytest.fixture(scope="module")
def job(network, features, folder):
    dreams = dream_images(folder / "dreams", network)
    return StoredEmbeddingJob(features, method_of("pca"), dreams=dreams, spec="net.keras", save_every=0)


@pytest.fixture(scope="module")
def search(features, folder):
    queries = query_images([folder / "dreams" / "a.png"], 3)
    return StoredNeighborJob(features, queries, 4, spec="net.keras", save_every=0)


@pytest.fixture(scope="module")
def whole(job, tmp_path_factory):
    """The folder of a finished map."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    embedding_run.run(job, path)
    return path


@pytest.fixture(scope="module")
def searched(search, tmp_path_factory):
    """The folder of a finished search."""
    path = tmp_path_factory.mktemp("runs") / "searched"
    neighbor_run.run(search, path)
    return path


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def copied(whole, folder):
    folder.mkdir()
    for name, data in content(whole).items():
        (folder / name).write_bytes(data)
    return folder


def test_a_stored_map_is_that_of_the_network(job, whole):
    found = read_embedding(whole)
    assert sorted(content(whole)) == MAP_FILES
    assert (len(found), found.dreams, found.method, found.metric) == (21, 2, "pca", "cosine")
    assert found.features.names[-2:] == ("a.png", "b.png")
    assert found.features.labels[0] == "STOP"
    assert [name for name, _ in found.features.failures] == ["0/06.png"]
    assert read_features(whole).rows.tobytes() == found.features.rows.tobytes()
    lines = (whole / "embedding.csv").read_text("utf-8").splitlines()
    assert lines[0] == "image,class,dream,x,y,row,column"
    assert len(lines) == 22
    assert found.quality.k == 9


@pytest.mark.parametrize("stop", [1, 12])
def test_a_stopped_run_resumes_to_the_same_bytes(job, whole, tmp_path, stop):
    def interrupt(now):
        if now.done >= stop:
            raise KeyboardInterrupt

    first = embedding_run.run(job, tmp_path / "out", progress=interrupt)
    assert first.stopped
    assert first.value is None
    with pytest.raises(OutputError, match="not finished"):
        read_embedding(tmp_path / "out")
    seen = []
    embedding_run.run(job, tmp_path / "out", progress=lambda now: seen.append(now.done))
    assert seen[0] > stop - 2
    assert content(tmp_path / "out") == content(whole)


def test_features_are_kept_if_the_method_is_stopped(job, whole, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr("dreamfilters.evidence.embedding.placing.embedding_of", interrupt)
        assert embedding_run.run(job, tmp_path / "out").stopped
    before = FeatureJob.advance
    steps = []
    monkeypatch.setattr(FeatureJob, "advance", lambda self, state: steps.append(state.done) or before(self, state))
    embedding_run.run(job, tmp_path / "out")
    assert steps[0] == 20
    assert content(tmp_path / "out") == content(whole)


def test_a_finished_run_is_kept_and_its_page_made_again(job, whole, tmp_path, monkeypatch):
    out = copied(whole, tmp_path / "out")
    monkeypatch.setattr(FeatureJob, "advance", lambda *_: pytest.fail("computed again"))
    assert embedding_run.run(job, out).kept
    (out / "index.html").write_bytes(b"another page")
    monkeypatch.undo()
    embedding_run.run(job, out)
    assert content(out) == content(whole)


def test_runs_with_other_settings_are_refused(job, search, whole, searched, tmp_path):
    out, other = copied(whole, tmp_path / "out"), copied(searched, tmp_path / "other")
    with pytest.raises(OutputError, match=r"holds an embedding with other settings \(seed\)"):
        embedding_run.run(dataclasses.replace(job, seed=1), out)
    with pytest.raises(OutputError, match=r"holds a search for near images with other settings \(k\)"):
        neighbor_run.run(dataclasses.replace(search, k=2), other)
    with pytest.raises(OutputError, match="holds results of `dreamfilters embed`"):
        neighbor_run.run(search, out)
    assert (content(out), content(other)) == (content(whole), content(searched))
    assert embedding_run.run(dataclasses.replace(job, dreams=None), out, force=True).value.dreams == 0


def test_queries_are_added_without_another_pass(search, searched, folder, tmp_path, monkeypatch):
    assert sorted(content(searched)) == SEARCH_FILES
    out = copied(searched, tmp_path / "out")
    assert neighbor_run.run(search, out).kept
    own = folder / "images" / "1" / "01.png"
    more = dataclasses.replace(search, queries=query_images([folder / "dreams", own], 3))
    monkeypatch.setattr(neighbor_run, "features_of", lambda *_: pytest.fail("computed again"))
    found = neighbor_run.run(more, out).value
    assert [name.rpartition("/")[2] for name in found.queries.names] == ["a.png", "b.png", "01.png"]
    assert found.queries.labels == ("", "", "Vorfahrt achten")
    assert "1/01.png" not in [found.features.names[index] for index in found.by_layer[2].indices]
    first = read_neighbors(searched)
    assert found.by_layer[0].indices.tolist() == first.by_layer[0].indices.tolist()
    assert len((out / "neighbors.csv").read_text().splitlines()) == 1 + 3 * 2 * 4


def test_a_stopped_search_resumes_to_the_same_bytes(search, searched, tmp_path):
    def interrupt(now):
        if now.done >= 7:
            raise KeyboardInterrupt

    assert neighbor_run.run(search, tmp_path / "out", progress=interrupt).stopped
    neighbor_run.run(search, tmp_path / "out")
    assert content(tmp_path / "out") == content(searched)


def test_dreams_have_the_names_of_their_targets(network, tmp_path):
    from dreamfilters.dreams.recipe import Recipe
    from dreamfilters.runs.by_unit import dream_run

    dream_job = dream_run.DreamJob(network, "tiny.keras", ("conv1:0", "class:STOP"), Recipe(steps=1))
    dream_run.run(dream_job, tmp_path / "dreams")
    found = dream_images(tmp_path / "dreams", network)
    assert sorted(zip(found.names, found.labels, strict=True)) == [("class:STOP", "STOP"), ("conv1:0", "")]


def test_bad_input_is_one_line_and_nothing_is_written(job, search, folder, tmp_path):
    bad, tsne = folder / "images" / "0" / "06.png", method_of("tsne", ["perplexity=9"])
    for run, wrong, error, message in (
        (
            embedding_run.run,
            dataclasses.replace(job, method=tsne),
            RecipeError,
            "at most 7",
        ),
        (embedding_run.run, dataclasses.replace(job, metric="l1"), RecipeError, "metric='l1'"),
        (neighbor_run.run, dataclasses.replace(search, k=0), RecipeError, "k=0: must be at least 1"),
        (neighbor_run.run, dataclasses.replace(search, queries=image_folder(bad)), ImageError, "06.png"),
    ):
        with pytest.raises(error, match=message):
            run(wrong, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(OutputError, match="holds no features; make them with `dreamfilters neighbors"):
        read_features(tmp_path)


@pytest.mark.parametrize("seed", range(6))
def test_damage_is_repaired_or_refused(job, search, whole, searched, tmp_path, seed):
    cases = ((embedding_run.run, job, whole, read_embedding), (neighbor_run.run, search, searched, read_neighbors))
    run, wanted, source, read = cases[seed % 2]
    out = copied(source, tmp_path / "out")
    done = damage(out, random.Random(seed))
    assert one_line(lambda: read(out)), done
    refusal = one_line(lambda: run(wanted, out))
    if "holds other files" in refusal:  # without a manifest
        return
    if refusal:
        assert "manifest.json: is damaged" in refusal, done
        run(wanted, out, force=True)
    assert content(out) == content(source), done


def forged(folder, change):
    values = read_json(folder, "manifest.json")
    change(values)
    (folder / "manifest.json").write_text(with_checksum(as_json(values)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("results", None), ("results.dreams", 21), ("results.quality", {}), ("results.facts", 3),
        ("results.features", None), ("results.features.names", ["a"]), ("results.features.labels", []),
        ("results.features.size", [0]), ("results.features.pooled", 3), ("settings.metric", "l1"),
        ("settings.method", 3), ("settings.weights", 3),
    ],
)  # fmt: skip
def test_a_forged_manifest_is_one_line(whole, tmp_path, path, value):
    out = copied(whole, tmp_path / "out")

    def change(values):
        *way, last = path.split(".")
        for key in way:
            values = values[key]
        values[last] = value

    forged(out, change)
    with pytest.raises(DamagedError, match=r"is not an embedding of this tool|holds no features of this tool"):
        read_embedding(out)


@pytest.mark.parametrize(
    ("file", "name", "change"),
    [
        ("embedding.npz", "positions", lambda values: values[1:]),
        ("embedding.npz", "positions", lambda values: values * np.nan),
        ("embedding.npz", "neighbors", lambda values: values + 30),
        ("features.npz", "rows", lambda values: values.astype("float64")),
        ("features.npz", "thumbnails", lambda values: values[..., 0]),
    ],
)
def test_forged_arrays_are_one_line(whole, tmp_path, file, name, change):
    out = copied(whole, tmp_path / "out")
    arrays = read_npz(out, file)
    data = npz_bytes({**arrays, name: change(arrays[name])})
    (out / file).write_bytes(data)
    forged(out, lambda values: values["files"].update({file: sha256(data)}))
    with pytest.raises(DamagedError, match=r"is not an embedding of this tool|holds no features of this tool"):
        read_embedding(out)


def test_a_forged_search_is_one_line(searched, tmp_path):
    out = copied(searched, tmp_path / "out")
    arrays = read_npz(out, "neighbors.npz")
    data = npz_bytes({**arrays, "layer_indices": arrays["layer_indices"] + 99})
    (out / "neighbors.npz").write_bytes(data)
    forged(out, lambda values: values["files"].update({"neighbors.npz": sha256(data)}))
    with pytest.raises(DamagedError, match="neighbors by layer are not among 19 images"):
        read_neighbors(out)
