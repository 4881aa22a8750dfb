import pytest

from dreamfilters.verdicts.verdict import ScanEvidence, Verdict
from dreamfilters.viewer.messages import ImageEvidence, VerdictBasis
from dreamfilters.viewer.services.dream_queue import DreamQueue
from dreamfilters.viewer.services.unit_service import verdict_of, verdict_values

SILENT = ScanEvidence(12, 0.0, 0.0, 1.0)
UNDECIDED = VerdictBasis("relu", Verdict("undecided", "silent on all 12 images"), SILENT, (-2.0, 3.0))
ALIVE = VerdictBasis("relu", Verdict("alive", "image 3 gives 2"), ScanEvidence(12, 2.0, 0.0), (-2.0, 3.0))


def dream(maximum, activated=True):
    dream = DreamQueue().add("L1", 0, "standard", 4, name="conv:0", number=0)
    dream.maximum, dream.activated = maximum, activated
    return dream


@pytest.mark.parametrize(
    ("basis", "dream", "kind"),
    [
        (UNDECIDED, None, "undecided"),
        (UNDECIDED, dream(1.5), "dormant"),
        (UNDECIDED, dream(0.0, activated=False), "undecided"),
        (ALIVE, dream(9.0), "alive"),
    ],
)
def test_a_dream_decides_a_verdict_that_images_and_bounds_left_undecided(basis, dream, kind):
    found = verdict_of(ImageEvidence((), None, {"L1": (basis,)}), "L1", 0, dream)
    assert found[0].kind == kind
    if kind == "dormant":
        assert "a dream (standard, seed 4) raises it to 1.5" in found[0].sentence


def test_without_evidence_there_is_no_verdict():
    assert verdict_of(None, "L1", 0, None) is None
    assert verdict_of(ImageEvidence((), None, {}), "L1", 0, None) is None
    assert verdict_values(None) is None


def test_a_verdict_includes_its_evidence():
    values = verdict_values((ALIVE.verdict, ALIVE))
    assert (values["kind"], values["sentence"]) == ("alive", "image 3 gives 2")
    assert values["evidence"]["scan"]["high"] == 2.0
    assert values["evidence"]["before"] == [-2.0, 3.0]
