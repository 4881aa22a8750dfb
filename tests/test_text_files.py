"""Files of every malformed kind end in one line, before they cost time or memory."""

import os
import time

import pytest

from dreamfilters.errors import InputFormError, ModelError
from dreamfilters.text_files import LARGEST_TEXT, check_inside, parse_csv, parse_json, parse_toml, read_text, shown


def refusal(function, *arguments, **settings):
    """The one line with which a call is refused, within a second of CPU time."""
    start = time.process_time()
    with pytest.raises(ModelError) as caught:
        function(*arguments, error=ModelError, **settings)
    assert time.process_time() - start < 1
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 500
    return message


def test_line_ends_and_a_byte_order_mark_are_left_out(tmp_path):
    path = tmp_path / "names.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n")
    assert read_text(path, error=ModelError) == "a\nb\nc\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a" * (LARGEST_TEXT + 1), "is larger than 1,048,576 bytes"),
        (b"a\0b", "is not a text file in UTF-8: it contains a zero byte"),
        ("größe".encode("latin-1"), "is not a text file in UTF-8"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, content, words):
    (tmp_path / "x").write_bytes(content)
    assert words in refusal(read_text, tmp_path / "x")


def test_a_file_of_the_limit_is_read(tmp_path):
    (tmp_path / "x").write_bytes(b"a" * LARGEST_TEXT)
    assert len(read_text(tmp_path / "x", error=ModelError)) == LARGEST_TEXT


def test_other_paths_are_refused(tmp_path):
    assert "x: cannot be read: No such file" in refusal(read_text, tmp_path / "x")
    assert "cannot be read: Is a directory" in refusal(read_text, tmp_path)
    assert "no file can have this name" in refusal(read_text, tmp_path / "a\0b")
    assert "cannot be read: File name too long" in refusal(read_text, tmp_path / ("a" * 300))


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="the system has no /dev/zero")  # noqa: PTH110
def test_an_endless_device_is_read_to_the_limit():
    from pathlib import Path

    assert "/dev/zero: is larger than" in refusal(read_text, Path("/dev/zero"))


def test_a_pipe_of_the_user_is_read():
    from pathlib import Path

    read, write = os.pipe()
    os.write(write, b"STOP\n")
    os.close(write)
    if not Path(f"/dev/fd/{read}").exists():
        pytest.skip("the system has no /dev/fd")
    assert read_text(Path(f"/dev/fd/{read}"), error=ModelError) == "STOP\n"
    os.close(read)


def test_only_regular_files_inside_the_folder_are_accepted(tmp_path):
    folder, secret = tmp_path / "model", tmp_path / "credentials"
    folder.mkdir()
    (folder / "below").mkdir()
    secret.write_text("secret")
    (folder / "names.txt").write_text("a")
    (folder / "link.txt").symlink_to("names.txt")
    (folder / "out.txt").symlink_to(secret)
    (folder / "hop").symlink_to(tmp_path)
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    for name in ("names.txt", "link.txt", "below/../names.txt"):
        check_inside(folder / name, folder, error=ModelError)
    for name in ("out.txt", "../credentials", "hop/credentials", str(secret), "/dev/zero"):
        assert "is outside the folder" in refusal(check_inside, folder / name, folder)
    for name in ("pipe", "below", "."):
        assert "is not a file" in refusal(check_inside, folder / name, folder)
    for name in ("none.txt", "loop", "a\0b", "a" * 300):
        assert refusal(check_inside, folder / name, folder)


def test_a_folder_that_is_reached_by_a_link_holds_its_files(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "names.txt").write_text("a")
    (tmp_path / "link").symlink_to("real")
    check_inside(tmp_path / "link" / "names.txt", tmp_path / "link", error=ModelError)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (".".join("a" * 20_000) + " = 1", "line 1 is nested more than 32 deep"),  # 1.9 GB in Python 3.11
        ("x = 1\n[" + ".".join("a" * 20_000) + "]", "line 2 is nested more than 32 deep"),
        (".".join(['"a"'] * 40) + " = 1", "is nested more than 32 deep"),
        ("a = " + "[" * 5_000, "is nested more than 32 deep"),
        ("a = " + "{b=" * 40 + "1" + "}" * 40, "is nested more than 32 deep"),
        ("a = " + "9" * 5_000, "is not TOML: Exceeds the limit"),
        ("a = \x07", "is not TOML"),
        ('a = "' + "\\" * 10_000, "is not TOML"),
        ("a = 1\na = 2", "is not TOML: Cannot overwrite a value"),
        ("a", "is not TOML"),
    ],
)
def test_malformed_toml_is_refused(text, words):
    message = refusal(parse_toml, text, "model.toml")
    assert message.startswith("model.toml: ")
    assert words in message


def test_brackets_and_dots_in_texts_and_comments_do_not_nest():
    text = f"""
        a = '{"[" * 100}'
        b = "{"." * 100}\\"{"[" * 100}"
        c = '''{"." * 50}
        {"[" * 50}'''
        # {"[" * 100} {"." * 100}
        d = [{", ".join(["[1.5]"] * 100)}]
        e."f.g.h" = 1
    """
    values = parse_toml(text, "model.toml", error=ModelError)
    assert values["a"] == "[" * 100
    assert values["d"] == [[1.5]] * 100
    assert values["e"] == {"f.g.h": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "is nested more than 32 deep"),
        ('{"a":' * 100_000, "is nested more than 32 deep"),
        ("9" * 5_000, "is not JSON: Exceeds the limit"),
        ('["a', "is not JSON"),
        ("", "is not JSON"),
    ],
)
def test_malformed_json_is_refused(text, words):
    assert words in refusal(parse_json, text, "names.json")


def test_a_long_field_of_csv_is_refused():
    assert "names.csv: is not CSV: field larger than" in refusal(parse_csv, "a," + "b" * 200_000, "names.csv")
    assert "is not CSV" in refusal(parse_csv, '"' + "b\n" * 200_000, "names.csv")
    assert parse_csv("a; b\n\nc;d", "x", error=ModelError, delimiter=";") == [["a", "b"], ["c", "d"]]


def test_the_caller_names_the_class_of_the_error():
    with pytest.raises(InputFormError):
        parse_json("", "x", error=InputFormError)


def test_values_in_messages_are_short():
    assert shown([1, 2]) == "[1, 2]"
    assert len(shown("a" * 10**6)) == 80
