import numpy as np
import pytest
from keras import Sequential, layers

from dreamfilters.dreams.ascent.prediction import dream_prediction, predicted_classes


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("shape", [(), (3, 2)])
def test_the_predicted_classes_are_those_of_which_a_dream_would_be_predicted(network_of, activation, shape):
    last = layers.Conv2D(4, 1, activation=activation) if shape else layers.Dense(4, activation=activation)
    network = network_of(Sequential([layers.Input((3, 2, 1)), *([] if shape else [layers.Flatten()]), last]))
    rng = np.random.default_rng(1)
    for _ in range(20):
        logits = rng.normal(0, 2, (*shape, 4)).astype("float32")
        expected = [dream_prediction(network, logits, number).is_predicted for number in range(4)]
        assert predicted_classes(network, logits).tolist() == expected
