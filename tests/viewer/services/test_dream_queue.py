import io

import numpy as np
import pytest
from PIL import Image

from dreamfilters.errors import UnknownNameError
from dreamfilters.viewer.messages import BusyError
from dreamfilters.viewer.services.dream_queue import TILE, DreamQueue, encode_png
from tests.viewer.http_client import png


def add(queue, unit=0, layer="L1", seed=0, recipe="standard"):
    return queue.add(layer, unit, recipe, seed, name=f"conv:{unit}", number=7)


def result(**changes):
    values = {"steps": 32, "score": 2.0, "history": [1.0, 2.0], "note": "", "activated": True, "recovered_by": "",
              "png": png(np.ones((4, 4, 3))), "map": {"values": [[3.0]]}, "maximum": 3.0,
              "prediction": None, "appearance": ""}  # fmt: skip
    return {**values, **changes}


def test_a_dream_goes_from_queued_to_done():
    dream = add(DreamQueue())
    assert (dream.as_values()["phase"], dream.as_values()["image"]) == ("queued", None)
    dream.on_step({"step": 1, "steps": 32, "score": 0.5, "png": png(np.zeros((4, 4, 3)))})
    dream.on_step({"step": 2, "steps": 32, "score": 0.75, "png": None})
    values = dream.as_values()
    assert (values["phase"], values["step"], values["scores"]) == ("running", 2, [0.5, 0.75])
    assert values["image"] == "api/dreams/D0/image.png"
    dream.on_done(result(recovered_by="another seed"))
    values = dream.as_values()
    assert (values["phase"], values["score"], values["note"]) == ("done", 2.0, "recovered by another seed")
    assert not dream.is_open


def test_a_fallback_starts_a_new_curve():
    dream = add(DreamQueue())
    for step, score in ((1, 0.0), (2, 0.0), (1, 5.0)):
        dream.on_step({"step": step, "steps": 2, "score": score, "png": None})
    assert dream.scores == [5.0]


def test_the_strongest_dream_counts_as_evidence_and_the_newest_is_on_the_sheet():
    queue = DreamQueue()
    for maximum, unit in ((2.0, 5), (9.0, 5), (4.0, 5), (1.0, 3)):
        add(queue, unit).on_done(result(maximum=maximum))
    add(queue, unit=4)  # not done
    assert {unit: dream.maximum for unit, dream in queue.strongest("L1").items()} == {5: 9.0, 3: 1.0}
    assert [dream.maximum for dream in queue.newest("L1")] == [1.0, 4.0]
    assert queue.newest("L2") == []


def test_variants_are_finished_dreams_that_differ_only_by_seed():
    queue = DreamQueue()
    first = add(queue, seed=0)
    for seed in range(1, 6):
        add(queue, seed=seed).on_done(result())
    add(queue, seed=6)  # not done
    add(queue, seed=7, recipe="lucid").on_done(result())
    add(queue, seed=8, unit=1).on_done(result())
    assert queue.with_variants(first) == ("D0", "D3", "D4", "D5")


def test_a_sheet_has_a_tile_for_each_dream_row_by_row():
    queue = DreamQueue()
    for unit, gray in ((0, 0.0), (1, 1.0), (2, 1.0)):
        add(queue, unit).on_done(result(png=png(np.full((4, 4, 3), gray))))
    sheet = np.asarray(Image.open(io.BytesIO(encode_png(queue.sheet("L1", columns=2)))))
    assert sheet.shape == (2 * TILE, 2 * TILE, 3)
    corners = [sheet[y, x, 0] for y in (0, TILE) for x in (0, TILE)]
    assert corners == [0, 255, 255, 0]  # the last tile is empty


def test_open_dreams_and_kept_dreams_are_limited():
    queue = DreamQueue(max_open=2, max_kept=3)
    waiting = [add(queue), add(queue)]
    with pytest.raises(BusyError, match="2 dreams are waiting already"):
        add(queue)
    for dream in waiting:
        dream.on_done(result())
    for _ in range(5):
        add(queue).on_done(result())
    assert [dream.request.id for dream in queue.of()] == ["D4", "D5", "D6"]
    with pytest.raises(UnknownNameError, match="dream D0: no dream has this id"):
        queue.get("D0")
