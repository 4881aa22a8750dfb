"""Progress of a long computation."""

from dreamfilters.progress import OverallProgress, Progress


def test_share_is_zero_while_the_total_is_unknown():
    assert Progress(7, 0, "bounds").share == 0.0
    assert Progress(1, 4, "scan").share == 0.25


def test_a_part_fills_its_section_of_the_whole():
    seen = []
    overall = OverallProgress(seen.append)
    scanning = overall.part(0.2, 0.6, "scanning")
    scanning(Progress(1, 4, "a.png"))
    scanning(Progress(4, 4, "d.png"))
    assert [(round(each.share, 9), each.note) for each in seen] == [(0.3, "scanning a.png"), (0.6, "scanning d.png")]


def test_the_share_never_decreases():
    seen = []
    overall = OverallProgress(seen.append)
    for share in (0.5, 0.2, 0.7):
        overall.report(share, "")
    assert [each.share for each in seen] == [0.5, 0.5, 0.7]


def test_without_a_listener_nothing_is_reported():
    OverallProgress(None).part(0, 1)(Progress(1, 1, ""))


def test_the_images_of_a_part_are_those_of_the_whole():
    seen = []
    OverallProgress(seen.append).part(0, 1)(Progress(1, 2, "", lambda: "images"))
    assert seen[0].images() == "images"
    assert seen[0] == Progress(0.5, 1.0, "")  # they are no part of its state
