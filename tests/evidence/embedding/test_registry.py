"""PCA against NumPy's SVD; t-SNE and UMAP separate groups in the same bytes; what does not fit is one line."""

import importlib

import numpy as np
import pytest

from dreamfilters.errors import DreamfiltersError, ImageError, RecipeError, UnknownNameError
from dreamfilters.evidence.embedding.methods import pca as pca_module
from dreamfilters.evidence.embedding.methods.method import settings_of
from dreamfilters.evidence.embedding.methods.pca import PCA, principal_components
from dreamfilters.evidence.embedding.registry import EMBEDDING_METHODS, method_of
from tests.thorough import first

NEEDS = {"tsne": "sklearn", "umap": "umap"}


@pytest.mark.parametrize(("shape", "most"), [((40, 5), 2048), ((12, 30), 2048), ((40, 30), 10), ((12, 60), 20)])
def test_components_are_those_of_numpy(monkeypatch, shape, most):
    monkeypatch.setattr(pca_module, "_MOST", most)
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=shape) * np.arange(1, shape[1] + 1) + 5).astype("float32")
    found, shares = principal_components(rows, len(rows), 3)
    left, sizes, right = np.linalg.svd(rows - rows.astype(float).mean(axis=0), full_matrices=False)
    signs = np.sign(right[np.arange(3), np.abs(right[:3]).argmax(axis=1)])
    assert found == pytest.approx((left * sizes)[:, :3] * signs, rel=1e-4, abs=1e-3)
    assert shares == pytest.approx((sizes**2 / (sizes**2).sum())[:3], rel=1e-5)


def test_the_axes_are_those_of_the_images_and_dreams_are_projected():
    images = np.array([[-2, 0], [0, 0.1], [2, 0], [0, -0.1]], "float32")
    dream = np.array([[0, 9]], "float32")
    placed = PCA()(np.concatenate([images, dream]), 4, seed=0)
    assert placed.positions == pytest.approx(np.array([[-2, 0], [0, 0.1], [2, 0], [0, -0.1], [0, 9]]), abs=1e-6)
    assert placed.facts["Axes"] == "The two axes have 99.8 % and 0.2 % of the variance of the images."


def test_features_that_do_not_differ_are_placed_at_one_point():
    assert not PCA()(np.ones((4, 1), "float32"), 4, seed=0).positions.any()
    assert not PCA()(np.ones((4, 3), "float32"), 4, seed=0).positions.any()


@pytest.mark.parametrize("name", first(list(NEEDS)))  # umap-learn compiles for half a minute
def test_groups_are_separated_in_the_same_bytes(name):
    pytest.importorskip(NEEDS[name], reason=f"{name} needs an extra that is not installed")
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(3), 12)
    rows = (10 * np.eye(3)[group] + rng.normal(size=(36, 3))).astype("float32")
    found = method_of(name)(rows, 36, seed=3).positions
    centers = np.stack([found[group == number].mean(axis=0) for number in range(3)])
    nearest = ((found[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
    assert nearest.tolist() == group.tolist()
    assert method_of(name)(rows, 36, seed=3).positions.tobytes() == found.tobytes()


@pytest.mark.parametrize("name", NEEDS)
def test_a_missing_package_is_one_line_with_its_command(monkeypatch, name):
    def missing(module):
        raise ImportError(module)

    monkeypatch.setattr(importlib, "import_module", missing)
    extra = {"tsne": "embedding", "umap": "umap"}[name]
    with pytest.raises(DreamfiltersError, match=rf"which is not installed; pip install 'dreamfilters\[{extra}\]'"):
        method_of(name).check(100)


@pytest.mark.parametrize(
    ("name", "settings", "count", "error", "message"),
    [
        ("pca", (), 2, ImageError, "2 images: pca needs 3 or more"),
        ("tsne", (), 1, ImageError, "1 image: tsne needs 10 or more"),
        ("tsne", ("perplexity=50",), 100, RecipeError, "perplexity=50: 100 images allow at most 33"),
        ("tsne", ("perplexity=nan",), 100, RecipeError, "perplexity=nan: must be 1 or more"),
        ("tsne", ("perplexity=high",), 100, RecipeError, "perplexity=high: must be a number"),
        ("umap", (), 4, ImageError, "4 images: umap needs 10 or more"),
        ("umap", ("neighbors=1",), 40, RecipeError, "neighbors=1: must be 2 or more"),
        ("umap", ("neighbors=40",), 40, RecipeError, "neighbors=40: 40 images have at most 39 neighbors each"),
        ("umap", ("neighbors=2.5",), 40, RecipeError, "neighbors=2.5: must be a whole number"),
        ("umap", ("min_distance=2",), 40, RecipeError, "min_distance=2: must be from 0 to 1"),
        ("pca", ("perplexity=3",), 40, UnknownNameError, "perplexity: pca has no such setting"),
        ("isomap", (), 40, UnknownNameError, "embedding method isomap: there is none. Close names"),
    ],
)
def test_what_does_not_fit_is_one_line(name, settings, count, error, message):
    with pytest.raises(error, match=message):
        method_of(name, settings).check(count)


def test_settings_are_plain_values_and_every_method_says_what_it_shows():
    assert settings_of(method_of("tsne", ["perplexity=12"])) == {"perplexity": 12.0}
    assert settings_of(method_of("pca")) == {}
    assert all(len(method.meaning) > 80 for method in EMBEDDING_METHODS.values())
