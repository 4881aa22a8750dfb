from pathlib import Path

import pytest

from dreamfilters.cli.options import images_or_samples
from dreamfilters.errors import ImageError


def test_only_the_built_in_network_has_samples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert images_or_samples("signs", Path("mine")) == Path("mine")
    folder = images_or_samples("signs", None)
    assert len(list(folder.glob("*/*.png"))) == 43 * 4
    with pytest.raises(ImageError, match=r"signs\.keras: no images; give an image"):  # another network of this name
        images_or_samples("signs.keras", None)
