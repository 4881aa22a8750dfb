"""The training of the prior of `signs`: its images, and a file of half the precision that reads as the prior."""

import numpy as np

from dreamfilters.dreams.priors.built_in_prior import NAME
from dreamfilters.runs.storage.prior_files import read_prior
from dreamfilters.signs import train_prior
from dreamfilters.signs.rendering.scenes import render


def test_the_images_are_rendered_signs_of_all_classes():
    found = train_prior.images(of_class=2)
    assert found.shape == (86, 32, 32, 3)
    assert np.array_equal(found[3], np.rint(render(1, 10_001, 32) * 255).astype("uint8"))


def test_a_file_of_half_precision_is_read_as_a_prior(tmp_path, monkeypatch):
    made = []
    fit = train_prior.fit_prior
    monkeypatch.setattr(train_prior, "STEPS", 2)
    monkeypatch.setattr(train_prior, "fit_prior", lambda *a, **k: made.append(fit(*a, **k)) or made[0])
    small = train_prior.images(of_class=3)
    monkeypatch.setattr(train_prior, "images", lambda: small)
    train_prior.main([str(tmp_path)])
    found, whole = read_prior(tmp_path / NAME), made[0]
    for name, weight in whole.weights.items():
        np.testing.assert_allclose(found.weights[name], weight, rtol=1e-3, atol=1e-6)
    assert found.record == whole.record
    assert len(found.sample) == 64 < len(whole.sample)
    assert np.array_equal(found.thumbnails, whole.thumbnails)
