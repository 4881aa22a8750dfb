import zipfile

import h5py
import numpy as np
import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.file_checks import check_archive, check_array, check_hdf5, follow, format_of


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_the_format_is_detected_by_content(plain, save):
    for saved, named, kind in (("a.keras", "b.h5", "keras"), ("a.h5", "b.txt", "hdf5")):
        path = save(plain, saved)
        assert format_of(path.rename(path.with_name(named))) == kind


def test_the_numbers_in_a_file_are_counted(tmp_path):
    """6 in one array, 20 in another two groups down, packed, and a single one."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = np.zeros((2, 3))
        file.create_dataset("g/h/b", (4, 5), "f4", data=np.ones((4, 5)), compression="gzip", shuffle=True)
        file["c"] = 3.0
        assert check_hdf5(file) == 27


def test_an_array_is_at_most_a_hundred_times_its_stored_bytes(tmp_path):
    """2**20 bytes pass in any case; beyond them gzip makes of zeros about a thousandth."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        small = file.create_dataset("small", (2**20,), "i1", compression="gzip", data=np.zeros(2**20, "i1"))
        large = file.create_dataset("large", (2**21,), "i1", compression="gzip", data=np.zeros(2**21, "i1"))
        noise = np.random.default_rng(0).integers(0, 9, 2**21).astype("i1")
        real = file.create_dataset("real", (2**21,), "i1", compression="gzip", data=noise)
        check_array(small)
        check_array(real)
        with pytest.raises(ModelError, match=r"/large claims to be larger than the file: 2\.1 MB"):
            check_array(large)


def test_a_filter_that_hdf5_would_load_from_the_disk_is_refused(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk((4,))
        settings.set_filter(307, h5py.h5z.FLAG_OPTIONAL)  # bzip2, a plug-in
        space = h5py.h5s.create_simple((4,))
        h5py.h5d.create(file.id, b"a", h5py.h5t.NATIVE_FLOAT, space, settings)
        with pytest.raises(ModelError, match="uses an unknown compression filter"):
            check_hdf5(file)


def test_links_are_not_followed(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = 1.0
        file["b"] = h5py.SoftLink("/a")
        assert follow(file, "a", "a")[()] == 1
        with pytest.raises(ModelError, match="there is a link out of the file"):
            follow(file, "b", "there")


def test_other_members_of_an_archive_are_allowed(plain, save):
    path = save(plain, "x.keras")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("assets/labels.txt", "a\nb\n")
        check_archive(archive)
