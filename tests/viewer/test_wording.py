from pathlib import Path

from dreamfilters.viewer.wording import Wording


def test_a_dream_is_told_with_its_recipe_its_seed_and_how_the_network_is_opened():
    words = Wording.of("my net.keras", {"classes": Path("names.txt"), "trust": True, "form": None, "size": (9, 9)})
    assert words.dream("class:No entry", "natural", 7) == (
        "dreamfilters dream 'my net.keras' 'class:No entry' --recipe natural --seed 7 --classes names.txt --trust",
        "df.dream(df.load('my net.keras', classes='names.txt', trust=True), 'class:No entry', "
        "df.read_recipe('natural'), seed=7)",
    )


def test_names_that_are_no_file_are_not_told():
    assert Wording.of("signs", {"classes": ["a", "b"], "trust": False}) == Wording("signs")


def test_a_viewer_is_told_with_its_pictures():
    assert Wording("signs").serve("my photos") == (
        "dreamfilters serve signs 'my photos'",
        "df.serve('signs', images='my photos')",
    )
