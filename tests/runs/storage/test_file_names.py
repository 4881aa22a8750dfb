"""Targets become safe file names, and different targets different ones."""

import string

import pytest
from hypothesis import given, strategies as st

from dreamfilters.runs.storage.file_names import readable, slug

SAFE = set(string.ascii_letters + string.digits + "-")
HOSTILE = [
    "",
    "..",
    "../../etc/passwd",
    "/",
    "a\0b",
    "\\\\host\\share",
    "<script>",
    "x" * 300,
    "CON",
    "-rf",
    "交通標誌",
    "\ud800",
]


@pytest.mark.parametrize("target", HOSTILE)
def test_a_hostile_name_becomes_a_plain_file_name(target):
    name = slug(target)
    assert set(name) <= SAFE
    assert not name.startswith("-")
    assert len(name) <= 60


def test_the_readable_part_keeps_letters_without_accents():
    assert readable('class:"Vorfahrt gewähren"') == "class-Vorfahrt-gewahren"
    assert readable("交通", "network") == "network"


def test_targets_that_differ_in_case_or_punctuation_get_different_names():
    names = ["class:stop", "class:STOP", "class:'STOP'", "class:stöp", "class.stop"]
    assert len({slug(name).lower() for name in names}) == len(names)


def test_the_hash_is_of_the_exact_target():
    assert slug("conv6:12") == "conv6-12-e80fc50567"  # printf conv6:12 | sha256sum
    assert slug("conv6:12 ") != slug("conv6:12")


@given(st.text())
def test_any_text_is_safe(target):
    assert set(slug(target)) <= SAFE
