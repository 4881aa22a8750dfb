from pathlib import Path

from dreamfilters.viewer.services.snippets import Snippets


def test_a_dream_is_reproduced_with_its_recipe_seed_and_arguments_of_load():
    snippets = Snippets.of("my net.keras", {"classes": Path("names.txt"), "trust": True, "form": None, "output": None,
                                         "imports": ("my_layers",)})  # fmt: skip
    assert snippets.dream("class:No entry", "natural", 7) == (
        "dreamfilters dream 'my net.keras' 'class:No entry' --recipe natural --seed 7 --classes names.txt --trust "
        "--import my_layers",
        "df.dream(df.load('my net.keras', classes='names.txt', trust=True, imports=('my_layers',)), 'class:No entry', "
        "df.read_recipe('natural'), seed=7)",
    )


def test_a_list_of_class_names_is_left_out():
    assert Snippets.of("signs", {"classes": ["a", "b"], "trust": False}) == Snippets("signs")


def test_every_argument_that_changes_the_image_is_included():
    """Without the range alone, the copied command made another dream."""
    given = {"form": {"range": (0.0, 255.0), "order": "BGR"}, "size": (48, 64), "input": "image"}
    snippets = Snippets.of("net.h5", given)
    assert snippets.dream("conv1:3", "fast", 7) == (
        "dreamfilters dream net.h5 conv1:3 --recipe fast --seed 7 --range 0 255 --order BGR --size 48x64 --input image",
        "df.dream(df.load('net.h5', form={'range': (0.0, 255.0), 'order': 'BGR'}, size=(48, 64), input='image'), "
        "'conv1:3', df.read_recipe('fast'), seed=7)",
    )
    assert Snippets.of("net.h5", {"form": Path("model.toml")}).serve(None) == (
        "dreamfilters serve net.h5 --form model.toml",
        "df.serve('net.h5', form='model.toml')",
    )


def test_the_size_that_the_viewer_chose_is_included_unless_another_was_given():
    chosen, _ = Snippets("net.keras").dream("conv1:3", "fast", 7, (224, 224))
    assert chosen == "dreamfilters dream net.keras conv1:3 --recipe fast --seed 7 --size 224x224"
    given, _ = Snippets.of("net.keras", {"size": 48}).dream("conv1:3", "fast", 7, (48, 48))
    assert given == "dreamfilters dream net.keras conv1:3 --recipe fast --seed 7 --size 48"


def test_a_viewer_is_started_again_with_its_images():
    assert Snippets("signs").serve("my images") == (
        "dreamfilters serve signs 'my images'",
        "df.serve('signs', images='my images')",
    )
    assert Snippets("signs").serve("images", Path("labels.csv")) == (
        "dreamfilters serve signs images --labels labels.csv",
        "df.serve('signs', images='images', labels='labels.csv')",
    )


def test_a_heatmap_is_reproduced_with_its_image_method_and_comparison():
    snippets = Snippets.of("net.keras", {"form": {"range": (0.0, 255.0)}})
    assert snippets.attribution("class:No entry", "my images/a.png", "grad-cam", "class:20", (224, 224)) == (
        "dreamfilters attribute net.keras 'class:No entry' 'my images/a.png' --method grad-cam --against class:20 "
        "--range 0 255 --size 224x224",
        "df.attribute(df.load('net.keras', form={'range': (0.0, 255.0)}, size=(224, 224)), 'class:No entry', "
        "'my images/a.png', methods='grad-cam', against='class:20')",
    )
    assert snippets.logit_attribution("a.png", 14) == (
        "df.attribute_logit(df.load('net.keras', form={'range': (0.0, 255.0)}), 'a.png', 14)"
    )


def test_all_settings_of_a_form_and_other_inputs_are_included():
    """A form with a size or bits was left out, so that the copied command opened the network otherwise."""
    given = {"form": {"range": (0.0, 1.0), "bits": 12, "size": (28, 28)}, "inputs": {"mask": Path("mask.npy")}}
    assert Snippets.of("net.h5", given).command("scan", images="images") == (
        "dreamfilters scan net.h5 images --range 0 1 --bits 12 --input-size 28x28 --input mask=mask.npy"
    )
    assert Snippets.of("net.h5", given).words("images", "labels.csv")[:4] == [
        "net.h5",
        "images",
        "--labels",
        "labels.csv",
    ]
