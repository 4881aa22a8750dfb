from .layers.layer_info import LayerInfo as LayerInfo, TokenGrid as TokenGrid
from .loading import AnyNetwork as AnyNetwork, load as load, network_of as network_of
from .network import Network as Network
from .preprocessing.input_form import InputForm as InputForm
from .watching import LOGITS as LOGITS, before as before
