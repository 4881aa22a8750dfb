import h5py
import numpy as np
import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.model_file import open_model, read_stored
from tests.networks.old_files import conv, convolved, numbers, write_h5

X = numbers(2, 6, 6, 3)
KERNEL, BIAS = numbers(3, 3, 3, 4), numbers(4)
CONFIG = {
    "class_name": "Sequential",
    "config": {"name": "net", "layers": [conv("conv", 4, 3, batch_input_shape=[None, 6, 6, 3])]},
}


@pytest.fixture
def path(tmp_path):
    arrays = {"conv": [("conv/kernel:0", KERNEL), ("conv/bias:0", BIAS)]}
    return write_h5(tmp_path / "net.h5", CONFIG, arrays, version="2.3.1")


def test_the_content_of_a_file(path):
    stored = read_stored(path)
    assert (stored.version, stored.is_old, stored.config) == ("2.3.1", True, CONFIG)


def test_a_long_list_of_names_is_in_several_attributes(path):
    with h5py.File(path, "a") as file:
        group = file["model_weights/conv"]
        names = list(group.attrs["weight_names"])
        del group.attrs["weight_names"]
        for number, name in enumerate(names):
            group.attrs[f"weight_names{number}"] = np.array([name])
    np.testing.assert_allclose(np.asarray(open_model(path).model(X)), convolved(X, KERNEL, BIAS), atol=1e-5)


def elsewhere(group, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["kernel"] = KERNEL
    group["kernel:0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/kernel")


def soft(group, tmp_path):
    group["kernel:0"] = h5py.SoftLink("/model_weights/conv/conv/bias:0")


def outside(group, tmp_path):
    (tmp_path / "numbers").write_bytes(KERNEL.tobytes())
    group.create_dataset("kernel:0", KERNEL.shape, "f4", external=[(str(tmp_path / "numbers"), 0, KERNEL.nbytes)])


def virtual(group, tmp_path):
    elsewhere(group, tmp_path)
    del group["kernel:0"]
    layout = h5py.VirtualLayout(KERNEL.shape, "f4")
    layout[...] = h5py.VirtualSource(str(tmp_path / "other.h5"), "kernel", KERNEL.shape)
    group.create_virtual_dataset("kernel:0", layout)


def huge(group, tmp_path):
    group.create_dataset("kernel:0", (10**6, 10**6), "f4")


def absent(group, tmp_path):
    pass


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (elsewhere, "is a link out of the file, which is not followed"),
        (soft, "is a link out of the file, which is not followed"),
        (outside, "keeps its values in another file, which is not read"),
        (virtual, "keeps its values in another file, which is not read"),
        (huge, "claims to be larger than the file"),
        (absent, "it lists weights at conv/kernel:0, but has none there"),
    ],
)
def test_nothing_is_read_from_other_files(path, tmp_path, change, words):
    with h5py.File(path, "a") as file:
        group = file["model_weights/conv/conv"]
        del group["kernel:0"]
        change(group, tmp_path)
    with pytest.raises(ModelError) as caught:
        open_model(path)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", [b"{", b"[]", b"3", b"null", b"[" * 100_000])
def test_an_invalid_configuration_is_refused(path, text):
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = text[:60_000]
    with pytest.raises(ModelError) as caught:
        open_model(path)
    assert "its configuration is not" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
