"""Tests of the result of a scan."""

import subprocess
import sys

import numpy as np
import pytest

from dreamfilters.errors import TargetError, UnknownNameError
from dreamfilters.evidence.scan.scan_job import scan


@pytest.fixture(scope="module")
def found(nested, network_of):
    return scan(network_of(nested), np.random.default_rng(0).random((12, 16, 16, 3), dtype=np.float32), k=3)


def test_a_layer_is_found_by_the_end_of_its_name(found):
    assert found.layer("conv1") is found.layer("backbone/conv1")
    with pytest.raises(UnknownNameError, match="conv9: not among"):
        found.layer("conv9")


def test_an_unknown_unit_is_refused(found):
    with pytest.raises(TargetError, match="head:4: head has 4 units, 0 to 3"):
        found.unit("head", 4)


def test_arrays_of_a_layer_are_those_of_its_units(found):
    for name in ("backbone/conv2", "head", "classes"):
        layer = found.layer(name)
        for number in range(layer.units):
            unit = found.unit(name, number)
            assert unit.maximum == layer.maximum[number] == unit.strongest["max"][0].score
            assert unit.histogram["max"].high == unit.maximum
            assert unit.weakest["mean"][0].score == pytest.approx(unit.histogram["mean"].low)


def test_a_scan_loads_without_tensorflow():
    code = "import dreamfilters.evidence.scan.result, dreamfilters.evidence.patches, sys; "
    code += "import dreamfilters.runs.over_images.scan_run; "
    code += "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
