"""The audit: a verdict on every unit from scanned images, proved bounds and dreams."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import NoneType

from dreamfilters.dreams.engine import canvas_of
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import ImageError, ModelError, UnknownNameError, close_names
from dreamfilters.evidence.bounds.unit_bounds import BUDGET, Bounds, bound_units
from dreamfilters.evidence.duplicate_filters import DuplicatePair, near_duplicates, weight_vectors
from dreamfilters.evidence.scan.result import LayerScan, Scan
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.networks.activation_functions import activation_name, has_linear, is_pure, is_relu
from dreamfilters.networks.graph import Step
from dreamfilters.networks.layers.activation_chains import activation_layer_after
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.serialization import plain
from dreamfilters.verdicts.activation_search import Dreamer, activate, in_memory, search_recipe
from dreamfilters.verdicts.result import Audit, Finding, LayerAudit
from dreamfilters.verdicts.verdict import DreamEvidence, ScanEvidence, Verdict, judge


def audit(
    network: AnyNetwork,
    scan: Scan | None = None,
    layers: Sequence[str] | None = None,
    *,
    seed: int = 0,
    budget: int = BUDGET,
    dreamer: Dreamer | None = None,
    progress: OnProgress | None = None,
) -> Audit:
    """Return the verdict on every unit, with the evidence for it.

    The audit dreams only the units that no image activated, or all units without a scan. Units that no dream activates
    get tighter and slower bounds. A unit is called dead only if that is proved.

    Args:
        network: a Keras model, or what `load` returned.
        scan: as `scan` or `read_scan` returns it; default: none, with verdicts by bounds and dreams alone.
        layers: layer names; default: `audited_layers`.
        seed: random seed of the dreams.
        budget: multiplications for the tighter bounds; see `bound_units`.
        dreamer: makes the dreams; default: in memory, without files.
        progress: called before each slow part; the total is unknown.

    Raises:
        ImageError: `scan` is not a scan.
        ModelError: the scan was made with other weights or another input form.
        UnknownNameError: no such layer, or it was not scanned.

    Example:
        >>> from dreamfilters import load
        >>> audit(load("signs"), layers=["conv1"]).unit("conv1", 0).verdict.kind
        'alive'
    """
    network = network_of(network)
    if not isinstance(scan, (Scan, NoneType)):
        raise ImageError(f"scan of type {type(scan).__name__}: give what scan(network, images) returns")
    canvas = canvas_of(network, Recipe())
    size = scan.size if scan else (canvas.height, canvas.width)
    inputs = replace(network.form, size=size).describe_interval()
    units = _Units(network, scan, chosen_layers(network, scan, layers), inputs)
    recipe = search_recipe(network, size)
    report = progress or (lambda _: None)
    report(Progress(0, 0, "bounds"))
    bounds = bound_units(network, size=size, budget=0)
    dreams: dict[tuple[str, int], DreamEvidence] = {}
    findings = units.findings(bounds, dreams)
    if inactive := units.select(findings, units.needs_dream):
        dreams = activate(network, inactive, recipe, dreamer or in_memory(network, seed))
        findings = units.findings(bounds, dreams)
    if undecided := units.select(findings, units.needs_proof):
        report(Progress(0, 0, f"tighter bounds of {sum(map(len, undecided.values()))} units"))
        bounds = bound_units(network, only=undecided, size=size, budget=budget)
        findings = units.findings(bounds, dreams)
    return Audit(
        network=network.name,
        fingerprint=network.fingerprint,
        images=0 if scan is None else scan.readable,
        size=size,
        inputs=inputs,
        recipe=recipe.name,
        seed=seed,
        layers=tuple(units.layer(name, found) for name, found in findings.items()),
        untried=bounds.untried,
    )


def audited_layers(network: Network) -> tuple[str, ...]:
    """Return the layers whose units get a verdict: layers with an activation, and linear layers that none follows.

    If all outputs of a convolution go into one activation layer, directly or through batch normalization, the units are
    those of the activation layer. Pooling, addition and dropout have no units of their own.

    Example:
        >>> from dreamfilters import load
        >>> audited_layers(load("signs"))[:2]
        ('conv1', 'conv2')
    """
    graph = network.graph
    return tuple(
        step.name for step in graph.steps if _has_units(network, step) and not activation_layer_after(graph, step)
    )


def chosen_layers(network: Network, scan: Scan | None = None, layers: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the names of the layers to audit: those given, or those of `audited_layers` that were scanned.

    Raises:
        ModelError: the scan was made with other weights or another input form.
        UnknownNameError: no such layer, it was not scanned, or it has no units of its own.
    """
    if scan is not None:
        _check_scan(network, scan)
    if not layers:
        audited = tuple(name for name in audited_layers(network) if scan is None or name in scan.layers)
        if not audited:
            raise UnknownNameError(
                f"{network.name}: no {'scanned ' if scan else ''}layer has units that get a verdict; "
                "'dreamfilters layers' gives the reasons"
            )
        return audited
    chosen = tuple(dict.fromkeys(network.layer(name).name for name in layers))
    for name in chosen:
        if not _has_units(network, network.graph.by_name[name]):
            known = audited_layers(network)
            raise UnknownNameError(
                f"{name}: a {network.layer(name).type} has no units of its own. {close_names(name, known)}"
            )
        if scan is not None:
            scan.layer(name)
    return chosen


def judged_activation(network: Network, layer: str) -> str:
    """Return the name of a layer's activation as `judge` takes it: a ReLU with a slope or a threshold is leaky."""
    step = network.graph.by_name[layer]
    name = activation_name(step)
    return "leaky_relu" if name in ("relu", "relu6") and not is_relu(step) else name


def _check_scan(network: Network, scan: Scan) -> None:
    if scan.fingerprint != network.fingerprint:
        raise ModelError(
            f"scan of {scan.network}: made with other weights ({scan.fingerprint[:8]}) than those of {network.name} "
            f"({network.fingerprint[:8]}); scan the images again"
        )
    if plain(scan.form) != plain(network.form):
        raise ModelError(
            f"scan of {scan.network}: made with another input form than that of {network.name}, "
            f"{network.form.describe()}; scan the images again"
        )


@dataclass(frozen=True, eq=False)
class _Units:
    """The units of one audit and their findings."""

    network: Network
    scan: Scan | None
    layers: tuple[str, ...]
    inputs: str  # the interval of valid inputs, as text

    def findings(
        self, bounds: Bounds, dreams: Mapping[tuple[str, int], DreamEvidence]
    ) -> dict[str, tuple[Finding, ...]]:
        """Return the finding on every unit, by layer."""
        return {
            layer: tuple(
                self._finding(layer, unit, bounds, dreams.get((layer, unit)))
                for unit in range(self.network.layer(layer).units)
            )
            for layer in self.layers
        }

    def select(
        self, findings: Mapping[str, Sequence[Finding]], condition: Callable[[str, Finding], bool]
    ) -> dict[str, list[int]]:
        """Return the units that meet the condition, by layer, without empty layers."""
        units = {layer: [found.unit for found in each if condition(layer, found)] for layer, each in findings.items()}
        return {layer: numbers for layer, numbers in units.items() if numbers}

    def needs_dream(self, layer: str, found: Finding) -> bool:
        """Return whether a dream can decide the unit: no image activated it, or there was none."""
        if found.verdict.kind != "undecided" or not self.network.layer(layer).dreamable:
            return False
        return found.scanned is None or (self._has_relu(layer) and math.isfinite(found.scanned.high))

    def needs_proof(self, layer: str, found: Finding) -> bool:
        """Return whether tighter bounds can decide the unit: it has a ReLU and bounds, and nothing activated it."""
        return found.verdict.kind == "undecided" and self._has_relu(layer) and found.before is not None

    def layer(self, name: str, findings: tuple[Finding, ...]) -> LayerAudit:
        """Return a layer's findings, with its type, activation and near-duplicate units."""
        info, dead = self.network.layer(name), {found.unit for found in findings if found.verdict.kind == "dead"}
        pairs = tuple(pair for pair in _duplicates(self.network, name) if not dead & {pair.first, pair.second})
        return LayerAudit(name, info.type, judged_activation(self.network, name), findings, pairs)

    def _finding(self, layer: str, unit: int, bounds: Bounds, dream: DreamEvidence | None) -> Finding:
        layer_scan, kind = None if self.scan is None else self.scan.layer(layer), self.network.layer(layer).kind
        scanned = None if layer_scan is None or self.scan is None else _scanned(layer_scan, unit, self.scan, kind)
        layer_bounds = bounds.layers[layer]
        before = layer_bounds.before(unit)
        verdict = judge(
            judged_activation(self.network, layer),
            scanned=scanned,
            dream=dream,
            before=before,
            reason=layer_bounds.reason,
            inputs=self.inputs,
        )
        if scanned is None and dream and dream.activated and verdict.kind == "undecided":  # it has no ReLU
            file = f" ({dream.image})" if dream.image else ""
            verdict = Verdict("alive", f"a dream{file} raises it to {dream.score:.4g}; no images were scanned")
        if layer_scan is not None and layer_scan.nonfinite[unit]:
            also = f"; its map held NaN or infinity on {layer_scan.nonfinite[unit]} further images"
            verdict = replace(verdict, sentence=verdict.sentence + also)
        return Finding(unit, verdict, scanned, dream, before)

    def _has_relu(self, layer: str) -> bool:
        return is_relu(self.network.graph.by_name[layer])


def _scanned(layer: LayerScan, unit: int, scan: Scan, kind: str) -> ScanEvidence:
    best = layer.by_max.strongest
    index = int(best.index[0, unit])
    sides = {"map": (best.row, best.column), "tokens": (best.row,)}.get(kind, ())  # a scan stores a token as a row
    position = tuple(int(side[0, unit]) for side in sides)
    return ScanEvidence(
        images=int(layer.counted[unit]),
        high=float(layer.maximum[unit]),
        low=float(layer.minimum[unit]),
        zeros=float(layer.zeros[unit]),
        image=scan.names[index] if index >= 0 else "",
        position=position if index >= 0 and position else None,
    )


def _has_units(network: Network, step: Step) -> bool:
    info = network.layer(step.name)
    return has_linear(step) and info.units > 0 and info.is_visual


def _duplicates(network: Network, layer: str) -> tuple[DuplicatePair, ...]:
    """Return units with nearly the same weights; for an activation layer, those of the layer before it."""
    graph = network.graph
    step = graph.by_name[layer]
    while (is_pure(step) or step.type == "BatchNormalization") and step.inputs[0] in graph.writers:
        step = graph.writers[step.inputs[0]]
        if len(graph.readers(step.outputs[0])) > 1:
            return ()
    try:
        return near_duplicates(weight_vectors(network, step.name))
    except ModelError:
        return ()
