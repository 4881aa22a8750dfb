"""Tests of the style of drawn maps."""

import pytest

from dreamfilters.errors import RecipeError
from dreamfilters.evidence.maps.map_style import MapScale


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("unit", MapScale()),
        ("layer", MapScale("layer")),
        ("0:6", MapScale("fixed", 0, 6)),
        ("-1.5,2e1", MapScale("fixed", -1.5, 20)),
        ("0 1", MapScale("fixed", 0, 1)),
    ],
)
def test_a_scale_is_read_from_text(text, scale):
    assert MapScale.read(text) == scale


@pytest.mark.parametrize("text", ["units", "", "1:0", "1:1", "a:b", "1:2:3", "nan:1", "0:inf"])
def test_a_scale_that_does_not_exist_is_refused(text):
    with pytest.raises(RecipeError, match="scale="):
        MapScale.read(text)
