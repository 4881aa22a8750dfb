"""The result of an audit: counts, lookups and JSON values."""

from __future__ import annotations

import json
import math

import pytest

from dreamfilters.errors import TargetError, UnknownNameError
from dreamfilters.evidence.duplicate_filters import DuplicatePair
from dreamfilters.verdicts.result import Audit, Finding, LayerAudit, audit_from
from dreamfilters.verdicts.verdict import DreamEvidence, ScanEvidence, Verdict

ALIVE = Finding(
    0, Verdict("alive", "image <b> gives 2"), ScanEvidence(9, 2.0, 0.0, 0.5, "<b>", (3, 4)), None, (-1.0, 3.0)
)
DORMANT = Finding(
    1, Verdict("dormant", "silent"), ScanEvidence(9, 0.0, 0.0, 1.0, "a"), DreamEvidence(0.5, True, "d.png", ("x",))
)
DEAD = Finding(0, Verdict("dead", "no valid input", proved=True), None, None, (-2.0, -0.5))


@pytest.fixture
def audit():
    layers = (
        LayerAudit("conv", "Conv2D", "relu", (ALIVE, DORMANT), (DuplicatePair(0, 1, 0.97),)),
        LayerAudit("dense", "Dense", "relu", (DEAD,)),
    )
    return Audit("net", "abc", 9, (8, 8), "standard", 3, layers, ("dense",))


def test_counts_per_layer_and_in_total(audit):
    assert audit.layer("conv").counts["dormant"] == 1
    assert audit.counts == {"alive": 1, "dormant": 1, "dead": 1, "always on": 0, "saturated": 0, "undecided": 0}
    assert [layer.proved for layer in audit.layers] == [0, 1]


def test_units_are_found_by_layer_and_kind(audit):
    assert audit.unit("conv", 1) is DORMANT
    assert audit.of("dead", "dormant") == (("conv", DORMANT), ("dense", DEAD))
    with pytest.raises(UnknownNameError, match=r"cnv: .* Close names: conv"):
        audit.unit("cnv", 0)
    with pytest.raises(TargetError, match="conv:2: conv has 2 units, 0 to 1"):
        audit.unit("conv", 2)


def test_values_are_json_and_restore_the_audit(audit):
    values = json.loads(json.dumps(audit.as_values(), allow_nan=False))
    assert values["counts"]["dead"] == 1
    assert values["layers"][0]["findings"][0]["scanned"]["position"] == [3, 4]
    assert audit_from(values) == audit


def test_nan_is_restored():
    broken = Finding(0, Verdict("undecided", "?"), ScanEvidence(0, math.nan, math.nan, math.nan))
    layer = LayerAudit("conv", "Conv2D", "relu", (broken,))
    values = json.loads(json.dumps(Audit("net", "", 0, (8, 8), "", 0, (layer,)).as_values(), allow_nan=False))
    again = audit_from(values).unit("conv", 0).scanned
    assert math.isnan(again.high)
    assert again.position is None


def test_a_notebook_shows_a_table_with_escaped_names(audit):
    html = audit._repr_html_()
    assert "conv:1" in html
    assert "<td>dead, proved: no valid input</td>" in html
    assert "<b>" not in html
    assert repr(audit) == "Audit('net', 9 images: 1 alive, 1 dormant, 1 dead)"
