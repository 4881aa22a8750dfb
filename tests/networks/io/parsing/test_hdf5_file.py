import h5py
import numpy as np
import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing.hdf5_file import Hdf5File, node_at, text_of, texts_of


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.h5"


def content(file):
    return Hdf5File(file, file.id.get_filesize())


def test_groups_and_arrays_are_numbered(path):
    """6 in one array, 20 in another two groups down, packed, and a single one."""
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros((2, 3))
        file.create_dataset("g/h/b", (4, 5), "f4", data=np.ones((4, 5)), compression="gzip", shuffle=True)
        file["c"] = 3.0
        stored = content(file)
        assert stored.tree == {"a": 0, "c": 1, "g": {"h": {"b": 2}}}
        assert [array.info.count for array in stored.arrays] == [6, 1, 20]
        assert node_at(stored.tree, "g/h/b") == 2
        with pytest.raises(ModelError, match="it lists weights at g/x, but has none there"):
            node_at(stored.tree, "g/x")


@pytest.mark.parametrize("piece", [1, 7, 100, 2**22])
@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (4, 5, 6), (1, 300)])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "i1", "?"])
def test_an_array_is_read_in_pieces(path, monkeypatch, piece, shape, dtype):
    monkeypatch.setattr(limits, "PIECE", piece)
    values = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    with h5py.File(path, "w") as file:
        chunks = tuple(min(side, 2) for side in shape) if values.size and shape else None
        file.create_dataset("a", data=values, chunks=chunks)
        stored = content(file).arrays[0]
        pieces = [bytes(one) for one in stored.pieces()]
    assert b"".join(pieces) == values.astype(values.dtype.newbyteorder("<")).tobytes()
    assert all(len(one) <= max(piece, values.itemsize) for one in pieces)
    assert stored.info.dtype == values.dtype.name


def test_the_arrays_of_a_file_claim_at_most_twenty_times_its_stored_bytes(path):
    """Together 2**20 bytes pass in any case; beyond them gzip makes of zeros about a thousandth."""
    with h5py.File(path, "w") as file:
        file.create_dataset("small", (2**20,), "i1", compression="gzip", data=np.zeros(2**20, "i1"))
        content(file)
        file.create_dataset("large", (2**21,), "i1", compression="gzip", data=np.zeros(2**21, "i1"))
        with pytest.raises(ModelError, match=r"claims to be larger than the file: .* 3\.15 MB, .* such as /large"):
            content(file)
        noise = np.random.default_rng(0).integers(0, 9, 2**21).astype("i1")
        file.create_dataset("real", (2**21,), "i1", compression="gzip", data=noise)
        content(file)


def test_many_arrays_that_are_not_written_are_counted_together(path):
    """Each claims as little as a file may have in any case."""
    with h5py.File(path, "w") as file:
        for number in range(100):
            file.create_dataset(f"a{number}", (2**18,), "f4")
        with pytest.raises(ModelError, match="claims to be larger than the file"):
            content(file)


def test_arrays_cannot_share_their_stored_bytes(path):
    """The bytes that are stored are never more than those of the file."""
    with h5py.File(path, "w") as file:
        for number in range(3):
            file[f"a{number}"] = np.ones(2**20)
        stored = content(file)
        assert len(stored.arrays) == 3
        with pytest.raises(ModelError, match="claims to be larger than the file"):
            Hdf5File(file, 2**20)


def test_links_are_counted_before_they_are_followed(path, monkeypatch):
    monkeypatch.setattr(limits, "MOST_OBJECTS", 50)
    with h5py.File(path, "w") as file:
        group = file.create_group("g")
        group["a"] = 1.0
        for number in range(60):
            group.id.links.create_hard(b"%d" % number, group.id, b"a")
        with pytest.raises(ModelError, match="has more than 50 objects"):
            content(file)


def test_a_filter_that_hdf5_would_load_from_the_disk_is_refused(path):
    with h5py.File(path, "w") as file:
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk((4,))
        settings.set_filter(307, h5py.h5z.FLAG_OPTIONAL)  # bzip2, a plug-in
        space = h5py.h5s.create_simple((4,))
        h5py.h5d.create(file.id, b"a", h5py.h5t.NATIVE_FLOAT, space, settings)
        with pytest.raises(ModelError, match="uses an unknown compression filter"):
            content(file)


def test_links_are_not_followed(path):
    with h5py.File(path, "w") as file:
        file["a"] = 1.0
        file["b"] = h5py.SoftLink("/a")
        with pytest.raises(ModelError, match="/b is a link out of the file"):
            content(file)


def test_attributes_that_are_not_texts_are_refused(path):
    with h5py.File(path, "w") as file:
        file.attrs["none"] = np.zeros(0)
        file.attrs["fixed"] = np.array([b"a", b"b"])
        file.attrs["listed"] = ["a", "b"]
        file.attrs["text"] = "abc"
        file.attrs["numbers"] = np.ones(3)
        file.attrs["chars"] = h5py.Empty("S10")
        assert texts_of(file, "absent") is None
        assert texts_of(file, "none") == texts_of(file, "chars") == []
        assert texts_of(file, "fixed") == texts_of(file, "listed") == ["a", "b"]
        assert text_of(file, "text") == "abc"
        for name in ("numbers", "listed"):
            with pytest.raises(ModelError, match=f"its attribute {name} is not"):
                text_of(file, name)


def test_a_list_of_texts_is_bounded(path, monkeypatch):
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["many"] = np.array([b"conv"] * 1000)
        monkeypatch.setattr(limits, "MOST_OBJECTS", 999)
        with pytest.raises(ModelError, match="many is not a list of texts"):
            texts_of(file, "many")
        monkeypatch.undo()
        monkeypatch.setattr(limits, "LARGEST_CONFIG", 3999)
        with pytest.raises(ModelError, match="many is too long: 4,000 bytes"):
            texts_of(file, "many")
