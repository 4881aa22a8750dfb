# The public names of dreamfilters, each imported from where it is defined. This is the only list of them:
# type checkers read it, and `__init__.py` loads names from it on first use.

from .attribution.ablation.ablation_job import ablate as ablate
from .attribution.ablation.occlusion import occlusion_witness as occlusion_witness
from .attribution.ablation.result import Ablation as Ablation
from .attribution.ablation.witness import OcclusionWitness as OcclusionWitness
from .attribution.attribute import attribute as attribute
from .attribution.attribution import Attribution as Attribution
from .attribution.circuits.expanded_weights import expanded_weights as expanded_weights
from .attribution.circuits.feeding import circuit as circuit
from .attribution.circuits.result import Circuit as Circuit
from .attribution.circuits.weights.kernels import kernel_images as kernel_images
from .attribution.circuits.weights.layer_weights import LayerWeights as LayerWeights, layer_weights as layer_weights
from .attribution.circuits.weights.redundancy import redundant_units as redundant_units
from .attribution.class_separation import evaluate as evaluate
from .attribution.logit_attribution import LogitAttribution as LogitAttribution, attribute_logit as attribute_logit
from .attribution.methods.attention_relevancy import AttentionRelevancy as AttentionRelevancy
from .attribution.methods.class_activation_maps import (
    GradCam as GradCam,
    GradCamPlusPlus as GradCamPlusPlus,
    LayerCam as LayerCam,
)
from .attribution.methods.gradients import (
    Gradient as Gradient,
    GradientXInput as GradientXInput,
    SmoothGrad as SmoothGrad,
)
from .attribution.methods.guided_backprop import Deconvnet as Deconvnet, GuidedBackprop as GuidedBackprop
from .attribution.methods.integrated_gradients import IntegratedGradients as IntegratedGradients
from .attribution.methods.lrp import Lrp as Lrp
from .attribution.methods.occlusion import Occlusion as Occlusion
from .attribution.methods.rise import Rise as Rise
from .attribution.methods.token_gradient import TokenGradient as TokenGradient
from .attribution.methods.unit_masks import AblationCam as AblationCam, ScoreCam as ScoreCam
from .attribution.registry import ATTRIBUTIONS as ATTRIBUTIONS
from .attribution.result import Attributions as Attributions
from .attribution.trust.measure_trust import measure_trust as measure_trust
from .attribution.trust.registry import TRUST_MEASURES as TRUST_MEASURES
from .attribution.trust.result import Trust as Trust
from .comparison.compare import compare as compare
from .comparison.diff.network_diff import diff as diff
from .comparison.diff.result import NetworkDiff as NetworkDiff
from .comparison.measures.measure import Caption as Caption, Measure as Measure, Missing as Missing
from .comparison.measures.path_similarity import path_similarity as path_similarity
from .comparison.measures.registry import MEASURES as MEASURES
from .comparison.measures.two_afc import machine_score as machine_score
from .comparison.prior_check import PriorCheck as PriorCheck
from .comparison.prior_checking import check_prior as check_prior
from .comparison.result import Comparison as Comparison
from .dreams.calibration import Calibration as Calibration, calibrate as calibrate
from .dreams.engine import dream as dream, iter_dreams as iter_dreams
from .dreams.objectives.classes import logit as logit, margin as margin
from .dreams.objectives.features import direction as direction, diversity as diversity, match as match
from .dreams.objectives.objective import Objective as Objective, minimize as minimize
from .dreams.objectives.textures import gram as gram, gram_matrices as gram_matrices
from .dreams.objectives.units import channel as channel, layer as layer, neuron as neuron
from .dreams.optimizers import (
    Adam as Adam,
    Nadam as Nadam,
    Normalized as Normalized,
    RMSprop as RMSprop,
)
from .dreams.parameterizations import (
    CPPN as CPPN,
    Fourier as Fourier,
    Phase as Phase,
    Pixels as Pixels,
    Pyramid as Pyramid,
)
from .dreams.penalties import (
    L1 as L1,
    L2 as L2,
    BlurDistance as BlurDistance,
    BlurEvery as BlurEvery,
    ClipNorm as ClipNorm,
    Decay as Decay,
    Lp as Lp,
    SquaredVariation as SquaredVariation,
    TotalVariation as TotalVariation,
)
from .dreams.perturbation import Perturbation as Perturbation
from .dreams.priors import Prior as Prior, measure_prior as measure_prior
from .dreams.priors.denoised import Denoised as Denoised
from .dreams.priors.fitting import fit_prior as fit_prior
from .dreams.priors.learned_prior import LearnedPrior as LearnedPrior
from .dreams.recipe import Recipe as Recipe, read_recipe as read_recipe
from .dreams.result import Dream as Dream, Dreams as Dreams
from .dreams.transforms import (
    Blur as Blur,
    Color as Color,
    Crop as Crop,
    Flip as Flip,
    Jitter as Jitter,
    Noise as Noise,
    Pad as Pad,
    Rotate as Rotate,
    Scale as Scale,
    Shear as Shear,
    Shift as Shift,
    Trim as Trim,
    Views as Views,
)
from .errors import (
    BackendError as BackendError,
    DamagedError as DamagedError,
    DeviceMemoryError as DeviceMemoryError,
    DownloadError as DownloadError,
    DreamfiltersError as DreamfiltersError,
    ImageError as ImageError,
    InputFormError as InputFormError,
    ModelError as ModelError,
    OutputError as OutputError,
    RecipeError as RecipeError,
    TargetError as TargetError,
    UnknownNameError as UnknownNameError,
    UntrustedError as UntrustedError,
    UsageError as UsageError,
    WorkerError as WorkerError,
)
from .evidence.accuracy import accuracy_of as accuracy_of
from .evidence.activations import activations as activations, mean_responses as mean_responses
from .evidence.bounds.unit_bounds import Bounds as Bounds, bound_units as bound_units
from .evidence.embedding.feature_job import image_features as image_features
from .evidence.embedding.feature_table import ImageFeatures as ImageFeatures
from .evidence.embedding.map_quality import MapQuality as MapQuality
from .evidence.embedding.neighbor_result import NearestNeighbors as NearestNeighbors
from .evidence.embedding.neighbor_search import neighbors as neighbors
from .evidence.embedding.placing import embed as embed
from .evidence.embedding.registry import EMBEDDING_METHODS as EMBEDDING_METHODS
from .evidence.embedding.result import Embedding as Embedding
from .evidence.evaluation.result import Evaluation as Evaluation
from .evidence.evaluation.separation import ClassSeparation as ClassSeparation
from .evidence.maps.map_style import MapScale as MapScale, MapStyle as MapStyle
from .evidence.maps.unit_maps import UnitMaps as UnitMaps
from .evidence.patches import extract_patch as extract_patch
from .evidence.scan.result import Scan as Scan
from .evidence.scan.scan_job import scan as scan
from .images import ImageFolder as ImageFolder, contact_sheet as contact_sheet, image_folder as image_folder
from .networks import (
    LOGITS as LOGITS,
    InputForm as InputForm,
    LayerInfo as LayerInfo,
    Network as Network,
    TokenGrid as TokenGrid,
    load as load,
)
from .networks.classes.accuracy import Accuracy as Accuracy
from .networks.preprocessing.form_origin import FormOrigin as FormOrigin
from .networks.preprocessing.search.ranking import rank_forms as rank_forms
from .networks.preprocessing.search.result import FormRanking as FormRanking
from .networks.preprocessing.tolerance import Tolerance as Tolerance
from .report.figures import figure as figure
from .report.report import write_report as write_report
from .runs.by_image.map_run import MapSettings as MapSettings, draw_maps as draw_maps
from .runs.by_unit.atlas_run import atlas as atlas
from .runs.by_unit.audit_run import read_audit as read_audit
from .runs.over_images.ablation_store import read_ablation as read_ablation
from .runs.over_images.diff_run import read_diff as read_diff
from .runs.over_images.embedding_store import read_embedding as read_embedding
from .runs.over_images.evaluation_run import read_evaluation as read_evaluation
from .runs.over_images.neighbor_store import read_neighbors as read_neighbors
from .runs.over_images.scan_run import read_scan as read_scan
from .runs.over_images.stored_features import read_features as read_features
from .runs.saving import save as save
from .runs.storage.prior_files import read_prior as read_prior
from .runs.storage.run_result import RunResult as RunResult
from .techniques.facet_search import Facet as Facet, Facets as Facets, facets as facets
from .techniques.fooling import Fooling as Fooling, fool as fool
from .techniques.inversion import Inversion as Inversion, invert as invert
from .techniques.segmentation import Segmentation as Segmentation, segment as segment
from .techniques.style_transfer import StyleTransfer as StyleTransfer, style as style
from .techniques.texture_synthesis import Texture as Texture, texture as texture
from .techniques.unit_overview import UnitOverview as UnitOverview, unit_overview as unit_overview
from .training.history import Look as Look, Training as Training
from .training.monitor import TrainingMonitor as TrainingMonitor
from .training.store import read_training as read_training
from .training.summaries.result_summaries import write_summaries as write_summaries
from .verdicts.audit import audit as audit
from .verdicts.result import Audit as Audit
from .verdicts.verdict import Verdict as Verdict
from .viewer.launch import serve as serve
from .viewer.server.http_server import Viewer as Viewer
from .viewer.showing import show as show

__version__: str
