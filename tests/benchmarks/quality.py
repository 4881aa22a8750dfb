"""Row group 6: class dreams of signs shown to strangers' networks: the share recognized as the intended class."""

from __future__ import annotations

import numpy as np

from tests.benchmarks.setting import Setting, opened
from tests.benchmarks.tables import Table

RECIPES = ("standard", "natural", "lucid")


def measure(setting: Setting) -> Table:
    """Dream all 43 classes with each recipe and let every stranger name them."""
    from dreamfilters.dreams import recipe as recipes
    from tests.benchmarks import strangers

    judges = strangers.strangers()
    table = Table(
        "6. Quality: class dreams of signs as strangers' networks name them", ["recipe", "steps", "recognized"]
    )
    if not judges:
        table.notes = [f"left out: no networks in {strangers.FOLDER.name} beside the checkout"]
        return table
    table.columns = [*table.columns, *(name for name, _, _ in judges), "seconds"]
    network = opened(str(setting.signs), 0.0, 1.0, setting.prior)
    for name in RECIPES:
        recipe = recipes.read_recipe(name, settings=["steps=2"] if setting.quick else [])
        seen = strangers.recognized(network, recipe, judges)
        table.rows.append([name, recipe.steps, seen["share"], *dict(seen["by_network"]).values(), seen["seconds"]])  # type: ignore[call-overload]
        np.save(setting.file(f"classes_{name}"), seen["images"])
    return table
