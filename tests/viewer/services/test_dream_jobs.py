import io

import numpy as np
import pytest
from PIL import Image

from dreamfilters.errors import UnknownNameError
from dreamfilters.viewer.server.errors import BusyError
from dreamfilters.viewer.services import dream_jobs as module
from dreamfilters.viewer.services.dream_jobs import TILE, DreamQueue, png_of
from tests.viewer.visiting import png


def booked(bookings, unit=0, layer="L1", seed=0):
    return bookings.add(layer, unit, "standard", seed, name=f"conv:{unit}", number=7)


def made(**changes):
    values = {"steps": 32, "score": 2.0, "history": [1.0, 2.0], "note": "", "activated": True, "recovered_by": "",
              "png": png(np.ones((4, 4, 3))), "map": {"values": [[3.0]]}, "peak": 3.0}  # fmt: skip
    return {**values, **changes}


def test_a_dream_goes_from_order_to_end():
    booking = booked(DreamQueue())
    assert (booking.as_values()["phase"], booking.as_values()["image"]) == ("queued", None)
    booking.grow({"step": 1, "steps": 32, "score": 0.5, "png": png(np.zeros((4, 4, 3)))})
    booking.grow({"step": 2, "steps": 32, "score": 0.75, "png": None})
    values = booking.as_values()
    assert (values["phase"], values["step"], values["scores"]) == ("running", 2, [0.5, 0.75])
    assert values["image"] == "api/dreams/D0/image.png"
    booking.finish(made(recovered_by="another seed"))
    values = booking.as_values()
    assert (values["phase"], values["score"], values["note"]) == ("done", 2.0, "recovered by another seed")
    assert not booking.is_open


def test_a_rescue_begins_a_new_curve():
    booking = booked(DreamQueue())
    for step, score in ((1, 0.0), (2, 0.0), (1, 5.0)):
        booking.grow({"step": step, "steps": 2, "score": score, "png": None})
    assert booking.scores == [5.0]


def test_the_best_dream_of_a_unit_is_the_one_with_the_greatest_peak_and_the_newest_is_on_the_sheet():
    bookings = DreamQueue()
    for peak, unit in ((2.0, 5), (9.0, 5), (4.0, 5), (1.0, 3)):
        booked(bookings, unit).finish(made(peak=peak))
    booked(bookings, unit=4)  # not done
    assert {unit: booking.peak for unit, booking in bookings.best("L1").items()} == {5: 9.0, 3: 1.0}
    assert [booking.peak for booking in bookings.newest("L1")] == [1.0, 4.0]
    assert bookings.newest("L2") == []


def test_a_sheet_has_a_tile_for_each_dream_row_by_row(monkeypatch):
    monkeypatch.setattr(module, "_COLUMNS", 2)
    bookings = DreamQueue()
    for unit, gray in ((0, 0.0), (1, 1.0), (2, 1.0)):
        booked(bookings, unit).finish(made(png=png(np.full((4, 4, 3), gray))))
    sheet = np.asarray(Image.open(io.BytesIO(png_of(bookings.sheet("L1")))))
    assert sheet.shape == (2 * TILE, 2 * TILE, 3)
    corners = [sheet[y, x, 0] for y in (0, TILE) for x in (0, TILE)]
    assert corners == [0, 255, 255, 0]  # the last place is empty


def test_only_so_many_wait_and_only_so_many_are_kept(monkeypatch):
    monkeypatch.setattr(module, "_MOST_WAITING", 2)
    monkeypatch.setattr(module, "_KEPT", 3)
    bookings = DreamQueue()
    waiting = [booked(bookings), booked(bookings)]
    with pytest.raises(BusyError, match="2 dreams are waiting already"):
        booked(bookings)
    for booking in waiting:
        booking.finish(made())
    for _ in range(5):
        booked(bookings).finish(made())
    assert [booking.asked.id for booking in bookings.of()] == ["D4", "D5", "D6"]
    with pytest.raises(UnknownNameError, match="dream D0: there is none"):
        bookings.get("D0")
