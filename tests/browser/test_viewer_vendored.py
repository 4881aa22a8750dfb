"""Third-party files of the page: each is as published, has its license, and is listed."""

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


@pytest.mark.parametrize("entry", FILES, ids=[entry["name"] for entry in FILES])
def test_a_file_has_the_published_hash(entry):
    content = (VENDOR / entry["name"]).read_bytes()
    assert digest(content) == entry["sha256"]
    if "changed" in entry:
        old, new = entry["changed"]["from"].encode(), entry["changed"]["to"].encode()
        assert content.count(new) == 1
        assert digest(content.replace(new, old)) == entry["published_sha256"]


@pytest.mark.parametrize("entry", FILES, ids=[entry["name"] for entry in FILES])
def test_its_license_is_in_the_folder(entry):
    text = (VENDOR / entry["license_file"]).read_text("utf-8")
    assert {"MIT": "The MIT License", "Apache-2.0": "Apache License"}[entry["license"]] in text
    assert entry["source"].startswith(f"npm:{entry['package']}@{entry['version']} ")


def test_every_file_of_the_folder_is_listed():
    listed = {entry["name"] for entry in FILES} | {entry["license_file"] for entry in FILES} | {"VENDOR.toml"}
    assert {path.name for path in VENDOR.iterdir()} == listed


def test_every_imported_module_exists():
    """Each import is the relative path of a file of the page: no bare name, no other origin."""
    for path in STATIC.rglob("*.js"):
        text = path.read_text("utf-8")
        for found in re.findall(
            r"""(?:^|;)(?:import|export)\b[^;"'()=]*\bfrom ?["']([^"']+)["']""", text, re.MULTILINE
        ):
            assert found.startswith("."), (path, found)
            assert (path.parent / found).resolve().is_file(), (path, found)


def test_the_page_complies_with_a_strict_policy():
    """No inline script or style, no event attribute, no code from text."""
    page = (STATIC / "index.html").read_text("utf-8")
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\bstyle=|\bon[a-z]+=|javascript:", page)
    assert all(not found.startswith(("/", "http")) for found in re.findall(r'(?:src|href)="([^"]+)"', page))
    for path in (path for path in STATIC.rglob("*.js") if VENDOR not in path.parents):
        text = path.read_text("utf-8")
        assert not re.search(r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", text), (
            path
        )
