"""`Tolerance`: its table in `model.toml`, and what is refused."""

import pytest

from dreamfilters.errors import InputFormError
from dreamfilters.networks import load
from dreamfilters.networks.preprocessing.settings_file import read_settings, tolerance_in, with_tolerance
from dreamfilters.networks.preprocessing.tolerance import Tolerance

FOUND = Tolerance(rotate=15, scale=0.2, shift=0.08, crop=0.85, noise=0.06, blur=0.04)


def test_a_file_comes_back_with_its_other_lines(tmp_path):
    path = tmp_path / "net.toml"
    path.write_text(with_tolerance(path, FOUND))
    assert tolerance_in(path) == FOUND
    path.write_text("# mine\nsize = 32\ninputs.age = 0.5\n")
    path.write_text(with_tolerance(path, FOUND))
    assert path.read_text().endswith("# mine\nsize = 32\ninputs.age = 0.5\n")
    assert read_settings(path).size == (32, 32)
    with pytest.raises(InputFormError, match=r"net\.toml: has a tolerance already; --force replaces it"):
        with_tolerance(path, Tolerance())
    replaced = with_tolerance(path, Tolerance(rotate=3), force=True)
    assert replaced.count("tolerance") == 1
    path.write_text(replaced)
    assert tolerance_in(path) == Tolerance(rotate=3)
    assert path.read_text().endswith("# mine\nsize = 32\ninputs.age = 0.5\n")


def test_a_table_over_several_lines_is_left_to_the_user(tmp_path):
    path = tmp_path / "net.toml"
    path.write_text("size = 32\n[tolerance]\nrotate = 3.0\n")
    assert tolerance_in(path) == Tolerance(rotate=3)
    with pytest.raises(InputFormError, match="is not a table in one line; remove it from the file first"):
        with_tolerance(path, FOUND, force=True)


def test_a_network_has_the_tolerance_of_its_file_or_argument(tiny, tmp_path):
    tiny.save(tmp_path / "net.keras")
    assert load(tmp_path / "net.keras").tolerance is None
    (tmp_path / "net.toml").write_text(with_tolerance(tmp_path / "net.toml", FOUND))
    network = load(tmp_path / "net.keras")
    assert network.tolerance == FOUND
    assert "tolerance from net.toml" in network.describe_input()
    assert load(tmp_path / "net.keras", form={"tolerance": {"rotate": 5}}).tolerance == Tolerance(rotate=5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rotate": -1}, r"tolerance rotate=-1.0: must be at least 0, at most 180"),
        ({"rotate": 181}, "tolerance rotate=181.0"),
        ({"crop": 1.5}, "tolerance crop=1.5: must be at least 0, at most 1"),
        ({"noise": float("inf")}, "noise=inf|noise"),
        ({"noise": float("nan")}, "noise=nan|noise"),
        ({"rotation": 3}, r"tolerance: 'rotation': no such key. Keys: rotate, scale, shift, crop, noise, blur"),
        ({"rotate": "3"}, r"tolerance=.*: a table of numbers|tolerance rotate='3'"),
        ({"rotate": True}, r"tolerance=.*: a table of numbers|tolerance rotate=True"),
        (15, "tolerance=15: a table of numbers, which dreamfilters calibrate measures"),
    ],
)
def test_other_values_are_refused(tiny, values, message):
    with pytest.raises(InputFormError, match=message):
        load(tiny, form={"tolerance": values})
    if isinstance(values, dict):
        with pytest.raises(InputFormError, match="tolerance"):
            Tolerance.of(values)
