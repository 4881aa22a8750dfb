import numpy as np
import pytest

from dreamfilters.runs.storage.array_files import npz_bytes, read_npz


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_equal_arrays_have_equal_bytes_and_come_back(save, tmp_path):
    arrays = {"b": np.eye(3, dtype=np.float32), "a": np.zeros(2, np.float16)}
    content = npz_bytes(arrays, save)
    assert content == npz_bytes(dict(arrays), save)
    (tmp_path / "arrays.npz").write_bytes(content)
    found = read_npz(tmp_path / "arrays.npz")
    assert list(found) == ["b", "a"]
    assert all(np.array_equal(found[name], arrays[name]) and found[name].dtype == arrays[name].dtype for name in arrays)
