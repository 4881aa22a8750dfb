"""Tabs of the one running viewer."""

import pytest

from tests.viewer.visiting import Page


@pytest.fixture
def page(viewer):
    """A tab of the running viewer, whose network is open."""
    with Page(viewer.url) as tab:
        tab.until(lambda: tab.state()["phase"] == "ready")
        yield tab


@pytest.fixture
def studied(page):
    """A tab of the running viewer, which has looked at all images."""
    page.until(lambda: page.state()["evidence"]["phase"] == "ready")
    return page
