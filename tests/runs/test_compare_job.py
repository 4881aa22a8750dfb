"""Stored dreams equal those that were made, to the precision of their files."""

from dataclasses import replace

import numpy as np
import pytest

from dreamfilters.comparison.compare import ComparePlan
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import RecipeError
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder, png_bytes
from dreamfilters.runs.compare_job import CompareJob, StoredDreams
from dreamfilters.runs.dream_store import DreamEntry
from dreamfilters.runs.storage.manifest import as_json
from dreamfilters.runs.storage.records import dream_of, record_of


@pytest.fixture
def job(opened_network, model_file, tmp_path):
    (tmp_path / "images").mkdir()
    for number in range(4):
        image = np.random.default_rng(number).uniform(0, 1, (16, 16, 3))
        (tmp_path / "images" / f"{number}.png").write_bytes(png_bytes(image))
    source = source_of(image_folder(tmp_path / "images"))
    plan = ComparePlan(opened_network, ("conv1:0-2",), source, Recipe(steps=2), seed=5, seeds=2, top=1)
    return CompareJob(plan, str(model_file))


def test_a_dream_comes_back_from_its_record(make_dream, settings):
    dream = make_dream(note="3 steps overflowed", attempts=("another seed",), robust=float("nan"))
    record = record_of(dream, settings)
    again = dream_of(record, dream.image, dream.recipe)
    assert as_json(record_of(again, settings)) == as_json(record)
    assert np.isnan(again.robust)
    assert again.attempts == ("another seed",)


def test_every_seed_has_a_folder_and_a_unit_that_is_not_activated_has_one_dream(job, tmp_path):
    found = job.dreams(tmp_path / "dreams")
    activated = [name for name in found if found[name][0].activated]
    assert list(found) == ["conv1:0", "conv1:1", "conv1:2"]
    assert [len(found[name]) for name in found] == [1 + (name in activated) for name in found]
    assert {path.name for path in (tmp_path / "dreams").iterdir()} <= {"seed-5", "seed-6"}
    assert [made.seed for made in found[activated[0]]] == [5, 6]
    levels = found[activated[0]][0].image * 255
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)  # to the precision of its file


def test_the_scan_is_of_the_units_layers(job, tmp_path):
    real = job.references(tmp_path / "scan")
    assert list(real.scan.layers) == ["conv1"]
    assert real.read([2]).shape == (1, 16, 16, 3)


def test_numbers_below_one_are_refused(job):
    for name in ("seeds", "top"):
        with pytest.raises(RecipeError, match=f"{name}=0: at least 1"):
            replace(job, plan=replace(job.plan, **{name: 0})).check()


def test_images_are_read_on_access(tmp_path):
    stored = StoredDreams(3, Recipe(), {"a": (DreamEntry(tmp_path / "gone.png", {}),)})
    assert list(stored) == ["a"]
    assert len(stored) == 1
