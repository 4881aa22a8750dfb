"""The forms of the techniques that start from a unit and a folder of images: the overview of a unit, its facets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamfilters.dreams.default_recipes import given_recipe, recipe_values
from dreamfilters.networks import Network
from dreamfilters.techniques import facet_search, unit_overview
from dreamfilters.techniques.forms.argument import IMAGE, RECIPE, SEED, TARGET, Argument
from dreamfilters.techniques.forms.technique import Plan, Technique

_MOST_DREAMS = 25
_MOST_FACETS = 10
_MOST_STRONGEST = 1000


def _unit(network: Network, values: Mapping[str, Any]) -> Plan:
    recipe, count, seed = given_recipe(values["recipe"]), values["count"], values["seed"]
    return Plan(
        {"count": count, "recipe": recipe_values(network, recipe), "seed": seed},
        lambda target, images, progress: unit_overview.unit_overview(
            network, target, images, recipe, count=count, seed=seed, progress=progress
        ),
    )


UNIT = Technique(
    "unit",
    "Nine dreams",
    "Dreams of the unit from several seeds, its strongest images, cut to what the strongest position depends on, and "
    "their deconvolutions.",
    "unit",
    (
        Argument("count", "integer", "Dreams", "The number of dreams, and of images.", unit_overview.COUNT, lowest=1,
                 highest=_MOST_DREAMS, flag="--count"),
        RECIPE,
        SEED,
    ),
    _unit,
    (TARGET, IMAGE),
)  # fmt: skip


def _facets(network: Network, values: Mapping[str, Any]) -> Plan:
    count, layer, strongest, weight = (values[name] for name in ("count", "layer", "strongest", "weight"))
    recipe, seed = given_recipe(values["recipe"]), values["seed"]
    facet_search.check_settings(network, count, layer, strongest, weight)
    chosen = {
        "count": count, "layer": layer, "strongest": strongest, "weight": weight,
        "recipe": recipe_values(network, recipe), "seed": seed,
    }  # fmt: skip
    return Plan(
        chosen,
        lambda target, images, progress: facet_search.facets(
            network, target, images, recipe, count=count, layer=layer, strongest=strongest, weight=weight, seed=seed,
            progress=progress,
        ),
    )  # fmt: skip


FACETS = Technique(
    "facets",
    "Facets",
    "The kinds of real images that activate the unit, found among its strongest images, and a dream of each.",
    "unit",
    (
        Argument("count", "integer", "Facets", "Their number; default: 2 to 5, by their silhouette.", lowest=2,
                 highest=_MOST_FACETS, flag="--count"),
        Argument("layer", "layer", "Clustered by",
                 "The layer whose activations are clustered; default: the one before the classes.", flag="--layer"),
        Argument("strongest", "integer", "Strongest images", "The number of images among which facets are searched.",
                 facet_search.STRONGEST, lowest=6, highest=_MOST_STRONGEST, flag="--strongest"),
        Argument("weight", "number", "Weight", "That of the direction of a facet.", facet_search.WEIGHT, lowest=0,
                 flag="--weight"),
        RECIPE,
        SEED,
    ),
    _facets,
    (TARGET, IMAGE),
)  # fmt: skip
