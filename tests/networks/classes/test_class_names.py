import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.classes.class_names import read_classes


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("names.txt", "Hund\nKätzchen\n\nMaus\n"),
        ("names.json", '["Hund", "Kätzchen", "Maus"]'),
        ("names.json", '{"1": "Kätzchen", "0": "Hund", "2": "Maus"}'),
        ("names.json", '{"Kätzchen": 1, "Hund": 0, "Maus": 2}'),
        ("names.csv", "Hund\nKätzchen\nMaus\n"),
        ("names.csv", "ClassId,Name\n2,Maus\n1,Kätzchen\n0,Hund\n"),
        ("names.csv", '0,Hund\n1,"Kätzchen"\n2,Maus\n'),
    ],
)
def test_every_form_gives_the_names_in_order(tmp_path, name, text):
    (tmp_path / name).write_text(text, "utf-8")
    assert read_classes(tmp_path / name) == ("Hund", "Kätzchen", "Maus")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("names.json", b"{", "is not JSON"),
        ("names.json", b"3", "must be a list of names"),
        ("names.json", b'{"1": "a", "2": "b"}', "has 2 names but none for class 0; numbers start at 0"),
        ("names.csv", b"0,a\nb\n", "all lines must be 'number,name', or all must be 'name'"),
        ("names.txt", b"\xff\xfe\x00", "is not a text file in UTF-8"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=words):
        read_classes(tmp_path / name)


def test_no_file_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"none\.txt: cannot be read"):
        read_classes(tmp_path / "none.txt")
