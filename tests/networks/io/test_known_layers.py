import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.known_layers import check_known, layer_settings, short


@pytest.mark.parametrize(
    ("kind", "taken", "not_taken"),
    [
        ("Conv2D", {"filters", "kernel_size", "groups", "trainable", "dtype", "name"}, {"nb_filter", "args", "self"}),
        ("LSTM", {"units", "recurrent_activation", "return_sequences", "trainable"}, {"time_major"}),
        ("SpatialDropout2D", {"rate", "name"}, {"trainable"}),
        ("LayerScale", {"init_values", "projection_dim"}, {"filters"}),
    ],
)
def test_settings_of_layers(kind, taken, not_taken):
    assert taken <= layer_settings(kind)
    assert not not_taken & layer_settings(kind)


@pytest.mark.parametrize("kind", ["Lambda", "TFSMLayer", "StringLookup", "TextVectorization", "Layer", "Nope", "Input"])
def test_layers_that_a_file_may_not_ask_for(kind):
    assert layer_settings(kind) is None
    with pytest.raises(ModelError, match=f"needs the code of '{kind}'"):
        check_known("mine", kind, {})


def test_objects_where_none_are_taken():
    check_known("conv", "Conv2D", {"filters": 3, "kernel_size": [3, 3], "activation": {"class_name": "ReLU"}})
    with pytest.raises(ModelError, match="has an unknown object as kernel_size"):
        check_known("conv", "Conv2D", {"kernel_size": [[{"class_name": "TFSMLayer"}]]})
    assert short("x" * 99) == "'" + "x" * 36 + "..."
