"""Is any unit dead? What images did, what bounds prove and what dreams wake are brought together, unit by unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from dreamfilters.dreams.engine import canvas_of
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import ModelError, UnknownNameError, close_names
from dreamfilters.evidence.bounds.unit_bounds import BUDGET, Bounds, bound_units
from dreamfilters.evidence.duplicate_filters import DuplicatePair, near_duplicates, weight_vectors
from dreamfilters.evidence.scan.result import LayerScan, Scan
from dreamfilters.networks import Network
from dreamfilters.networks.activation_functions import activation_name, has_linear, inline_activation, is_pure, is_relu
from dreamfilters.networks.graph import Graph, Step
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.serialization import plain
from dreamfilters.verdicts.activation_search import Dreamer, activate, better, in_memory, search_steps
from dreamfilters.verdicts.result import Audit, Finding, LayerAudit
from dreamfilters.verdicts.verdict import DreamEvidence, ScanEvidence, Verdict, judge


def audit(
    network: Network,
    scan: Scan | None = None,
    layers: Sequence[str] | None = None,
    *,
    seed: int = 0,
    budget: int = BUDGET,
    dreamer: Dreamer | None = None,
    progress: OnProgress | None = None,
) -> Audit:
    """Return the verdict on every unit, with the evidence for it.

    Only units that no image woke, or all of them where no images were shown, are dreamt and, if that does not wake
    them, given the tighter and slower bounds. Nothing is called dead that is not proved so.

    Args:
        network: what `load` returned.
        scan: what `scan` or `read_scan` returned; without one there are bounds and dreams alone.
        layers: their names; `audited_layers` by itself.
        seed: of the dreams.
        budget: multiplications for the tighter bounds; see `bound_units`.
        dreamer: makes the images; by itself they are kept in memory only.
        progress: called before each slow part; the total is unknown.

    Raises:
        ModelError: the scan was made with other weights or another input form.
        UnknownNameError: no such layer, or it was not scanned.

    Example:
        >>> audit(load("signs"), read_scan("outputs/scan")).unit("conv2", 9).verdict.kind
        'dormant'
    """
    case = _case(network, scan, layers)
    report, wakers = progress or _ignore, search_steps(network, case.size)
    report(Progress(0, 0, "bounds"))
    bounds = bound_units(network, size=case.size, budget=0)
    dreamt: dict[tuple[str, int], DreamEvidence] = {}
    findings = case.findings(bounds, dreamt)
    for ascent in wakers:
        if silent := case.asking(findings, case.wants_dream):
            activated = activate(network, silent, ascent, dreamer or in_memory(network, seed))
            dreamt |= {unit: better(dreamt.get(unit), dream) for unit, dream in activated.items()}
            findings = case.findings(bounds, dreamt)
    if asleep := case.asking(findings, case.wants_proof):
        report(Progress(0, 0, f"tighter bounds of {sum(map(len, asleep.values()))} units"))
        bounds = bound_units(network, only=asleep, size=case.size, budget=budget)
        findings = case.findings(bounds, dreamt)
    return Audit(
        network=network.name,
        fingerprint=network.fingerprint,
        images=0 if scan is None else scan.readable,
        size=case.size,
        recipes=tuple(ascent.recipe.name for ascent in wakers),
        seed=seed,
        layers=tuple(case.layer(name, found) for name, found in findings.items()),
        untried=bounds.untried,
    )


def audited_layers(network: Network) -> tuple[str, ...]:
    """Return the layers whose units are worth a verdict: those with an activation, or weights that nothing bends.

    A convolution whose sums go into an activation layer and nowhere else, perhaps through batch normalization, is
    judged there. Pooling, addition and dropout only pass on what is said of others.
    """
    graph = network.graph
    return tuple(step.name for step in graph.steps if _has_units(network, step) and not _bent_later(graph, step))


def chosen_layers(network: Network, scan: Scan | None = None, layers: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the names of the layers that an audit is about: those given, or of `audited_layers` those scanned.

    Raises:
        ModelError: the scan was made with other weights or another input form.
        UnknownNameError: no such layer, it was not scanned, or its units are those of other layers.
    """
    if scan is not None:
        _check_scan(network, scan)
    if not layers:
        return tuple(name for name in audited_layers(network) if scan is None or name in scan.layers)
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


def _check_scan(network: Network, scan: Scan) -> None:
    if scan.fingerprint != network.fingerprint:
        raise ModelError(
            f"scan of {scan.network}: made with other weights ({scan.fingerprint[:8]}) than {network.name} has "
            f"({network.fingerprint[:8]}); scan the images again"
        )
    if plain(scan.form) != plain(asdict(network.form)):
        raise ModelError(
            f"scan of {scan.network}: made with another input form than that of {network.name}, "
            f"{network.form.describe()}; scan the images again"
        )


# ---------------------------------------------------------------------------------------------------------------------
# The units


@dataclass(frozen=True, eq=False)
class _Case:
    """What the verdicts of one audit have in common."""

    network: Network
    scan: Scan | None
    layers: tuple[str, ...]
    size: tuple[int, int]

    def findings(
        self, bounds: Bounds, dreamt: Mapping[tuple[str, int], DreamEvidence]
    ) -> dict[str, tuple[Finding, ...]]:
        """Return what is known of every unit by now."""
        return {
            layer: tuple(
                self._finding(layer, unit, bounds, dreamt.get((layer, unit)))
                for unit in range(self.network.layer(layer).units)
            )
            for layer in self.layers
        }

    def asking(
        self, findings: Mapping[str, Sequence[Finding]], wanted: Callable[[str, Finding], bool]
    ) -> dict[str, list[int]]:
        """Return the units that want more, by layer; no layer without one."""
        units = {layer: [found.unit for found in each if wanted(layer, found)] for layer, each in findings.items()}
        return {layer: numbers for layer, numbers in units.items() if numbers}

    def wants_dream(self, layer: str, found: Finding) -> bool:
        """Say whether a dream could decide the unit: it was silent, or shown nothing."""
        if found.verdict.kind != "undecided" or not self.network.layer(layer).dreamable:
            return False
        return found.scanned is None or (self._rests(layer) and math.isfinite(found.scanned.high))

    def wants_proof(self, layer: str, found: Finding) -> bool:
        """Say whether tighter bounds could decide the unit: it rests at 0, nothing woke it, and it has bounds."""
        return found.verdict.kind == "undecided" and self._rests(layer) and found.before is not None

    def layer(self, name: str, findings: tuple[Finding, ...]) -> LayerAudit:
        """Return a layer's findings with what else there is to know of it."""
        info, dead = self.network.layer(name), {found.unit for found in findings if found.verdict.kind == "dead"}
        pairs = tuple(pair for pair in _duplicates(self.network, name) if not dead & {pair.first, pair.second})
        return LayerAudit(name, info.type, self._activation(name), findings, pairs)

    def _finding(self, layer: str, unit: int, bounds: Bounds, dreamt: DreamEvidence | None) -> Finding:
        seen = None if self.scan is None else self.scan.layer(layer)
        scanned = None if seen is None or self.scan is None else _scanned(seen, unit, self.scan)
        known = bounds.layers[layer]
        before = known.before(unit)
        verdict = judge(self._activation(layer), scanned=scanned, dreamt=dreamt, before=before, reason=known.reason)
        if (
            scanned is None and dreamt and dreamt.activated and verdict.kind == "undecided"
        ):  # one that has no state of rest
            named = f" ({dreamt.image})" if dreamt.image else ""
            verdict = Verdict("alive", f"a dream{named} raises it to {dreamt.score:.4g}; no image was shown")
        if seen is not None and seen.nonfinite[unit]:
            also = f"; on {seen.nonfinite[unit]} images more its map held NaN or infinity"
            verdict = replace(verdict, sentence=verdict.sentence + also)
        return Finding(unit, verdict, scanned, dreamt, before)

    def _rests(self, layer: str) -> bool:
        return is_relu(self.network.graph.by_name[layer])

    def _activation(self, layer: str) -> str:
        """Return what bends a unit; a ReLU layer with a slope or a threshold of its own rests nowhere."""
        name = activation_name(self.network.graph.by_name[layer])
        return "leaky_relu" if name in ("relu", "relu6") and not self._rests(layer) else name


def _case(network: Network, scan: Scan | None, layers: Sequence[str] | None) -> _Case:
    canvas = canvas_of(network, Recipe())
    size = scan.size if scan else (canvas.height, canvas.width)
    return _Case(network, scan, chosen_layers(network, scan, layers), size)


def _scanned(seen: LayerScan, unit: int, scan: Scan) -> ScanEvidence:
    best, is_map = seen.by_max.strongest, seen.facts.positions != 1
    index = int(best.index[0, unit])
    return ScanEvidence(
        images=int(seen.counted[unit]),
        high=float(seen.maximum[unit]),
        low=float(seen.minimum[unit]),
        zeros=float(seen.zeros[unit]),
        image=scan.names[index] if index >= 0 else "",
        place=(int(best.row[0, unit]), int(best.column[0, unit])) if is_map and index >= 0 else None,
    )


# ---------------------------------------------------------------------------------------------------------------------
# The layers


def _has_units(network: Network, step: Step) -> bool:
    info = network.layer(step.name)
    return has_linear(step) and info.units > 0 and info.is_visual


def _bent_later(graph: Graph, step: Step) -> bool:
    """Say whether all that a step computes goes into one activation layer, where its units are judged."""
    if inline_activation(step) or is_pure(step):
        return False
    reader = _only_reader(graph, step)
    if reader is not None and reader.type == "BatchNormalization":
        reader = _only_reader(graph, reader)
    return reader is not None and is_pure(reader)


def _only_reader(graph: Graph, step: Step) -> Step | None:
    readers = graph.readers(step.outputs[0])
    return readers[0] if len(readers) == 1 and step.outputs[0] != graph.output else None


def _duplicates(network: Network, layer: str) -> tuple[DuplicatePair, ...]:
    """Return units with nearly the same weights, those of the layer that an activation layer bends."""
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


def _ignore(progress: Progress) -> None:
    """Report progress to no one."""
