"""Tests of the benchmark's arithmetic; its timings are not asserted."""

from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import results
from tests.benchmarks.__main__ import GROUPS, SETS
from tests.benchmarks.applications import row, walked
from tests.benchmarks.class_dreams import with_permuted_classes, with_random_weights
from tests.benchmarks.googlenet import MODULES
from tests.benchmarks.response_judge import Motion, motions, moved
from tests.benchmarks.scan_shares import BARE, NUMPY, scan_shares
from tests.benchmarks.tables import Table, loop_seconds, ratio, step_times, written


def test_ratio_is_of_medians():
    assert ratio([1.0, 2.0, 90.0], [4.0, 8.0, 5.0]) == pytest.approx(0.4)


def test_the_first_step_is_not_counted_because_it_compiles():
    stamps = [10.0, 10.5, 11.0, 12.0]
    assert step_times(stamps) == pytest.approx([0.5, 0.5, 1.0])
    assert loop_seconds(stamps) == pytest.approx(4 * 2 / 3)


def test_numbers_have_three_digits_and_no_exponent():
    assert [written(n) for n in (0.0, 0.05, 1.234, 123.4, 12345.0, 0.00001234, 3e-8, None, 7)] == [
        "0", "0.05", "1.23", "123", "12345", "0.000012", "< 0.000001", "-", "7",
    ]  # fmt: skip


def test_a_table_states_whether_a_target_is_met():
    table = Table("T", ["what", "s"], [["a", 1.5]], [("x", 1.2, 1.15), ("y", 0.5, 1.0)], ["note"])
    assert str(table) == (
        "## T\n\n| what |   s |\n|------|----:|\n| a    | 1.5 |\n\n"
        "target: x: 1.2, at most 1.15: NOT MET\ntarget: y: 0.5, at most 1: met\nnote"
    )


def test_results_of_other_row_groups_stay_and_targets_are_listed_with_their_date(tmp_path):
    path = tmp_path / "results.json"
    machine = {"processor": "P", "architecture": "a", "system": "S", "cores": 2, "load": 0.5}
    table = Table("T", ["what", "s"], [["a", np.float32(1.5)]], [("x", 1.2, 1.15), ("y", 0.5, 1.0)], ["note"])
    results.store(path, "one", table, machine, quick=False)
    results.store(path, "two", Table("U", ["what"], [["b"]], [("z", 3.0, 4.0)]), machine, quick=True)
    stored = results.read(path)
    assert stored["one"]["rows"] == [["a", 1.5]]
    assert stored["one"]["versions"]["numpy"] == np.__version__
    summed = results.summary(stored)
    assert [row[:5] for row in summed.rows] == [
        ["one", "x", 1.2, 1.15, "no"],
        ["one", "y", 0.5, 1.0, "yes"],
        ["two (quick)", "z", 3.0, 4.0, "yes"],
    ]
    assert summed.rows[0][5] == stored["one"]["date"]
    assert summed.notes[0].startswith("one, two (quick): P (a), 2 cores, load as listed; python 3.")


def test_every_row_group_has_a_module_and_sets_name_row_groups():
    folder = Path(results.__file__).parent
    assert [name for name in GROUPS if not (folder / f"{name}.py").is_file()] == []
    assert {"attribution", "dreams", "modern"} == set(SETS)
    assert {group for groups in SETS.values() for group in groups} <= set(GROUPS)


def test_parts_of_a_scan_are_measured_for_each_method(tiny, network_of):
    """The arithmetic of `scan_shares`: as many parts for each method, none of the images that warm up."""
    images = np.random.default_rng(0).random((24, 16, 16, 3), dtype=np.float32)
    seconds = scan_shares(network_of(tiny), images, batch=4, warm=8, parts=2, measured=(BARE, NUMPY))
    assert {name: len(each) for name, each in seconds.items()} == {BARE: 2, NUMPY: 2}
    assert min(min(each) for each in seconds.values()) > 0


def test_the_network_of_the_accelerator_has_7280_channels():
    """As table 1 of the paper has them: 64, 64 and 192 at the start, then those of the modules."""
    counts = {name: sum(filters) for name, filters in MODULES.items()}
    assert counts == {
        "3a": 368, "3b": 640, "4a": 624, "4b": 648, "4c": 664, "4d": 704, "4e": 1024, "5a": 1024, "5b": 1264,
    }  # fmt: skip
    assert 64 + 64 + 192 + sum(counts.values()) == 7280


def test_the_identity_changes_nothing():
    image = np.random.default_rng(0).uniform(size=(1, 5, 7, 3)).astype("float32")
    assert moved(image, Motion(0, 1, 0, 0)) == pytest.approx(image)


def test_a_shift_interpolates_and_mirrors_at_the_edge():
    image = np.arange(4, dtype="float32").reshape(1, 1, 4, 1)
    assert moved(image, Motion(0, 1, 0, 1)).ravel() == pytest.approx([1, 2, 3, 3])
    assert moved(image, Motion(0, 1, 0, -0.5)).ravel() == pytest.approx([0, 0.5, 1.5, 2.5])


def test_a_rotation_by_90_degrees():
    image = np.array([[1, 2], [3, 4]], "float32").reshape(1, 2, 2, 1)
    turned = moved(image, Motion(90, 1, 0, 0))[0, :, :, 0]
    assert turned == pytest.approx(np.rot90(image[0, :, :, 0])) or turned == pytest.approx(
        np.rot90(image[0, :, :, 0], -1)
    )


def test_motions_are_fixed_and_within_bounds():
    first, second = motions(), motions()
    assert first == second
    assert len(first) == 16
    assert max(abs(motion.degrees) for motion in first) <= 5
    assert max(abs(motion.factor - 1) for motion in first) <= 0.05


def test_controls_have_other_weights_or_other_classes(tiny):
    images = np.random.default_rng(0).uniform(size=(4, 16, 16, 3)).astype("float32")
    given, order = tiny.predict(images, verbose=0), np.array([2, 0, 1])
    assert with_permuted_classes(tiny, order).predict(images, verbose=0) == pytest.approx(given[:, order])
    assert not np.allclose(with_random_weights(tiny).predict(images, verbose=0), given, atol=1e-3)


def test_a_walk_is_stored_and_a_network_whose_process_ended_has_its_reason(tmp_path):
    assert walked(tmp_path / "none.json") == {}
    (tmp_path / "found.json").write_text('{"VGG16": {"ended": "the process ended: Killed"}}')
    assert row("VGG16", walked(tmp_path / "found.json")["VGG16"])[-1] == "the process ended: Killed"
    found = {"size": [224, 224], "seconds": {"load": 1.5, "maps": None}, "peak": 3000, "difference": 0.0}
    cells = row("Net", {**found, "results": {"early": "activated", "maps": "ValueError: no"}})
    assert cells == ["Net", 224, 1.5, None, None, None, None, None, None, 3.0, 0.0, "maps: ValueError: no"]
