"""On what: opening, flattening and describing a network."""

from dreamfilters.networks.loading import load
from dreamfilters.networks.network import LayerInfo, Network
from dreamfilters.networks.preprocessing.input_form import InputForm
from dreamfilters.networks.watching import LOGITS, before

__all__ = ["LOGITS", "InputForm", "LayerInfo", "Network", "before", "load"]
