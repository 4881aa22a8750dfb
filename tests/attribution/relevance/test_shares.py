"""Tests of how relevance is shared out."""

import numpy as np
import pytest
from keras import ops

from dreamfilters.attribution.relevance.linear_maps import LinearMap
from dreamfilters.attribution.relevance.shares import by_epsilon, by_parts
from dreamfilters.backend import tensor

KERNEL = tensor([[2.0, -1.0], [-1.0, -3.0], [1.0, 1.0]])
LINEAR = LinearMap(KERNEL, ops.matmul)


def test_alpha1_beta0_shares_by_the_contributions_of_the_sign_of_the_output():
    x, relevance = tensor([[1.0, 2.0, -1.0]]), tensor([[6.0, 10.0]])
    output = tensor([[1.0, -8.0]])
    # unit 0 is positive: of its contributions 2, -2, -1 only that of x0. Unit 1 is negative: -1, -6, -1.
    shares = by_parts(LINEAR, relevance, output, x, None)
    np.testing.assert_allclose(shares, [[6 + 10 / 8, 10 * 6 / 8, 10 / 8]], rtol=1e-6)


def test_z_b_shares_by_the_distances_from_the_limits():
    x, box = tensor([[0.5, 0.25, 0.0]]), (tensor([0.0] * 3), tensor([1.0] * 3))
    relevance, output = tensor([[1.0, 0.0]]), tensor([[1.0, 1.0]])
    # 2 (0.5 - 0), -1 (0.25 - 1), 1 (0 - 0)
    np.testing.assert_allclose(by_parts(LINEAR, relevance, output, x, box), [[1 / 1.75, 0.75 / 1.75, 0]], rtol=1e-6)


def test_an_output_that_only_its_bias_raises_passes_no_relevance():
    x, relevance = tensor([[0.0, 1.0, 0.0]]), tensor([[1.0, 0.0]])
    np.testing.assert_array_equal(by_parts(LINEAR, relevance, tensor([[3.0, -3.0]]), x, None), [[0, 0, 0]])


def test_the_epsilon_rule_gives_the_bias_its_share():
    x, output, relevance = tensor([[1.0, 2.0, 3.0]]), tensor([[3.0, -4.0]]), tensor([[3.0, 0.0]])
    # without epsilon, each contribution x w of the output 3 stands for itself
    np.testing.assert_allclose(by_epsilon(LINEAR, relevance, output, x, 0), [[2, -2, 3]], rtol=1e-6)
    size = np.sqrt((3**2 + 4**2) / 2)
    np.testing.assert_allclose(
        by_epsilon(LINEAR, relevance, output, x, 0.1), np.float32([[2, -2, 3]]) * 3 / (3 + 0.1 * size), rtol=1e-6
    )


def test_an_output_of_zero_passes_no_relevance():
    shares = by_epsilon(LINEAR, tensor([[1.0, 1.0]]), tensor([[0.0, 0.0]]), tensor([[1.0, 1.0, 1.0]]), 0)
    assert np.asarray(shares) == pytest.approx(np.zeros((1, 3)))
