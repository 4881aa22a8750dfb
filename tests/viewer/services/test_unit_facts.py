import pytest

from dreamfilters.verdicts.verdict import ScanEvidence, Verdict
from dreamfilters.viewer.messages import Evidence, ScanVerdicts
from dreamfilters.viewer.services.dream_jobs import DreamQueue
from dreamfilters.viewer.services.unit_facts import judged, verdict_values

SILENT = ScanEvidence(12, 0.0, 0.0, 1.0)
UNDECIDED = ScanVerdicts("relu", Verdict("undecided", "silent on all 12 images"), SILENT, (-2.0, 3.0))
ALIVE = ScanVerdicts("relu", Verdict("alive", "image 3 gives 2"), ScanEvidence(12, 2.0, 0.0), (-2.0, 3.0))


def dream(peak, activated=True):
    booking = DreamQueue().add("L1", 0, "standard", 4, name="conv:0", number=0)
    booking.peak, booking.activated = peak, activated
    return booking


@pytest.mark.parametrize(
    ("known", "booking", "kind"),
    [
        (UNDECIDED, None, "undecided"),
        (UNDECIDED, dream(1.5), "dormant"),
        (UNDECIDED, dream(0.0, activated=False), "undecided"),
        (ALIVE, dream(9.0), "alive"),
    ],
)
def test_a_dream_wakes_a_unit_that_no_image_woke(known, booking, kind):
    found = judged(Evidence(None, {"L1": (known,)}), "L1", 0, booking)
    assert found[0].kind == kind
    if kind == "dormant":
        assert "a dream (standard, seed 4) wakes it to 1.5" in found[0].sentence


def test_where_nothing_is_known_there_is_no_verdict():
    assert judged(None, "L1", 0, None) is None
    assert judged(Evidence(None, {}), "L1", 0, None) is None
    assert verdict_values(None) is None


def test_a_verdict_comes_with_what_it_rests_on():
    values = verdict_values((ALIVE.verdict, ALIVE))
    assert (values["kind"], values["sentence"]) == ("alive", "image 3 gives 2")
    assert values["evidence"]["scan"]["high"] == 2.0
    assert values["evidence"]["before"] == [-2.0, 3.0]
