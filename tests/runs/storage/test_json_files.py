"""JSON with its own checksum, and its limits."""

import hashlib
import json
import time

import pytest

from dreamfilters.errors import DamagedError, OutputError
from dreamfilters.runs.storage import json_files
from dreamfilters.runs.storage.json_files import as_json, checked, parsed, read_json, with_checksum

VALUES = {"a": [1, 2.5, None], "b": {"c": "ä\ud800", "d": 'x"[{\\'}}


def test_json_is_strict_and_escapes_half_a_surrogate():
    assert json.loads(as_json({"a": float("inf"), 3: (1.5, "ä\ud800")})) == {"a": None, "3": [1.5, "ä\ud800"]}
    assert "ä" in as_json("ä")


def test_the_checksum_is_that_of_all_lines_but_the_last_two():
    text = with_checksum(as_json(VALUES))
    lines = text.splitlines(keepends=True)
    assert json.loads(text)["checksum"] == hashlib.sha256("".join(lines[:-2]).encode()).hexdigest()
    assert checked(text.encode()) == VALUES


def test_every_change_of_a_byte_is_noticed():
    content = with_checksum(as_json(VALUES)).encode()
    for at in range(len(content)):
        for byte in (0, ord(" "), content[at] ^ 1):
            if byte != content[at]:
                with pytest.raises(ValueError, match="checksum is missing or that of another"):
                    checked(content[:at] + bytes([byte]) + content[at + 1 :])
        with pytest.raises(ValueError, match="checksum is missing"):
            checked(content[:at])
    for changed in (content + b"\n", content + content, b" " + content):
        with pytest.raises(ValueError, match="checksum is missing"):
            checked(changed)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[" * 10**6, "levels deep"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "levels deep"),
        (b"9" * 5000, "digits"),
        (b'{"a": -' + b"1" * 40 + b"}", "digits"),
        (b"1e" + b"0" * 50 + b"1", "digits"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b'{"a": 1, "a": 2}', "a key occurs twice"),
        (b"[" + b"{}," * 2**22 + b"{}]", "values"),
        (b"[" + b"1," * 2**23 + b"1]", "values"),
        (b"\xff", "utf-8"),
        ("[1]".encode("utf-16"), "utf-8|Expecting"),
        (b'"' + b'\\"' * 10**6, "Unterminated"),
        (b'"' * 1001, "Extra data"),
        (b"", "Expecting value"),
    ],
)
def test_hostile_json_is_refused_in_little_time(content, words):
    began = time.process_time()
    with pytest.raises(ValueError, match=words):
        parsed(content)
    assert time.process_time() - began < 5


def test_brackets_and_digits_inside_texts_do_not_count():
    text = "[" * 100 + '"' + "9" * 100 + "\\"
    assert parsed(json.dumps([text]).encode()) == [text]


def test_a_file_that_is_too_large_is_neither_written_nor_parsed(monkeypatch):
    monkeypatch.setattr(json_files, "MOST_BYTES", 20)
    with pytest.raises(ValueError, match="it has 21 bytes; at most 20"):
        parsed(b" " * 21)
    with pytest.raises(OutputError, match="at most 20 in a file"):
        with_checksum(as_json({"a": "x" * 30}))


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "a.json").write_text(with_checksum(as_json({"a": 1})))
    assert read_json(tmp_path, "a.json") == {"a": 1}
    (tmp_path / "a.json").write_text(with_checksum(as_json({"a": 1})).replace("1", "2", 1))
    with pytest.raises(DamagedError, match=r"a\.json: is damaged \(its checksum"):
        read_json(tmp_path, "a.json")
