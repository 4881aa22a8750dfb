"""What every page of this house has: ids, data that cannot become markup."""

import json
import re

from dreamfilters.report.html_frame import anchors, script_json


def test_anchors_are_plain_and_differ():
    assert anchors(["unit conv1:0", "unit conv1-0", "Ü", "unit conv1-0-2"]) == [
        "unit-conv1-0", "unit-conv1-0-2", "part", "unit-conv1-0-2-2",
    ]  # fmt: skip


def test_json_in_a_script_element_holds_no_letter_of_html():
    hostile = "</script><!--<script>&\u2028\u2029'\""
    text = str(script_json([hostile]))
    assert json.loads(text) == [hostile]
    assert not re.search("[<>&\u2028\u2029]", text)
