"""The frame of every page: unique ids, and data that cannot become markup."""

import base64
import io
import json
import re

import numpy as np
from PIL import Image

from dreamfilters.report.html_frame import anchors, map_uri, pixels_uri, script_json, shown_uri


def test_anchors_are_plain_and_differ():
    assert anchors(["unit conv1:0", "unit conv1-0", "Ü", "unit conv1-0-2"]) == [
        "unit-conv1-0", "unit-conv1-0-2", "part", "unit-conv1-0-2-2",
    ]  # fmt: skip


def test_json_in_a_script_element_holds_no_letter_of_html():
    hostile = "</script><!--<script>&\u2028\u2029'\""
    text = str(script_json([hostile]))
    assert json.loads(text) == [hostile]
    assert not re.search("[<>&\u2028\u2029]", text)


def decoded(uri):
    head, data = uri.split(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_a_map_is_black_at_zero_and_pale_at_the_top():
    assert decoded(map_uri([[0.0, 2.0]], 2.0)).tolist() == [[[0, 0, 4], [252, 253, 191]]]
    assert decoded(map_uri([[0.0]], 0.0)).tolist() == [[[0, 0, 4]]]


def test_a_map_with_values_below_zero_is_black_at_the_lowest():
    assert decoded(map_uri([[-2.0, 2.0]], 2.0, -2.0)).tolist() == [[[0, 0, 4], [252, 253, 191]]]


def test_an_image_is_no_larger_than_it_is_shown():
    wide = np.zeros((100, 400, 3), "float32")
    assert decoded(shown_uri(wide)).shape == (48, 192, 3)
    assert decoded(shown_uri(wide, small=True)).shape == (16, 64, 3)
    assert decoded(shown_uri(wide[:50, :60])).shape == (50, 60, 3)


def test_a_patch_keeps_its_size():
    assert decoded(pixels_uri(np.zeros((300, 5, 3)))).shape == (300, 5, 3)
