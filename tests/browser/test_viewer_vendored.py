"""What the page carries of others: exactly what was published, with its licence, and nothing that is not listed."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

import dreamfilters.viewer

STATIC = Path(dreamfilters.viewer.__file__).parent / "static"
VENDOR = STATIC / "vendor"
FILES = tomllib.loads((VENDOR / "VENDOR.toml").read_text("utf-8"))["file"]


def digest(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("told", FILES, ids=[told["name"] for told in FILES])
def test_a_file_is_the_one_that_was_published(told):
    content = (VENDOR / told["name"]).read_bytes()
    assert digest(content) == told["sha256"]
    if "changed" in told:
        old, new = told["changed"]["from"].encode(), told["changed"]["to"].encode()
        assert content.count(new) == 1
        assert digest(content.replace(new, old)) == told["published_sha256"]


@pytest.mark.parametrize("told", FILES, ids=[told["name"] for told in FILES])
def test_its_licence_lies_beside_it(told):
    text = (VENDOR / told["licence_file"]).read_text("utf-8")
    assert {"MIT": "The MIT License", "Apache-2.0": "Apache License"}[told["licence"]] in text
    assert told["source"].startswith(f"npm:{told['package']}@{told['version']} ")


def test_nothing_else_lies_there():
    listed = {told["name"] for told in FILES} | {told["licence_file"] for told in FILES} | {"VENDOR.toml"}
    assert {path.name for path in VENDOR.iterdir()} == listed


def test_a_browser_finds_every_module_that_is_imported():
    """Each import is the relative address of a file that is there: no bare name, nothing from elsewhere."""
    for path in STATIC.rglob("*.js"):
        text = path.read_text("utf-8")
        for found in re.findall(
            r"""(?:^|;)(?:import|export)\b[^;"'()=]*\bfrom ?["']([^"']+)["']""", text, re.MULTILINE
        ):
            assert found.startswith("."), (path, found)
            assert (path.parent / found).resolve().is_file(), (path, found)


def test_the_page_asks_for_nothing_that_a_strict_policy_refuses():
    """No script or style between the lines, no attribute that is one, no code made of text."""
    page = (STATIC / "index.html").read_text("utf-8")
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\bstyle=|\bon[a-z]+=|javascript:", page)
    assert all(not found.startswith(("/", "http")) for found in re.findall(r'(?:src|href)="([^"]+)"', page))
    for path in (path for path in STATIC.rglob("*.js") if VENDOR not in path.parents):
        text = path.read_text("utf-8")
        assert not re.search(r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", text), (
            path
        )
