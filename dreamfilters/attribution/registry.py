"""The registry of attribution methods: Python, command line, report and viewer iterate over it."""

from __future__ import annotations

from dreamfilters.attribution.attribution import Attribution
from dreamfilters.attribution.methods.attention_relevancy import AttentionRelevancy
from dreamfilters.attribution.methods.class_activation_maps import GradCam, GradCamPlusPlus, LayerCam
from dreamfilters.attribution.methods.gradients import Gradient, GradientXInput, SmoothGrad
from dreamfilters.attribution.methods.guided_backprop import Deconvnet, GuidedBackprop
from dreamfilters.attribution.methods.integrated_gradients import IntegratedGradients
from dreamfilters.attribution.methods.lrp import Lrp
from dreamfilters.attribution.methods.method_names import KIND
from dreamfilters.attribution.methods.occlusion import Occlusion
from dreamfilters.attribution.methods.rise import Rise
from dreamfilters.attribution.methods.token_gradient import TokenGradient
from dreamfilters.attribution.methods.unit_masks import AblationCam, ScoreCam
from dreamfilters.registry import Registry

ATTRIBUTIONS: Registry[Attribution] = Registry(
    KIND,
    [
        Gradient(),
        GradientXInput(),
        SmoothGrad(),
        IntegratedGradients(),
        GuidedBackprop(),
        Deconvnet(),
        Lrp(),
        TokenGradient(),
        AttentionRelevancy(),
        GradCam(),
        GradCamPlusPlus(),
        LayerCam(),
        ScoreCam(),
        AblationCam(),
        Occlusion(),
        Rise(),
    ],
)
