"""Checkpoints that TensorFlow writes, compared with what TensorFlow reads."""

import numpy as np
import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.parsing.saved_model.checkpoint import Checkpoint

tf = pytest.importorskip("tensorflow", reason="TensorFlow, which writes these files, is not installed")

BIG = np.random.default_rng(0).normal(size=(300, 70)).astype("float32")
ARRAYS = {
    "a": np.arange(12, dtype="float32").reshape(4, 3),
    "bfloat": tf.constant([1, 2.5], tf.bfloat16),
    "double": np.array([[1e300]]),
    "empty": np.zeros((0, 3), "float32"),
    "half": np.array([0.5], "float16"),
    "long": np.arange(5),
    "scalar": np.array(True),
    "text": tf.constant("hello"),
    "unsigned": np.array([2**32 - 1], "uint32"),
}


def write(prefix, arrays, parts=None):
    """Write a checkpoint in one file; `parts` are the parts of a variable as TensorFlow describes them."""
    described = parts or [""] * len(arrays)
    names = [name.partition("@")[0] for name in arrays]
    tf.raw_ops.SaveV2(prefix=str(prefix), tensor_names=names, shape_and_slices=described, tensors=list(arrays.values()))


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Two files, and a variable in two parts that cover all columns, one of them with both sides given."""
    folder = tmp_path_factory.mktemp("checkpoint")
    write(folder / "one", ARRAYS)
    write(folder / "two", {"part@0": BIG[:100], "part@1": BIG[100:]}, ["300 70 0,100:-", "300 70 100,200:0,70"])
    write(folder / "three", {"wide@0": BIG[:, :1], "wide@1": BIG[:, 1:]}, ["300 70 -:0,1", "300 70 -:1,69"])
    tf.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=[str(folder / name) for name in ("one", "two", "three")],
        destination_prefix=str(folder / "all"),
        delete_old_dirs=False,
    )
    return folder / "all"


def test_arrays_are_those_that_tensorflow_reads(prefix):
    assert len(list(prefix.parent.glob("all.data-*"))) == 3
    reader = tf.train.load_checkpoint(str(prefix))
    found, checkpoint = {}, Checkpoint(prefix)
    for key, array in checkpoint.arrays().items():
        found[key] = (array.info.dtype, list(array.info.shape))
        if array.info.dtype != "string":
            assert b"".join(array.pieces()) == reader.get_tensor(key).tobytes()
    types = reader.get_variable_to_dtype_map()
    assert found == {key: (types[key].name, shape) for key, shape in reader.get_variable_to_shape_map().items()}
    assert bytes(checkpoint.text(b"text")) == b"hello"
    with pytest.raises(ModelError, match="has no text a"):
        checkpoint.text(b"a")


def test_many_variables_over_several_blocks(tmp_path):
    """The index has a block for each 256 kB."""
    names = [f"model/block_{number:05}/{'x' * 60}/kernel" for number in range(5000)]
    write(tmp_path / "x", {name: np.float32(number) for number, name in enumerate(names)})
    assert (tmp_path / "x.index").stat().st_size > 2**18 / 2
    arrays = Checkpoint(tmp_path / "x").arrays()
    assert list(arrays) == names
    assert b"".join(arrays[names[4321]].pieces()) == np.float32(4321).tobytes()


def copied(prefix, folder):
    for path in prefix.parent.glob("all.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder / "all"


def test_any_changed_byte_is_refused(prefix, tmp_path):
    """Of the index and of the arrays; a byte that is not used may change."""
    copy, chance = copied(prefix, tmp_path), np.random.default_rng(0)
    want = {key: b"".join(array.pieces()) for key, array in Checkpoint(copy).arrays().items() if array.info.count}
    refused = 0
    for path in sorted(copy.parent.glob("all.*")):
        whole = path.read_bytes()
        for at in chance.integers(0, len(whole), 40):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chance.integers(8)]) + whole[at + 1 :])
            try:
                arrays = Checkpoint(copy).arrays()
                assert {key: b"".join(array.pieces()) for key, array in arrays.items() if array.info.count} == want
            except ModelError:
                refused += 1
        path.write_bytes(whole)
    assert refused > 140  # of 160


@pytest.mark.parametrize("length", [0, 1, 40, 47, 48, 100, -1])
def test_a_truncated_index_is_refused(prefix, tmp_path, length):
    copy = copied(prefix, tmp_path)
    index = copy.with_name("all.index")
    index.write_bytes(index.read_bytes()[:length])
    with pytest.raises(ModelError, match="the index of its checkpoint is damaged"):
        Checkpoint(copy)


def test_missing_files_are_refused(prefix, tmp_path):
    copy = copied(prefix, tmp_path)
    next(iter(tmp_path.glob("all.data-00001*"))).unlink()
    with pytest.raises(ModelError, match=r"its checkpoint claims that .*part.* is larger than the file"):
        Checkpoint(copy)
