"""The forms of the techniques that start from an image: fooling, inversion, texture, style, segmentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.dreams.ascent.ascent import step_progress
from dreamfilters.dreams.perturbation import GRAY_LEVEL
from dreamfilters.networks import Network
from dreamfilters.techniques import fooling, inversion, segmentation, style_transfer, texture_synthesis
from dreamfilters.techniques.forms.argument import FRAMES, IMAGE, SEED, Argument, steps_argument
from dreamfilters.techniques.forms.technique import Plan, Technique, reported
from dreamfilters.techniques.given_image import adapted, digest_of, name_of, opened
from dreamfilters.techniques.layer_choice import chosen_layers, layers_with_positions

_LEVELS = 255  # of gray above black
_FAINTEST = 0.1  # the lowest bound of gray levels that a form offers
_SURE = 0.999  # the highest confidence that a form offers
_LEAST, _MOST = 0.001, 0.999  # of a quantile, which is neither 0 nor 1


def _fool(network: Network, values: Mapping[str, Any]) -> Plan:
    target, confidence, steps, seed = (values[name] for name in ("target", "confidence", "steps", "seed"))
    radius = values["radius"] / _LEVELS  # as the command line reads 8/255, to the last bit
    norm = fooling.check_settings(values["norm"], radius, confidence)
    fooling.class_objective(network, target)
    chosen = {
        "target": target, "norm": norm, "radius": radius, "confidence": confidence, "steps": steps, "seed": seed
    }  # fmt: skip
    return Plan(
        chosen,
        lambda image, progress: fooling.fool(
            network, target, image, norm=norm, radius=radius, confidence=confidence, steps=steps, seed=seed,
            on_step=step_progress(progress, 1),
        ),
    )  # fmt: skip


FOOL = Technique(
    "fool",
    "Fooling image",
    "A small change of the image after which the network predicts another class. It shows how little the network "
    "needs, and nothing of that class.",
    "image",
    (
        Argument("target", "class", "Class", "What the network is to predict.", required=True),
        Argument("norm", "choice", "Bound", "What is bounded: the largest change of a value, or the root mean square.",
                 "linf", ("linf", "l2"), flag="--norm"),
        Argument("radius", "number", "Gray levels", "The bound, in gray levels of 255.",
                 round(fooling.RADIUS / GRAY_LEVEL), lowest=_FAINTEST, highest=_LEVELS, flag="--radius", suffix="/255"),
        Argument("confidence", "number", "Confidence", "The probability of the class at which the steps end.",
                 fooling.CONFIDENCE, lowest=0.01, highest=_SURE, flag="--confidence"),
        steps_argument(fooling.STEPS),
        SEED,
    ),
    _fool,
    ("target", IMAGE),
    "noise",
)  # fmt: skip


def _invert(network: Network, values: Mapping[str, Any]) -> Plan:
    names = chosen_layers(network, values["layers"], most=inversion.LAYERS)
    recipe, seed = adapted(inversion.RECIPE, steps=values["steps"]), values["seed"]
    return Plan(
        {"layers": names, "recipe": recipe.as_values(), "seed": seed},
        lambda image, progress: inversion.invert(
            network, image, names, recipe, seed=seed, on_step=step_progress(progress, len(names))
        ),
    )


INVERT = Technique(
    "invert",
    "Feature inversion",
    "For each layer, an image made from noise that has the activations of this image there. What it lacks, the layer "
    "has dropped.",
    "image",
    (
        Argument("layers", "layers", "Layers", "Default: eight, spread over the depth.", flag="--layers"),
        steps_argument(inversion.RECIPE.steps),
        SEED,
    ),
    _invert,
)


def _texture(network: Network, values: Mapping[str, Any]) -> Plan:
    names = layers_with_positions(network, values["layers"], most=texture_synthesis.LAYERS)
    recipe = adapted(texture_synthesis.RECIPE, steps=values["steps"])
    seed, frames = values["seed"], values["frames"]
    return Plan(
        {"layers": names, "recipe": recipe.as_values(), "frames": frames, "seed": seed},
        lambda image, progress: texture_synthesis.texture(
            network, image, names, recipe, seed=seed, frames=frames, on_step=step_progress(progress, 1)
        ),
    )


TEXTURE = Technique(
    "texture",
    "Texture synthesis",
    "A new image, made from noise, in which the units of several layers respond together as in this one, at other "
    "positions.",
    "image",
    (
        Argument("layers", "maps", "Layers", "Default: the last one at each resolution.", flag="--layers"),
        steps_argument(texture_synthesis.RECIPE.steps),
        FRAMES,
        SEED,
    ),
    _texture,
)


def _style(network: Network, values: Mapping[str, Any]) -> Plan:
    image, weight, kept = values["style"], values["weight"], values["content_layer"]
    names = layers_with_positions(network, values["style_layers"], most=texture_synthesis.LAYERS)
    recipe = adapted(style_transfer.RECIPE, steps=values["steps"])
    seed, frames = values["seed"], values["frames"]
    style_transfer.check_weight(weight)
    opened(network, image)  # raises the error of an image that cannot be read
    chosen = {
        "style": name_of(image), "style_sha256": digest_of(image), "weight": weight, "content_layer": kept,
        "style_layers": names, "recipe": recipe.as_values(), "frames": frames, "seed": seed,
    }  # fmt: skip
    return Plan(
        chosen,
        lambda content, progress: style_transfer.style(
            network, content, image, recipe, weight=weight, content_layer=kept, style_layers=names, seed=seed,
            frames=frames, on_step=step_progress(progress, 1),
        ),
    )  # fmt: skip


STYLE = Technique(
    "style",
    "Style transfer",
    "The content of this image in the texture of another one.",
    "image",
    (
        Argument("style", "image", "Style", "The image whose style is taken.", required=True),
        Argument("weight", "number", "Weight", "That of the style, relative to the content.", style_transfer.WEIGHT,
                 lowest=0, flag="--weight"),
        Argument("content_layer", "layer", "Content layer", "Default: at half of the depth.", flag="--content-layer"),
        Argument("style_layers", "maps", "Style layers", "Default: the last one at each resolution.",
                 flag="--style-layers"),
        steps_argument(style_transfer.RECIPE.steps),
        FRAMES,
        SEED,
    ),
    _style,
    (IMAGE, "style"),
)  # fmt: skip


def _segment(network: Network, values: Mapping[str, Any]) -> Plan:
    names = ("target", "method", "algorithm", "foreground", "background")
    target, method, algorithm, foreground, background = (values[name] for name in names)
    grown_by = segmentation.check_settings(network, target, method, algorithm, foreground, background)
    return Plan(
        {name: values[name] for name in names},
        reported(
            lambda image: segmentation.segment(
                network, image, target, method=method, algorithm=grown_by, foreground=foreground, background=background
            )
        ),
    )


SEGMENT = Technique(
    "segment",
    "Segmentation by saliency",
    "The region of the image that a class or a unit depends on, grown from the most salient pixels. The network was "
    "trained for classes only.",
    "image",
    (
        Argument("target", "target", "Region of", "Default: the class that is predicted.", flag="--target"),
        Argument("method", "choice", "Saliency", "The attribution method.", segmentation.METHOD, tuple(ATTRIBUTIONS),
                 flag="--method"),
        Argument("algorithm", "choice", "Algorithm", "How the region grows.", "watershed",
                 ("watershed", "random-walker"), flag="--algorithm"),
        Argument("foreground", "number", "Inside above", "The quantile of the saliency above which pixels are inside.",
                 segmentation.FOREGROUND, lowest=_LEAST, highest=_MOST, flag="--foreground"),
        Argument("background", "number", "Outside below", "The quantile below which they are outside.",
                 segmentation.BACKGROUND, lowest=_LEAST, highest=_MOST, flag="--background"),
    ),
    _segment,
)  # fmt: skip
