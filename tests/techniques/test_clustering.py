import numpy as np
import pytest

from dreamfilters.errors import ImageError
from dreamfilters.techniques.clustering import clustered, purity, purity_by_chance, silhouette


@pytest.fixture
def blobs():
    """Three directions with 8, 6 and 4 rows each."""
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [8, 6, 4])
    return np.eye(10)[truth] * rng.uniform(1, 5, (18, 1)) + 0.05 * rng.normal(size=(18, 10)), truth


def test_clear_clusters_are_found_with_their_number(blobs):
    vectors, truth = blobs
    found = clustered(vectors, seed=3)
    assert found.numbers.tolist() == truth.tolist()  # by descending size
    assert found.silhouette > 0.8
    assert found.count == 3
    assert clustered(vectors, 2).count == 2


def test_the_same_seed_gives_the_same_clusters(blobs):
    assert clustered(blobs[0], 3, seed=5).distances.tobytes() == clustered(blobs[0], 3, seed=5).distances.tobytes()


def test_members_are_sorted_by_distance(blobs):
    found = clustered(blobs[0], 3)
    assert np.all(np.diff(found.distances[found.members(0)]) >= 0)


def test_silhouette_against_a_second_implementation(blobs):
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    assert silhouette(*blobs) == pytest.approx(metrics.silhouette_score(*blobs))


def test_silhouette_of_one_cluster_and_of_a_row_alone():
    assert silhouette(np.zeros((3, 2)), np.zeros(3, int)) == 0
    # the row alone counts 0, the others 1 - 1 / 9 and 1 - 1 / 10
    found = silhouette(np.array([[0.0], [1.0], [10.0]]), np.array([0, 0, 1]))
    assert found == pytest.approx((0 + (1 - 1 / 9) + (1 - 1 / 10)) / 3)


def test_purity_by_hand_and_by_chance():
    assert purity([0, 0, 0, 1, 1], ["a", "a", "b", "b", "b"]) == 0.8
    assert purity_by_chance([0, 0, 0, 0], ["a", "a", "a", "b"]) == 0.75  # one cluster: any order is the same
    chance = purity_by_chance([0, 0, 1, 1], ["a", "a", "b", "b"])
    assert chance == pytest.approx(1 / 3 * 1 + 2 / 3 * 0.5, abs=0.06)  # 2 of 6 orders are pure


def test_too_few_rows_and_rows_that_are_alike_are_refused():
    with pytest.raises(ImageError, match="3 clusters of 2 images"):
        clustered(np.eye(2), 3)
    with pytest.raises(ImageError, match="only 1 differ"):
        clustered(np.ones((6, 4)), 3)
