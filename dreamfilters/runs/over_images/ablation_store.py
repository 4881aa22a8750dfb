"""The files of an ablation: its sums, tables of units and of classes, a page, and the state of an unfinished one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.attribution.ablation.ablation_arrays import AblationArrays
from dreamfilters.attribution.ablation.result import AblatedFrom, AblatedSet, Ablation, Effect, How
from dreamfilters.attribution.ablation.witness import OcclusionWitness
from dreamfilters.attribution.circuits.weights.partner import Partner
from dreamfilters.report.pages.ablation_page import PAGE, ablation_page
from dreamfilters.report.tables import csv_bytes
from dreamfilters.runs.over_images.run_format import RunFormat, read_result
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind
from dreamfilters.runs.storage.unfinished import UNFINISHED, UnfinishedState
from dreamfilters.serialization import finite, plain, typed

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.attribution.ablation.ablation_job import AblationState

ARRAYS, TABLE, CLASSES = "ablation.npz", "units.csv", "classes.csv"
KIND = RunKind("ablate", "an ablation", written=lambda folder, manifest: [ARRAYS, TABLE, CLASSES, PAGE, UNFINISHED])


def _packed(state: AblationState) -> UnfinishedState:
    return UnfinishedState(state.done, state.failures, {**state.arrays.as_dict(), "means": state.means})


def _unpacked(stored: UnfinishedState, first: AblationState) -> AblationState:
    """Return the state that is stored, which has to fit to the state before any image."""
    from dreamfilters.attribution.ablation.ablation_job import AblationState

    arrays = dict(stored.arrays)
    means = arrays.pop("means").astype(np.float32)
    return AblationState(stored.done, _arrays(arrays, _shapes_of(first.arrays)), means, dict(stored.failures))


def read_ablation(folder: Path | str) -> Ablation:
    """Return a stored ablation, without importing TensorFlow.

    Raises:
        OutputError: the folder holds no finished ablation.
        DamagedError: its files are damaged, or are not those of an ablation.

    Example:
        >>> read_ablation("outputs/ablation").unit("conv6", 12).ablated.name
        'conv6:12'
    """
    return read_result(Path(folder), KIND, ARRAYS, _ablation)


def _results(found: Ablation) -> dict[str, Any]:
    names = ("how", "seed", "classes", "layers", "sets", "remark", "witnesses", "partners")
    return {**{name: plain(getattr(found, name)) for name in names}, "images": found.images, "accuracy": found.accuracy}


def _ablation(manifest: Manifest, stored: dict[str, NDArray[Any]]) -> Ablation:
    """Return the ablation of a manifest and its arrays; a ValueError or KeyError says what does not fit."""
    results = typed(Mapping[str, Any], manifest.results, "results")
    layers = typed(tuple[AblatedFrom, ...], results["layers"], "layers")
    sets = typed(tuple[AblatedSet, ...], results["sets"], "sets")
    classes = typed(tuple[str, ...], results["classes"], "classes")
    units = {layer.name: layer.units for layer in layers}
    if not (sets and classes) or len(units) != len(layers) or {one.layer for one in sets} != units.keys():
        raise ValueError("the sets are not those of its layers")
    for one in sets:
        if not one.units or min(one.units) < 0 or max(one.units) >= units[one.layer]:
            raise ValueError(f"{one.name[:40]!r} names units that the layer does not have")
    how = typed(How, results["how"], "how")
    return Ablation(
        network=typed(str, manifest.model["name"], "model.name"),
        fingerprint=typed(str, manifest.settings["weights"], "weights"),
        how=how,
        seed=typed(int, results["seed"], "seed"),
        classes=classes,
        layers=layers,
        sets=sets,
        failures=manifest.failures,
        remark=typed(str, results["remark"], "remark"),
        witnesses=typed(tuple[OcclusionWitness, ...], results["witnesses"], "witnesses"),
        partners=typed(tuple[Partner, ...], results["partners"], "partners"),
        arrays=_arrays(stored, AblationArrays.shapes(len(layers), len(sets), len(classes))),
    )


def _arrays(stored: Mapping[str, NDArray[Any]], shapes: Mapping[str, tuple[tuple[int, ...], Any]]) -> AblationArrays:
    """Return stored sums, which have to have these shapes and types."""
    if stored.keys() != shapes.keys():
        raise ValueError("it does not hold the sums of an ablation")
    for name, (shape, kind) in shapes.items():
        if stored[name].shape != shape or stored[name].dtype != kind:
            raise ValueError(f"{name} has another shape or type than that of an ablation")
    counted, right, lost, gained = (stored[name] for name in ("counted", "right", "lost", "gained"))
    if min(one.min() for one in (counted, right, lost, gained)) < 0 or counted.sum() < 1 or (right > counted).any():
        raise ValueError("its counts are not those of images")
    return AblationArrays(**stored)


def _shapes_of(arrays: AblationArrays) -> dict[str, tuple[tuple[int, ...], Any]]:
    return {name: (array.shape, array.dtype) for name, array in arrays.as_dict().items()}


def _shown(run: RunFolder, found: Ablation) -> dict[str, bytes]:
    """Return the tables and the page by their names."""
    files = {
        TABLE: "every ablation, with intervals",
        CLASSES: "the classes whose predictions change, of every ablation",
        MANIFEST: "settings and results",
    }
    return {TABLE: units_csv(found), CLASSES: classes_csv(found), PAGE: ablation_page(found, files)}


def units_csv(found: Ablation) -> bytes:
    """Return one line for each ablation."""
    rows = []
    for one in found.effects:
        changes = {"accuracy": one.accuracy, "margin": one.margin, "logit": one.logit}
        rows.append(
            {
                "layer": one.ablated.layer,
                "kind": one.ablated.kind,
                "units": " ".join(map(str, one.ablated.units)),
                "lost": int(one.lost.sum()),
                "gained": int(one.gained.sum()),
                **{
                    f"{name}_{key}": finite(getattr(change, part))
                    for name, change in changes.items()
                    for key, part in (("change", "value"), ("low", "low"), ("high", "high"))
                },
                "p_value": one.p_value,
                "adjusted_p": finite(one.adjusted_p),
                "references": one.references,
                "exceeded": one.exceeded,
                "partner": "" if (partner := found.partner(one.ablated)) is None else partner.describe(),
                "witness": "" if (witness := found.witness(one.ablated)) is None else witness.describe(),
            }
        )
    return csv_bytes(rows)


def classes_csv(found: Ablation) -> bytes:
    """Return one line for each ablation and class whose predictions it changes, the largest loss first."""
    rows = [_class_row(one, index) for one in found.effects for index in one.most_changed]
    return csv_bytes(rows) if rows else b"layer,kind,units,class,images,lost,gained,accuracy_change\n"


def _class_row(one: Effect, index: int) -> dict[str, Any]:
    accuracy, margin = one.accuracy_by_class[index], one.margin_by_class[index]
    return {
        "layer": one.ablated.layer,
        "kind": one.ablated.kind,
        "units": " ".join(map(str, one.ablated.units)),
        "class": one.classes[index],
        "images": int(one.counted[index]),
        "lost": int(one.lost[index]),
        "gained": int(one.gained[index]),
        "accuracy_change": finite(accuracy.value),
        "accuracy_low": finite(accuracy.low),
        "accuracy_high": finite(accuracy.high),
        "margin_change": finite(margin.value),
    }


FORMAT = RunFormat(
    kind=KIND,
    arrays_file=ARRAYS,
    arrays=lambda found: dict(sorted(found.arrays.as_dict().items())),
    shown=_shown,
    results=_results,
    read=lambda folder, images: read_ablation(folder),
    packed=_packed,
    unpacked=_unpacked,
)
