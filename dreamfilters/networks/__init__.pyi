from .layers.layer_info import LayerInfo as LayerInfo, TokenGrid as TokenGrid
from .loading import load as load
from .network import Network as Network
from .preprocessing.input_form import InputForm as InputForm
from .watching import LOGITS as LOGITS, before as before
