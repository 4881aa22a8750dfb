"""A `model.toml` of unknown origin: each malformed one ends in one line, and leads to no other file of the user."""

import os

import pytest

from dreamfilters.errors import DreamfiltersError, InputFormError, ModelError
from dreamfilters.networks import load


@pytest.fixture
def model(plain, save, tmp_path):
    """A model file in a folder of its own, with three classes, and a secret of three lines outside."""
    (tmp_path / "secret").write_text("key\nof the\nuser\n")
    (tmp_path / "folder").mkdir()
    return save(plain, "folder/model.keras")


def refused(model, **settings):
    """The class and the one line with which a model is refused."""
    with pytest.raises(DreamfiltersError) as caught:
        load(model, **settings)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 400
    return type(caught.value), message


DEEP = "[" * 1000
# Content of model.toml, the class of the error, and words of its line.
MALFORMED = [
    (b"\xff\xfe", InputFormError, "is not a text file in UTF-8"),
    (b"size = 8\0", InputFormError, "contains a zero byte"),
    (b"# " + b"a" * 2**20, InputFormError, "is larger than 1,048,576 bytes"),
    (".".join("a" * 20_000) + " = 1", InputFormError, "is nested more than 32 deep"),
    (f"size = {DEEP}", InputFormError, "is nested more than 32 deep"),
    ("size = " + "9" * 5000, InputFormError, "is not TOML"),
    ("size = [8", InputFormError, "is not TOML"),
    ("size = 8\nsize = 8", InputFormError, "is not TOML"),
    ("color = 1", InputFormError, "color: no such key"),
    ("a" * 1000 + " = 1", InputFormError, "no such key"),
    ("[size]\na = 1", InputFormError, "a side in pixels"),
    ("size = true", InputFormError, "size=True: a side in pixels"),
    ("size = [true, 16]", InputFormError, "a side in pixels"),
    ("size = 0", InputFormError, "size=0: a side in pixels"),
    ("size = -1", InputFormError, "size=-1: a side in pixels"),
    ("size = 16.0", InputFormError, "a side in pixels"),
    ('size = "16"', InputFormError, "a side in pixels"),
    ("size = [16]", InputFormError, "a side in pixels"),
    ("size = [16, 16, 3]", InputFormError, "a side in pixels"),
    ("size = [100000, 100000]", InputFormError, "at most 67,108,864 pixels"),
    (f"size = {10**30}", InputFormError, "at most 67,108,864 pixels"),
    ("range = [nan, 1]", InputFormError, "two numbers"),
    ("range = [0, inf]", InputFormError, "two numbers"),
    ("range = [1, 0]", InputFormError, "the second number must be above the first"),
    ("range = [0, 1e300]", InputFormError, "must be above 0, at most 1e+12"),
    ("range = [false, true]", InputFormError, "two numbers"),
    ('range = ["0", "1"]', InputFormError, "two numbers"),
    ("mean = []", InputFormError, "a number, or one per channel"),
    ("mean = nan", InputFormError, "a number, or one per channel"),
    ("mean = true", InputFormError, "a number, or one per channel"),
    ("mean = 1e300", InputFormError, "above white"),
    (f"mean = [{'0,' * 100_000}]", InputFormError, "100000 numbers; give 1 or 3"),
    ("std = 0", InputFormError, "must be above 0"),
    ("std = 1e-300", InputFormError, "must be above 0"),
    ("scale = inf", InputFormError, "a number, such as 255"),
    ("standardized = 1", InputFormError, "true or false"),
    ("order = 3", InputFormError, "one of 'RGB'"),
    ("resize = []", InputFormError, "one of 'bicubic'"),
    ("bits = true", InputFormError, "9 to 16"),
    ("bits = 10000000000000000000", InputFormError, "must be 9 to 16"),
    ("classes = 3", InputFormError, "a list of names"),
    ("classes = [1, 2, 3]", InputFormError, "a list of names"),
    ('classes = ["a"]', ModelError, "1 class names, the network has 3 outputs"),
    ('classes = "none.txt"', ModelError, "none.txt: cannot be read: No such file"),
    ('classes = "../secret"', ModelError, "is outside the folder"),
    ('classes = "/etc/passwd"', ModelError, "is outside the folder"),
    ('classes = "out.txt"', ModelError, "is outside the folder"),
    ('classes = "pipe"', ModelError, "pipe: is not a file"),
    ('classes = "."', ModelError, "is not a file"),
    ('classes = ""', ModelError, "is not a file"),
    ('classes = "a\\u0000b"', ModelError, "no file can have this name"),
    ('classes = "deep.json"', ModelError, "deep.json: line 1 is nested more than 32 deep"),
    ('classes = "half.json"', ModelError, "has a name with an incomplete character"),
    ('classes = "long.csv"', ModelError, "long.csv: is not CSV: field larger than"),
    ("inputs = 3", InputFormError, "a number or a file"),
    ('inputs = {"a" = true}', InputFormError, "a number or a file"),
    ('inputs = {"a" = nan}', InputFormError, "a number or a file"),
    ('inputs = {"a" = "../secret"}', InputFormError, "is outside the folder"),
    ('inputs = {"a" = "pipe"}', InputFormError, "pipe: is not a file"),
]


@pytest.mark.parametrize(("content", "kind", "words"), MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_settings_beside_a_model_are_refused_in_one_line(model, content, kind, words):
    folder = model.parent
    (folder / "out.txt").symlink_to("../secret")
    os.mkfifo(folder / "pipe")
    (folder / "deep.json").write_text(DEEP)
    (folder / "half.json").write_text('["a", "b", "\\ud800"]')
    (folder / "long.csv").write_text("0," + "b" * 200_000)
    (folder / "model.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    found, message = refused(model)
    assert found is kind, message
    assert words in message
    assert "user" not in message.replace(str(folder), "")


@pytest.mark.parametrize("make", ["link", "pipe", "folder", "broken", "loop"])
def test_settings_that_are_no_file_of_the_folder_are_refused(model, make):
    path = model.with_suffix(".toml")
    {
        "link": lambda: path.symlink_to("../secret"),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "broken": lambda: path.symlink_to("none"),
        "loop": lambda: path.symlink_to(path.name),
    }[make]()
    words = {"link": "is outside the folder", "pipe": "is not a file", "folder": "is not a file"}
    found, message = refused(model)
    assert found is InputFormError
    assert words.get(make, "cannot be read") in message


def test_a_link_inside_the_folder_is_followed(model):
    (model.parent / "names.txt").write_text("a\nb\nc\n")
    (model.parent / "real.toml").write_text('classes = "names.txt"')
    model.with_suffix(".toml").symlink_to("real.toml")
    assert load(model).classes == ("a", "b", "c")


def test_paths_of_the_user_are_free(model, tmp_path):
    """The option wins over a path that is refused in the file beside the model, and may be anywhere."""
    model.with_suffix(".toml").write_text('classes = "/etc/passwd"\n')
    assert load(model, classes=tmp_path / "secret").classes == ("key", "of the", "user")


def test_a_replaced_file_of_an_input_is_not_checked(model):
    model.with_suffix(".toml").write_text('inputs = {age = "/etc/passwd"}')
    assert "age: the network has one input" in refused(model, inputs={"age": 1})[1]
    assert "is outside the folder" in refused(model)[1]


def test_a_form_of_the_user_names_any_file(model, tmp_path):
    form = tmp_path / "form.toml"
    form.write_text('classes = "secret"')
    assert load(model, form=form).classes == ("key", "of the", "user")
