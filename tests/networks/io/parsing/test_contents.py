import h5py
import numpy as np
import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.parsing.contents import open_contents
from tests.networks.old_files import conv, numbers, write_h5

CONFIG = {"class_name": "Sequential", "config": {"name": "net", "layers": [conv("conv", 4, 3)]}}


@pytest.fixture
def path(tmp_path):
    return write_h5(tmp_path / "net.h5", CONFIG, {"conv": [("conv/kernel:0", numbers(3, 3, 3, 4))]})


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_the_format_is_detected_by_content(plain, save):
    for saved, named, layout in (("a.keras", "b.h5", dict), ("a.h5", "b.txt", tuple)):
        path = save(plain, saved)
        with open_contents(path.rename(path.with_name(named))) as contents:
            assert isinstance(contents.description.layout, layout)
            assert sum(array.info.count for array in contents.arrays) >= plain.count_params()


def test_an_hdf5_file_behind_other_bytes(path):
    """HDF5 looks for its signature at 512, 1024, 2048, ... bytes."""
    path.write_bytes(bytes(1024) + path.read_bytes())
    with open_contents(path) as contents:
        (block,) = contents.description.layout
        stored = b"".join(map(bytes, contents.arrays[block.arrays[0]].pieces()))
    assert stored == numbers(3, 3, 3, 4).tobytes()


@pytest.mark.parametrize(
    ("group", "key", "names", "words"),
    [
        ("model_weights/conv", "weight_names", ["conv/kernel:0"] * 2, "it lists a weight of conv twice"),
        ("model_weights", "layer_names", ["conv"] * 2, "it lists a layer twice"),
        ("model_weights/conv", "weight_names", ["conv"], "a weight of conv is not an array in this file"),
        ("model_weights/conv", "weight_names", ["./kernel:0"], r"it lists weights at \./kernel:0, but has none there"),
        ("model_weights", "layer_names", ["conv/conv/kernel:0"], "it lists the layer .*, but has an array there"),
        ("model_weights", "layer_names", ["."], r"it lists weights at \., but has none there"),
    ],
)
def test_lists_of_names_that_do_not_fit_are_refused(path, group, key, names, words):
    with h5py.File(path, "a") as file:
        file[group].attrs[key] = np.array([name.encode() for name in names])
    with pytest.raises(ModelError, match=words), open_contents(path):
        pass
