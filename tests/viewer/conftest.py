"""Pages of the one running viewer."""

import pytest

from tests.viewer.http_client import Page


@pytest.fixture
def page(viewer):
    """A page of the running viewer, whose network is open."""
    with Page(viewer.url) as page:
        page.wait_for(lambda: page.state()["phase"] == "ready")
        yield page


@pytest.fixture
def scanned(page):
    """A page of the running viewer, which has scanned all images."""
    page.wait_for(lambda: page.state()["evidence"]["phase"] == "ready")
    return page
