"""The names of the classes, checked against the order of the benchmark."""

from dreamfilters.signs.classes import ENGLISH, GERMAN


def test_there_are_43_classes_in_both_languages():
    assert (len(GERMAN), len(ENGLISH)) == (43, 43)


def test_names_are_unique():
    assert len(set(GERMAN)) == len(set(ENGLISH)) == 43


def test_the_numbers_are_the_benchmarks():
    known = {0: "20", 6: "80 Ende", 7: "100", 8: "120", 12: "Vorfahrtstraße", 13: "Vorfahrt achten", 14: "STOP"}
    known |= {17: "Verbot der Einfahrt", 25: "Baustelle", 31: "Wildwechsel", 35: "Geradeaus", 40: "Kreisverkehr"}
    assert {number: GERMAN[number] for number in known} == known


def test_both_languages_name_the_same_sign():
    pairs = dict(zip(GERMAN, ENGLISH, strict=True))
    assert pairs["Kurve links"] == "curve to the left"
    assert pairs["Rechts vorbei"] == "keep right"
    assert pairs["Ampel"] == "traffic signals"
    assert pairs["Überholverbot für Lkw Ende"] == "end of no passing for trucks"


def test_speed_limits_have_numbers_as_names_in_both_languages():
    assert [name for name in GERMAN if name.isdigit()] == [name for name in ENGLISH if name.isdigit()]
