"""Row group 6: class dreams of signs classified by independently trained networks: the share predicted correctly."""

from __future__ import annotations

import numpy as np

from tests.benchmarks.setting import Setting, opened
from tests.benchmarks.tables import Table

RECIPES = ("standard", "natural", "lucid")


def measure(setting: Setting) -> Table:
    """Dream all 43 classes with each recipe and classify them by each external network."""
    from dreamfilters.dreams import recipe as recipes
    from tests.benchmarks import external_networks

    judges = external_networks.external_networks()
    table = Table(
        "6. Quality: class dreams of signs, predicted by external networks", ["recipe", "steps", "recognized"]
    )
    if not judges:
        table.notes = [f"not measured: no networks in {external_networks.FOLDER.name} next to the checkout"]
        return table
    table.columns = [*table.columns, *(name for name, _, _ in judges), "seconds"]
    network = opened(str(setting.signs), 0.0, 1.0, setting.prior)
    for name in RECIPES:
        recipe = recipes.read_recipe(name, settings=["steps=2"] if setting.quick else [])
        result = external_networks.recognized(network, recipe, judges)
        table.rows.append(
            [name, recipe.steps, result["share"], *dict(result["by_network"]).values(), result["seconds"]]
        )  # type: ignore[call-overload]
        np.save(setting.file(f"classes_{name}"), result["images"])
    return table
