"""What an audit found, as values: each unit's verdict with its evidence, and what a layer's units come to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dreamfilters.errors import TargetError, UnknownNameError, close_names
from dreamfilters.evidence.duplicate_filters import DuplicatePair
from dreamfilters.serialization import plain, table
from dreamfilters.verdicts.verdict import KINDS, DreamEvidence, Kind, ScanEvidence, Verdict

_SHOWN = 100  # units that a notebook's table names


@dataclass(frozen=True)
class Finding:
    """What is known of one unit.

    Attributes:
        unit: its number.
        verdict: what follows.
        scanned: what images made of it, None without images.
        dreamt: what a dream made of it, None for a unit that needed none.
        before: the least and the greatest value before its activation, None where there is none or it is not known.
    """

    unit: int
    verdict: Verdict
    scanned: ScanEvidence | None = None
    dreamt: DreamEvidence | None = None
    before: tuple[float, float] | None = None


@dataclass(frozen=True)
class LayerAudit:
    """The findings of one layer.

    Attributes:
        name: the layer's.
        type: its class, such as 'Conv2D'.
        activation: 'relu', 'linear', ...
        findings: one a unit, in their order.
        duplicates: units with nearly the same weights, the most alike first, without dead ones; empty where it has no
            weights of its own.
    """

    name: str
    type: str
    activation: str
    findings: tuple[Finding, ...]
    duplicates: tuple[DuplicatePair, ...] = ()

    @property
    def counts(self) -> dict[Kind, int]:
        """How many units are of each kind, every kind in the order of `KINDS`."""
        kinds = [finding.verdict.kind for finding in self.findings]
        return {kind: kinds.count(kind) for kind in KINDS}

    @property
    def proved(self) -> int:
        """How many verdicts hold for every valid input."""
        return sum(finding.verdict.proved for finding in self.findings)


@dataclass(frozen=True)
class Audit:
    """What `audit` returns.

    Attributes:
        network: its name.
        fingerprint: of its weights and configuration.
        images: how many were shown, 0 for none.
        size: (height, width) of the images that everything proved holds for.
        recipes: the names of those by which silent units were dreamt, in their order.
        seed: of the dreams.
        layers: in the order of execution.
        untried: layers that the tighter bounds did not reach, or not all of, within their budget.
    """

    network: str
    fingerprint: str
    images: int
    size: tuple[int, int]
    recipes: tuple[str, ...]
    seed: int
    layers: tuple[LayerAudit, ...]
    untried: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[Kind, int]:
        """How many units of all layers are of each kind."""
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
        """Return what is known of one unit.

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
        """Return everything as plain values, which `audit_from` reads back."""
        return {
            **{name: plain(getattr(self, name)) for name in _OWN},
            "counts": self.counts,
            "layers": [_layer_values(layer) for layer in self.layers],
        }

    def _repr_html_(self) -> str:
        rows = [{"layer": layer.name, "units": len(layer.findings), **layer.counts} for layer in self.layers]
        odd = self.of(*(kind for kind in KINDS if kind != "alive"))
        units = [
            {"unit": f"{layer}:{finding.unit}", "verdict": str(finding.verdict)} for layer, finding in odd[:_SHOWN]
        ]
        shown = f"{self.images} images" if self.images else "no images"
        more = f", the first {_SHOWN} of {len(odd)}" if len(odd) > _SHOWN else ""
        return table(f"{self.network}, {shown}", rows) + (table(f"Not alive{more}", units) if units else "")

    def __repr__(self) -> str:
        found = ", ".join(f"{count} {kind}" for kind, count in self.counts.items() if count)
        return f"Audit({self.network!r}, {self.images} images: {found or 'no units'})"


_OWN = ("network", "fingerprint", "images", "size", "recipes", "seed", "untried")


def audit_from(values: Mapping[str, Any]) -> Audit:
    """Return the audit of such values."""
    own: dict[str, Any] = {name: values[name] for name in _OWN}
    own |= {name: tuple(own[name]) for name in ("size", "recipes", "untried")}
    return Audit(**own, layers=tuple(_layer_from(layer) for layer in values["layers"]))


def _layer_values(layer: LayerAudit) -> dict[str, Any]:
    return {
        "layer": layer.name,
        "type": layer.type,
        "activation": layer.activation,
        "counts": layer.counts,
        "findings": [{**plain(finding.verdict), **plain(_evidence(finding))} for finding in layer.findings],
        "duplicates": plain(layer.duplicates),
    }


def _evidence(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in ("unit", "scanned", "dreamt", "before")}


def _layer_from(values: Mapping[str, Any]) -> LayerAudit:
    return LayerAudit(
        values["layer"],
        values["type"],
        values["activation"],
        tuple(_finding_from(finding) for finding in values["findings"]),
        tuple(DuplicatePair(**pair) for pair in values["duplicates"]),
    )


def _finding_from(values: Mapping[str, Any]) -> Finding:
    scanned, dreamt, before = values["scanned"], values["dreamt"], values["before"]
    return Finding(
        values["unit"],
        Verdict(values["kind"], values["sentence"], values["proved"]),
        None if scanned is None else ScanEvidence(**_numbers(scanned, "place")),
        None if dreamt is None else DreamEvidence(**_numbers(dreamt, "attempts")),
        None if before is None else (before[0], before[1]),
    )


def _numbers(values: Mapping[str, Any], sequence: str) -> dict[str, Any]:
    """Return the fields of a piece of evidence: what was no number is NaN again, a list a tuple."""
    told: dict[str, Any] = {name: math.nan if value is None else value for name, value in values.items()}
    return {**told, sequence: None if values[sequence] is None else tuple(values[sequence])}
