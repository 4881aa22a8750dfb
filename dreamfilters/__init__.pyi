# The public names of dreamfilters, each imported from where it is defined. This is the only list of them:
# type checkers read it, and `__init__.py` loads names from it on first use.

from .attribution.logit_attribution import LogitAttribution as LogitAttribution
from .attribution.logit_attribution import attribute_logit as attribute_logit
from .comparison.compare import compare as compare
from .comparison.measures.measure import Caption as Caption
from .comparison.measures.measure import Measure as Measure
from .comparison.measures.measure import Missing as Missing
from .comparison.measures.path_similarity import path_similarity as path_similarity
from .comparison.measures.registry import MEASURES as MEASURES
from .comparison.measures.two_afc import machine_score as machine_score
from .comparison.result import Comparison as Comparison
from .dreams.engine import dream as dream
from .dreams.engine import iter_dreams as iter_dreams
from .dreams.objectives.features import direction as direction
from .dreams.objectives.features import diversity as diversity
from .dreams.objectives.features import match as match
from .dreams.objectives.objective import Objective as Objective
from .dreams.objectives.objective import minimize as minimize
from .dreams.objectives.units import (
    channel as channel,
)
from .dreams.objectives.units import (
    layer as layer,
)
from .dreams.objectives.units import (
    logit as logit,
)
from .dreams.objectives.units import (
    margin as margin,
)
from .dreams.objectives.units import (
    neuron as neuron,
)
from .dreams.optimizers import (
    Adam as Adam,
)
from .dreams.optimizers import (
    Nadam as Nadam,
)
from .dreams.optimizers import (
    Normalized as Normalized,
)
from .dreams.optimizers import (
    RMSprop as RMSprop,
)
from .dreams.parameterizations import (
    CPPN as CPPN,
)
from .dreams.parameterizations import (
    Fourier as Fourier,
)
from .dreams.parameterizations import (
    Phase as Phase,
)
from .dreams.parameterizations import (
    Pixels as Pixels,
)
from .dreams.parameterizations import (
    Pyramid as Pyramid,
)
from .dreams.penalties import (
    L1 as L1,
)
from .dreams.penalties import (
    L2 as L2,
)
from .dreams.penalties import (
    BlurDistance as BlurDistance,
)
from .dreams.penalties import (
    BlurEvery as BlurEvery,
)
from .dreams.penalties import (
    ClipNorm as ClipNorm,
)
from .dreams.penalties import (
    Decay as Decay,
)
from .dreams.penalties import (
    Lp as Lp,
)
from .dreams.penalties import (
    TotalVariation as TotalVariation,
)
from .dreams.priors import Prior as Prior
from .dreams.recipe import Recipe as Recipe
from .dreams.recipe import read_recipe as read_recipe
from .dreams.result import Dream as Dream
from .dreams.transforms import (
    Blur as Blur,
)
from .dreams.transforms import (
    Color as Color,
)
from .dreams.transforms import Crop as Crop
from .dreams.transforms import (
    Flip as Flip,
)
from .dreams.transforms import (
    Jitter as Jitter,
)
from .dreams.transforms import (
    Noise as Noise,
)
from .dreams.transforms import (
    Pad as Pad,
)
from .dreams.transforms import Rotate as Rotate
from .dreams.transforms import Scale as Scale
from .dreams.transforms import Shear as Shear
from .dreams.transforms import Shift as Shift
from .dreams.transforms import (
    Trim as Trim,
)
from .dreams.transforms import (
    Views as Views,
)
from .errors import BackendError as BackendError
from .errors import DownloadError as DownloadError
from .errors import DreamfiltersError as DreamfiltersError
from .errors import ImageError as ImageError
from .errors import InputFormError as InputFormError
from .errors import ModelError as ModelError
from .errors import OutputError as OutputError
from .errors import RecipeError as RecipeError
from .errors import TargetError as TargetError
from .errors import UnknownNameError as UnknownNameError
from .errors import UntrustedError as UntrustedError
from .evidence.activations import activations as activations
from .evidence.activations import mean_responses as mean_responses
from .evidence.bounds.unit_bounds import Bounds as Bounds
from .evidence.bounds.unit_bounds import bound_units as bound_units
from .evidence.maps.map_style import MapScale as MapScale
from .evidence.maps.map_style import MapStyle as MapStyle
from .evidence.maps.unit_maps import UnitMaps as UnitMaps
from .evidence.patches import extract_patch as extract_patch
from .evidence.scan.result import Scan as Scan
from .evidence.scan.scan_job import scan as scan
from .images import ImageFolder as ImageFolder
from .images import contact_sheet as contact_sheet
from .images import image_folder as image_folder
from .networks import LOGITS as LOGITS
from .networks import InputForm as InputForm
from .networks import LayerInfo as LayerInfo
from .networks import Network as Network
from .networks import TokenGrid as TokenGrid
from .networks import load as load
from .networks.preprocessing.search.ranking import FormRanking as FormRanking
from .networks.preprocessing.search.ranking import rank_forms as rank_forms
from .report.report import write_report as write_report
from .runs.atlas_run import atlas as atlas
from .runs.audit_run import read_audit as read_audit
from .runs.map_run import MapSettings as MapSettings
from .runs.map_run import draw_maps as draw_maps
from .runs.scan_run import read_scan as read_scan
from .verdicts.audit import audit as audit
from .verdicts.result import Audit as Audit
from .verdicts.verdict import Verdict as Verdict
from .viewer.launch import serve as serve
from .viewer.server.http_server import Viewer as Viewer

__version__: str
