"""A Keras model in place of a network: the same results, which follow its weights."""

import keras
import numpy as np
import pytest

import dreamfilters as df


@pytest.mark.thorough
@pytest.mark.slow
def test_a_keras_model_gives_the_results_of_its_network_also_after_training(make_tiny, tmp_path):
    rescaled = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Rescaling(1 / 255), *make_tiny().layers])
    images = np.random.default_rng(0).random((12, 16, 16, 3)).astype("float32")
    recipe = df.Recipe(transforms=(), steps=2)

    def results(network):
        compared = df.compare(network, "conv1:0", images, recipe=recipe, seeds=1, top=2, against=network)
        return {
            "dream": df.dream(network, "conv1:1", recipe)[0].image,
            "activations": df.activations(network, images, ["conv2"])["conv2"],
            "means": df.mean_responses(network, images, ["conv2"])["conv2"],
            "scan": df.scan(network, images, ["conv1"], k=2).layer("conv1").maximum,
            "bounds": df.bound_units(network, budget=0).layers["conv1"].before(0),
            "attribution": [unit.contribution for unit in df.attribute_logit(network, images, 0).units],
            "score": df.machine_score(network, images[:3], images[3:6], images[6:7], layer="conv2").dreams.accuracy,
            "path": df.path_similarity(network, images[:1], images[1:4], images[4:], ["conv1"]).steps[0].similarity,
            "compared": compared.units[0].response_rank.response,
        }

    def equal(first, second):
        return {name for name in first if np.array_equal(first[name], second[name])}

    first = results(rescaled)
    assert equal(first, results(df.load(rescaled))) == set(first)
    finding = df.audit(rescaled, layers=["conv1"]).unit("conv1", 0)
    assert finding == df.audit(df.load(rescaled), layers=["conv1"]).unit("conv1", 0)
    assert df.draw_maps(rescaled, images[:1], tmp_path / "maps", df.MapSettings(layers=("conv1",))).done == 1
    for layer in rescaled.layers:
        layer.set_weights([np.roll(weight, 1) for weight in layer.get_weights()])
    trained = results(rescaled)
    assert equal(trained, results(df.load(rescaled))) == set(trained)
    assert equal(first, trained) <= {"score", "path"}  # both are ratios of few images
