"""The result of an audit as values: the verdict on each unit, its evidence and the counts of each layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dreamfilters.display import frame, heading, share_bars, table
from dreamfilters.errors import TargetError, UnknownNameError, close_names
from dreamfilters.evidence.duplicate_filters import DuplicatePair
from dreamfilters.serialization import plain, typed
from dreamfilters.verdicts.verdict import COLORS, KINDS, DreamEvidence, Kind, ScanEvidence, Verdict

_TABLE_ROWS = 100  # units listed in a notebook


@dataclass(frozen=True)
class Finding:
    """The verdict on one unit and its evidence.

    Attributes:
        unit: number of the unit.
        verdict: the conclusion.
        scanned: evidence from images, None without images.
        dream: evidence from a dream, None for a unit that was not dreamed.
        before: proved bounds of the value before its activation, None if there are none.
    """

    unit: int
    verdict: Verdict
    scanned: ScanEvidence | None = None
    dream: DreamEvidence | None = None
    before: tuple[float, float] | None = None


@dataclass(frozen=True)
class LayerAudit:
    """The findings of one layer.

    Attributes:
        name: name of the layer.
        type: class of the layer, such as 'Conv2D'.
        activation: 'relu', 'linear', ...
        findings: one per unit, in order.
        duplicates: pairs of units with nearly the same weights, most similar first, without dead units; empty for a
            layer without weights.
    """

    name: str
    type: str
    activation: str
    findings: tuple[Finding, ...]
    duplicates: tuple[DuplicatePair, ...] = ()

    @property
    def counts(self) -> dict[Kind, int]:
        """The number of units per kind, in the order of `KINDS`."""
        kinds = [finding.verdict.kind for finding in self.findings]
        return {kind: kinds.count(kind) for kind in KINDS}

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {kind}" for kind, count in self.counts.items() if count)
        return f"LayerAudit({self.name[:80]!r}: {counts or 'no units'})"

    @property
    def proved(self) -> int:
        """The number of verdicts that are proved for every valid input."""
        return sum(finding.verdict.proved for finding in self.findings)


@dataclass(frozen=True)
class Audit:
    """The result of `audit`.

    Attributes:
        network: name of the network.
        fingerprint: hash of its weights and configuration.
        images: number of scanned images, 0 for none.
        size: (height, width) of the inputs for which the bounds are proved.
        inputs: the interval of their values, such as '[0, 1]', or ''.
        recipe: name of the recipe of the dreams.
        seed: random seed of the dreams.
        layers: the audited layers in the order of execution.
        untried: layers for which the budget of the tighter bounds did not suffice.
    """

    network: str
    fingerprint: str
    images: int
    size: tuple[int, int]
    recipe: str
    seed: int
    layers: tuple[LayerAudit, ...]
    untried: tuple[str, ...] = ()
    inputs: str = ""

    @property
    def counts(self) -> dict[Kind, int]:
        """The number of units per kind in all layers."""
        return {kind: sum(layer.counts[kind] for layer in self.layers) for kind in KINDS}

    def layer(self, name: str) -> LayerAudit:
        """Return a layer's findings.

        Raises:
            UnknownNameError: it was not audited.
        """
        known = {layer.name: layer for layer in self.layers}
        if name not in known:
            raise UnknownNameError(f"{name}: not among the layers of this audit. {close_names(name, known)}")
        return known[name]

    def unit(self, layer: str, number: int) -> Finding:
        """Return the finding on one unit.

        Raises:
            UnknownNameError: the layer was not audited.
            TargetError: it has no such unit.
        """
        findings = self.layer(layer).findings
        if not 0 <= number < len(findings):
            raise TargetError(f"{layer}:{number}: {layer} has {len(findings)} units, 0 to {len(findings) - 1}")
        return findings[number]

    def of(self, *kinds: Kind) -> tuple[tuple[str, Finding], ...]:
        """Return (layer, finding) of every unit of these kinds, in the order of execution."""
        return tuple(
            (layer.name, finding)
            for layer in self.layers
            for finding in layer.findings
            if finding.verdict.kind in kinds
        )

    def as_values(self) -> dict[str, Any]:
        """Return the audit as JSON values; `audit_from` reads them."""
        return {
            **{name: plain(getattr(self, name)) for name in _HEAD},
            "counts": self.counts,
            "layers": [_layer_values(layer) for layer in self.layers],
        }

    def _repr_html_(self) -> str:
        rows = [{"layer": layer.name, "units": len(layer.findings), **layer.counts} for layer in self.layers]
        others = self.of(*(kind for kind in KINDS if kind != "alive"))
        units = [{"unit": f"{layer}:{each.unit}", "verdict": str(each.verdict)} for layer, each in others[:_TABLE_ROWS]]
        images = f"{self.images} images" if self.images else "no images"
        more = f", the first {_TABLE_ROWS} of {len(others)}" if len(others) > _TABLE_ROWS else ""
        shares = share_bars({layer.name: layer.counts for layer in self.layers}, COLORS)
        not_alive = [table(f"Not alive{more}", units)] if units else []
        title = heading(f"Audit of {self.network}", f"{images}, dreams by the recipe {self.recipe}")
        return frame(title, shares, table("", rows), *not_alive)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {kind}" for kind, count in self.counts.items() if count)
        return f"Audit({self.network!r}, {self.images} images: {counts or 'no units'})"


_HEAD = ("network", "fingerprint", "images", "size", "inputs", "recipe", "seed", "untried")


def audit_from(values: Any) -> Audit:
    """Return the audit that `Audit.as_values` wrote.

    Raises:
        ValueError: the values are not those of an audit.
    """
    audit = {key: value for key, value in typed(Mapping[str, Any], values, "audit").items() if key != "counts"}
    layers = typed(tuple[Mapping[str, Any], ...], audit.get("layers"), "layers")
    found: Audit = typed(Audit, {**audit, "layers": [_layer_from(layer) for layer in layers]}, "audit")
    return found


def _layer_values(layer: LayerAudit) -> dict[str, Any]:
    findings = plain(layer.findings)
    return {
        "layer": layer.name,
        "type": layer.type,
        "activation": layer.activation,
        "counts": layer.counts,
        "findings": [{**finding.pop("verdict"), **finding} for finding in findings],
        "duplicates": plain(layer.duplicates),
    }


def _layer_from(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of a `LayerAudit`."""
    findings = typed(tuple[Mapping[str, Any], ...], values.get("findings"), "findings")
    kept = {key: value for key, value in values.items() if key not in ("counts", "layer")}
    return {**kept, "name": values.get("layer"), "findings": [_finding_from(finding) for finding in findings]}


def _finding_from(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of a `Finding`, whose verdict is an object of its own."""
    verdict = {key: values.get(key) for key in ("kind", "sentence", "proved")}
    return {**{key: value for key, value in values.items() if key not in verdict}, "verdict": verdict}
