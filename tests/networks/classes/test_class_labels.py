"""One rule turns labels into classes, in a scan, an accuracy, a comparison and the search for an input form."""

import dataclasses

import numpy as np
import pytest

from dreamfilters.comparison.compare import ComparePlan
from dreamfilters.comparison.reference_set import reference_set
from dreamfilters.dreams.default_recipes import DefaultRecipes
from dreamfilters.errors import UnknownNameError
from dreamfilters.evidence.accuracy import accuracy_of
from dreamfilters.evidence.scan.scan_job import ScanJob
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder, png_bytes
from dreamfilters.networks import LOGITS
from dreamfilters.networks.classes.class_labels import class_labels
from dreamfilters.networks.preprocessing.search.ranking import rank_forms


@pytest.fixture
def named(network):
    """A function from names of three outputs to the network, with English names for 'STOP' and so on if they fit."""
    return lambda *names, **more: dataclasses.replace(network, classes=names, **more)


def read(network, labels):
    found = class_labels(network, labels)
    return found.rule, found.numbers


UNNAMED = ("0", "1", "2")
WORDS = ("stop", "go", "left")


@pytest.mark.parametrize(
    ("names", "labels", "rule", "numbers"),
    [
        (WORDS, ["GO", "", "stop"], "name", (1, -1, 0)),
        (WORDS, ["2", "00", ""], "number", (2, 0, -1)),
        (UNNAMED, ["02", "0"], "name", (2, 0)),  # folders 00, 01, 02
        (("0", "10", "2"), ["10", "02"], "name", (1, 2)),  # sorted as text; the numbers are names
        (("20", "30", "stop"), ["0", "2"], "number", (0, 2)),
        (("20", "30", "stop"), ["30", "20"], "name", (1, 0)),  # there is no class 30
        (("20", "30", "stop"), ["30", "stop"], "name", (1, 2)),
        (("1", "30", "stop"), ["1", "0"], "number", (1, 0)),  # no class is named 0
        (UNNAMED, ["1", "2", "3"], "order", (0, 1, 2)),  # numbered from 1
        (WORDS, ["3", "1", "2"], "order", (2, 0, 1)),
        (UNNAMED, ["dog", "cat", "fox", "cat"], "order", (1, 0, 2, 0)),
        (WORDS, ["dog", "cat", "fox"], "order", (1, 0, 2)),
        (WORDS, ["stop", "cat", "dog"], "order", (2, 0, 1)),
        (WORDS, ["stop", "go", "other"], "name", (0, 1, 3)),  # more than half are names
        (WORDS, ["stop", "cat", "dog", "fox"], "name", (0, 3, 4, 5)),
        (UNNAMED, ["0", "2", "7", "9"], "name", (0, 2, 3, 4)),
        (WORDS, ["0", "2", "7", "9"], "number", (0, 2, 3, 4)),
    ],
)
def test_the_rule_and_the_numbers(named, names, labels, rule, numbers):
    assert read(named(*names), labels) == (rule, numbers)


def test_aliases_and_titles_are_names(named):
    network = named("Halt", "Los", "links", aliases=(WORDS,))
    assert read(network, ["go", "STOP", "links (left)"]) == ("name", (1, 0, 2))


@pytest.mark.parametrize("names", [UNNAMED, WORDS])
def test_labels_that_mean_no_classes_are_refused(named, names):
    words = r"class cat: tiny has no such class \(the images have 2 labels, cat, dog; the network 3 classes, .*give im"
    with pytest.raises(UnknownNameError, match=words):
        class_labels(named(*names), ["cat", "dog"])


def test_numbers_that_are_also_other_names_are_refused(named):
    network = named("1", "30", "STOP")
    words = r"label 1: ambiguous between class 1 \(30\) and class 0 \(named 1\); write 01 or 00"
    with pytest.raises(UnknownNameError, match=words):
        class_labels(network, ["1", ""])
    assert read(network, ["01", "00"]) == ("number", (1, 0))


def test_the_remark_says_how_labels_are_read(named):
    assert class_labels(named(*WORDS), ["go"]).remark == ""
    assert class_labels(named(*WORDS), ["1"]).remark == "the labels are read as the numbers of the classes"
    alphabetical = "the labels are read as the classes in alphabetical order: a, b, c"
    assert class_labels(named(*WORDS), ["c", "b", "a"]).remark == alphabetical
    left = class_labels(named(*WORDS), ["go", "stop", *"abcdefg"])
    assert left.remark == "images are left out whose labels no class has: a, b, c, d, e and 2 more"


@pytest.fixture
def folder(tmp_path):
    """Three images of each of the labels cat, dog and fox, which `tiny` predicts as 0, 1 or 2."""
    rng = np.random.default_rng(3)
    for number in range(9):
        path = tmp_path / ("cat", "dog", "fox")[number % 3] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(png_bytes(rng.uniform(0, 1, (16, 16, 3))))
    return tmp_path


@pytest.mark.parametrize("names", [UNNAMED, WORDS, ("fox", "dog", "cat"), ("cat", "dog", "hen")])
def test_scan_accuracy_comparison_and_search_read_labels_alike(named, folder, names):
    network, images = named(*names), image_folder(folder)
    wanted = class_labels(network, images.labels)
    job = ScanJob(network, source_of(images), (LOGITS,))
    assert job.truth.tolist() == list(wanted.numbers)
    scanned = job.start()
    list(job.advance(scanned))
    result, measured = job.result(scanned).accuracy, accuracy_of(network, images)
    assert result.labels.tolist() == measured.labels.tolist() == [n for n in wanted.numbers if n < 3]
    assert result.describe() == measured.describe()
    assert wanted.remark in result.describe()
    references = reference_set(network, source_of(images), [LOGITS], top=2, seed=0)
    pages = ComparePlan(network, ("class:0",), source_of(images), DefaultRecipes()).facts(references)
    assert pages.get("Labels", "").rstrip(".").lower() == wanted.remark.lower()
    for number in range(3):
        assert references.of_class(number) == np.flatnonzero(np.equal(wanted.numbers, number)).tolist()
    ranking = rank_forms(network, images)
    assert (len(ranking.best.right), ranking.remark) == (len(measured.labels), wanted.remark)
