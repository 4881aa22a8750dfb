"""The options that several commands share, one module for each panel of the help, and the values they stand for."""

from dreamfilters.cli.options.images import (
    Images,
    ImagesOrSamples,
    Labels,
    Size,
    images_or_samples,
    labeled_images,
    say_accuracy,
    targets_and_images,
)
from dreamfilters.cli.options.model import (
    Architecture,
    AuditedLayers,
    Imports,
    Layers,
    Model,
    ModelOptions,
    ScannedLayers,
    Trust,
)
from dreamfilters.cli.options.output import AsJson, Quiet, RunOptions, Verbose
from dreamfilters.cli.options.recipe import Learned, RecipeOptions, Seed
from dreamfilters.cli.options.workers import ExecutorOptions

__all__ = [
    "Architecture",
    "AsJson",
    "AuditedLayers",
    "ExecutorOptions",
    "Images",
    "ImagesOrSamples",
    "Imports",
    "Labels",
    "Layers",
    "Learned",
    "Model",
    "ModelOptions",
    "Quiet",
    "RecipeOptions",
    "RunOptions",
    "ScannedLayers",
    "Seed",
    "Size",
    "Trust",
    "Verbose",
    "images_or_samples",
    "labeled_images",
    "say_accuracy",
    "targets_and_images",
]
