"""The file of a learned prior: the same after reading, and every damage is an error."""

import json

import numpy as np
import pytest

from dreamfilters.dreams.priors.denoiser import initial_weights
from dreamfilters.dreams.priors.denoiser_weights import Architecture
from dreamfilters.dreams.priors.learned_prior import LearnedPrior, TrainingRecord, from_arrays, is_learned

RECORD = TrainingRecord(
    images=200,
    held_out=20,
    found=230,
    images_digest="0123",
    steps=7,
    seed=1,
    loss=0.5,
    held_out_errors=(0.1, 0.2),
    wiener_errors=(0.4, 0.2),
    held_out_distances=(1.0, 2.0, 3.0),
    versions={"keras": "3"},
)


def prior(**changes):
    rng, architecture = np.random.default_rng(0), Architecture(2)
    values = {
        "name": "two", "size": (8, 16), "architecture": architecture, "record": RECORD,
        "weights": initial_weights(architecture, 0),
        "sample": rng.integers(0, 256, (3, 8, 16, 2), "uint8"),
        "thumbnails": rng.integers(0, 256, (5, 8, 8, 2), "uint8"),
    }  # fmt: skip
    return LearnedPrior(**{**values, **changes})


def arrays_of(made, tmp_path):
    with np.load(made.save(tmp_path / "prior.npz"), allow_pickle=False) as arrays:
        return dict(arrays)


def test_the_ratio_is_the_geometric_mean():
    assert RECORD.ratio == pytest.approx(0.5)  # of 1/4 and 1
    assert RECORD.is_better_than_linear


def test_a_file_gives_back_the_same_prior_and_bytes(tmp_path):
    made = prior()
    arrays = arrays_of(made, tmp_path)
    assert is_learned(arrays)
    found = from_arrays(arrays)
    assert (found, found.digest, found.record, found.channels) == (made, made.digest, RECORD, 2)
    assert found.to_bytes() == made.to_bytes()


def test_the_digest_covers_weights_and_record():
    changed = {**prior().weights, "enter.bias": np.ones(32, "float32")}
    assert len({made.digest for made in (prior(), prior(weights=changed), prior(name="other"))}) == 3


def broken(arrays, what):
    arrays, record = dict(arrays), json.loads(str(arrays["record"]))
    if what == "no record":
        del arrays["record"]
    elif what == "numbers for a record":
        arrays["record"] = np.zeros(3)
    elif what == "a weight is missing":
        del arrays["weight.enter.kernel"]
    elif what == "a weight of another shape":
        arrays["weight.enter.bias"] = arrays["weight.enter.bias"][:-1]
    elif what == "a weight of another type":
        arrays["weight.enter.bias"] = arrays["weight.enter.bias"].astype("float64")
    elif what == "a weight is not finite":
        arrays["weight.enter.bias"][0] = np.nan
    elif what == "no sample":
        arrays["sample"] = arrays["sample"][:0]
    elif what == "another size":
        record["size"] = [8, 17]
    elif what == "another version":
        record["format"] = 2
    elif what == "five channels":
        record["channels"] = 5
    elif what == "a text for a number":
        record["training"]["steps"] = "7"
    if "record" in arrays and what not in ("numbers for a record",):
        arrays["record"] = np.array(json.dumps(record))
    return arrays


@pytest.mark.parametrize(
    "what",
    [
        "no record", "numbers for a record", "a weight is missing", "a weight of another shape",
        "a weight of another type", "a weight is not finite", "no sample", "another size", "another version",
        "five channels", "a text for a number",
    ],
)  # fmt: skip
def test_a_damage_is_a_value_error(tmp_path, what):
    arrays = arrays_of(prior(), tmp_path)
    assert from_arrays(broken(arrays, "")).digest == prior().digest
    with pytest.raises(ValueError, match=r".+"):
        from_arrays(broken(arrays, what))
