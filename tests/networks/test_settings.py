import pytest

from dreamfilters.errors import InputFormError
from dreamfilters.networks.inputs import InputForm
from dreamfilters.networks.settings import read_settings


def test_a_file_says_everything(tmp_path):
    path = tmp_path / "model.toml"
    path.write_text('mean = [1, 2, 3]\ndeviation = 2\nscale = 255\norder = "BGR"\nsize = 64\nclasses = "names.txt"\n')
    settings = read_settings(path)
    form = settings.applied(InputForm.from_range(0, 1, size=(32, 32)))
    assert form == InputForm((64, 64), 3, 255.0, (1.0, 2.0, 3.0), (2.0,), "BGR")
    assert settings.classes == str(tmp_path / "names.txt")


def test_what_is_not_said_stays():
    form = InputForm.from_range(-1, 1, size=(32, 32))
    assert read_settings({}).applied(form) == form
    assert read_settings({"order": "BGR"}).applied(form) == InputForm.from_range(-1, 1, size=(32, 32), order="BGR")
    assert read_settings({"range": [0, 255]}).applied(form) == InputForm.from_range(0, 255, size=(32, 32))


def test_one_settings_over_another_takes_a_range_whole():
    below = read_settings({"mean": 0.5, "deviation": 0.5, "order": "BGR"})
    both = read_settings({"range": [0, 255]}).over(below)
    assert both == read_settings({"range": [0, 255], "order": "BGR"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour = 1", "model.toml: colour: no such key. Keys: range, mean, deviation, scale, order, size, classes"),
        ("range = [0, 1, 2]", r"model.toml: range=\[0, 1, 2\]: two numbers, such as \[0, 255\]"),
        ('order = "RBG"', "model.toml: order='RBG': one of 'RGB', 'BGR', 'grey', 'channels'"),
        ("size = -4", "model.toml: size=-4: a side in pixels"),
        ("range = ", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path, text, words):
    path = tmp_path / "model.toml"
    path.write_text(text)
    with pytest.raises(InputFormError, match=words) as caught:
        read_settings(path)
    assert "\n" not in str(caught.value)


def test_a_contradiction_is_refused():
    with pytest.raises(InputFormError, match="either range, or mean"):
        read_settings({"range": [0, 1], "scale": 2}).applied(InputForm())


def test_no_file_is_refused(tmp_path):
    with pytest.raises(InputFormError, match=r"none\.toml: cannot be read: No such file"):
        read_settings(tmp_path / "none.toml")
