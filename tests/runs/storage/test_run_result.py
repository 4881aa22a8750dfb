"""What a notebook shows of a run."""

import numpy as np

from dreamfilters.images import png_bytes
from dreamfilters.runs.storage.run_result import RunResult


def test_a_notebook_shows_the_images_that_exist_the_failures_and_what_is_left(tmp_path):
    (tmp_path / "a.png").write_bytes(png_bytes(np.zeros((4, 4, 3))))
    result = RunResult(
        tmp_path, (), 2, 3, failures=(("<b>.png", "is empty"),), stopped=True, images=("a.png", "removed.png")
    )
    html = result._repr_html_()
    assert html.count("<img") == 1
    assert "&lt;b&gt;.png: is empty" in html
    assert "2 of 3 done, stopped: the same call resumes it" in html
    assert repr(result) == f"RunResult({str(tmp_path)[-80:]!r}, 2 of 3 done, stopped)"


def test_the_value_of_a_run_is_shown_in_it(tmp_path):
    class Value:
        def _repr_html_(self):
            return "<table></table>"

    assert "<table></table>" in RunResult(tmp_path, Value(), 1, 1)._repr_html_()
