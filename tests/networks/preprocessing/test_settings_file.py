import pytest

from dreamfilters.errors import InputFormError
from dreamfilters.networks.preprocessing.input_form import InputForm
from dreamfilters.networks.preprocessing.settings_file import form_as_toml, inputs_in, read_settings


def test_a_file_with_every_key(tmp_path):
    path = tmp_path / "model.toml"
    path.write_text('mean = [1, 2, 3]\nstd = 2\nscale = 255\norder = "BGR"\nsize = 64\nclasses = "names.txt"\n')
    settings = read_settings(path)
    form = settings.applied(InputForm.from_range(0, 1, size=(32, 32)))
    assert form == InputForm((64, 64), 3, 255.0, (1.0, 2.0, 3.0), (2.0,), "BGR")
    assert settings.classes == str(tmp_path / "names.txt")


def test_values_of_other_inputs_are_kept(tmp_path):
    path = tmp_path / "model.toml"
    assert inputs_in(path) == {}
    path.write_text('[inputs]\n"the age" = 0.5\nright = "right.png"\n')
    path.write_text(form_as_toml(InputForm(), ("a", "b"), inputs_in(path)))
    assert inputs_in(path) == {"the age": 0.5, "right": "right.png"}
    assert read_settings(path).inputs == {"the age": 0.5, "right": str(tmp_path / "right.png")}


def test_the_bits_of_image_files(tmp_path):
    path = tmp_path / "model.toml"
    path.write_text("bits = 12\n")
    form = read_settings(path).applied(InputForm())
    assert form.bits == 12
    path.write_text(form_as_toml(form))
    assert read_settings(path).applied(InputForm()) == form
    with pytest.raises(InputFormError, match="bits=8: must be 9 to 16"):
        read_settings({"bits": 8}).applied(InputForm())


def test_missing_keys_keep_their_values():
    form = InputForm.from_range(-1, 1, size=(32, 32))
    assert read_settings({}).applied(form) == form
    assert read_settings({"order": "BGR"}).applied(form) == InputForm.from_range(-1, 1, size=(32, 32), order="BGR")
    assert read_settings({"range": [0, 255]}).applied(form) == InputForm.from_range(0, 255, size=(32, 32))


def test_one_settings_over_another_takes_a_range_whole():
    below = read_settings({"mean": 0.5, "std": 0.5, "order": "BGR"})
    both = read_settings({"range": [0, 255]}).over(below)
    assert both == read_settings({"range": [0, 255], "order": "BGR"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("color = 1", "model.toml: color: no such key. Keys: range, mean, std, scale, "),
        ("range = [0, 1, 2]", r"model.toml: range=\[0, 1, 2\]: two numbers, such as \[0, 255\]"),
        ('order = "RBG"', "model.toml: order='RBG': one of 'RGB', 'BGR', 'gray', 'equalized', 'channels'"),
        ("resize = 3", "model.toml: resize=3: one of 'bicubic', 'bilinear', 'linear', 'nearest', 'area'"),
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


def test_means_of_bytes_need_the_scale_of_bytes():
    means = {"mean": [123, 117, 104], "std": [58, 57, 57]}
    with pytest.raises(InputFormError, match=r"mean=\[123.0, 117.0, 104.0\]: above white, which is 1 .* scale = 255"):
        read_settings(means).applied(InputForm())
    assert read_settings({**means, "scale": 255}).applied(InputForm()).mean == (123.0, 117.0, 104.0)
    assert read_settings({**means, "standardized": True}).applied(InputForm()).scale == 255


def test_no_file_is_refused(tmp_path):
    with pytest.raises(InputFormError, match=r"none\.toml: cannot be read: No such file"):
        read_settings(tmp_path / "none.toml")


def test_a_standardized_image_is_scaled_to_bytes_first():
    form = read_settings({"standardized": True, "resize": "area"}).applied(InputForm.from_range(-1, 1, size=(8, 8)))
    assert form == InputForm((8, 8), scale=255.0, standardized=True, resize="area")
    with pytest.raises(InputFormError, match="either range, or mean, std, scale and standardized"):
        read_settings({"range": [0, 1], "standardized": True}).applied(InputForm())


@pytest.mark.parametrize(
    "form",
    [
        InputForm.from_range(0, 255, size=(30, 30), order="BGR"),
        InputForm.from_range(-1, 1, size=(30, 31), channels=2),
        InputForm((8, 8), 1, order="equalized", resize="nearest"),
        InputForm((8, 8), scale=255.0, standardized=True),
        InputForm((8, 8), scale=255.0, mean=(1.5, 2.0, 3.0), std=(4.0, 5.0, 6.25)),
        InputForm(mean=(0.5,), std=(0.25,)),
    ],
)
def test_a_written_form_is_read_again(form, tmp_path):
    path = tmp_path / "model.toml"
    names = ("0", 'say "no"', "\x7f Vorfahrt\ngewähren \\")
    path.write_text(form_as_toml(form, names), "utf-8")
    settings = read_settings(path)
    assert settings.applied(InputForm(size=(4, 4), channels=form.channels, order="channels")).size == (
        (4, 4) if form.size == (None, None) else form.size
    )
    start = InputForm(form.size, form.channels, order="channels", scale=7.0)
    assert settings.applied(start) == form
    assert settings.classes == names
