"""CONTRIBUTING.md says what the source has."""

from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_map_of_packages_is_complete():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    packages = [path.parent.name for path in (ROOT / "dreamfilters").rglob("__init__.py")]
    assert [name for name in packages if f"`{name}/`" not in text] == ["dreamfilters"]
