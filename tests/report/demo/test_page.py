"""The page is read as a browser reads it: its images are decoded and its text is unescaped."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.evidence.top_images import response_of
from dreamfilters.images import heat
from dreamfilters.report.demo.page import Card, Page, Prediction, Sample, Section, html

HOSTILE = "\"><script>alert('1')</script><img src=x onerror=alert(1)>{{ 7 * 7 }}"


def made(name="conv1:0", **changes):
    values = {"score": 1.0, "robust": 1.0, "start": 0.0, "steps": 2, "seconds": 0.1, "seed": 7, "activated": True}
    return Dream(name=name, image=np.full((6, 6, 3), 0.5, "float32"), recipe=Recipe(), **{**values, **changes})


def answer(*rows):
    return response_of(0, np.array(rows, "float32"))


def sample(response, name="STOP"):
    return Sample(np.zeros((6, 6, 3), "float32"), name, response)


def card(**changes):
    values = {
        "title": "conv1:0",
        "dream": made(),
        "response": answer([3, 1], [0, 0]),
        "samples": (sample(answer([0.5, 0.5], [0.5, 0.5])), sample(answer([4, 0], [0, 0]))),
    }
    return Card(**{**values, **changes})


def page(*cards, **changes):
    return Page(**{"title": "Dreams", "lead": "", "sections": (Section("conv1", "", cards),), **changes})


class Reader(HTMLParser):
    """Collects every tag with its attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.said = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.said.append(data.strip())

    def all(self, tag, **wanted):
        return [
            attributes
            for name, attributes in self.tags
            if name == tag and all(attributes.get(key) == value for key, value in wanted.items())
        ]

    @property
    def text(self):
        return " ".join(filter(None, self.said))


def decoded(uri):
    head, data = uri.split(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_all_maps_of_a_card_share_one_scale():
    """The greatest value, 4, is in a sample's map: in the dream's own map 3 must not be the brightest color."""
    shown = card()
    assert shown.top == 4.0
    maps = [decoded(image["src"]) for image in Reader(html(page(shown))).all("img", **{"class": "map"})]
    assert len(maps) == 3
    for pixels, values in zip(maps, shown.maps, strict=True):
        np.testing.assert_allclose(pixels, 255 * heat(values, low=0, high=4), atol=0.51)
    assert maps[0][0, 0].tolist() != maps[2][0, 0].tolist()
    assert "0 4.00" in Reader(html(page(shown))).text  # the ends of the drawn scale


def test_cards_have_scales_of_their_own():
    text = Reader(html(page(card(), card(samples=())))).text
    assert "0 4.00" in text
    assert "0 3.00" in text


def test_a_scale_says_when_a_map_goes_below_it():
    assert "≤ 0 4.00" in Reader(html(page(card(response=answer([-1, 2]))))).text


def test_a_map_that_is_not_finite_does_not_stretch_the_scale():
    assert card(response=answer([np.nan, 1], [np.inf, 0])).top == 4.0


def test_the_figure_is_the_dream_over_the_strongest_sample():
    shown = card(response=answer([3, 1], [0, 0]), samples=(sample(answer([0.4])), sample(answer([0.1]))))
    assert shown.ratio == pytest.approx(2.5)
    assert shown.verdict == ("2.50 ×", "the strongest sample")


def test_a_unit_that_no_sample_excites_has_no_ratio():
    assert card(samples=(sample(answer([0.0])),)).verdict == ("1.00", "and no sample excites it")


def test_a_class_says_how_sure_the_network_is():
    sure = (Prediction("STOP", 0.75, True), Prediction("30", 0.25, False))
    assert card(predictions=sure).verdict == ("75 %", "sure of it")
    wrong = (Prediction("30", 0.75, False), Prediction("STOP", 0.25, True))
    assert card(predictions=wrong).verdict == ("25 %", "taken for 30")
    lost = (Prediction("30", 0.75, False), Prediction("50", 0.25, False))
    assert card(predictions=lost).verdict == ("not among the first", "taken for 30")


def test_a_dream_that_did_not_rise_is_no_success():
    asleep = card(
        dream=made(
            activated=False, recovered_by="another seed", note="not activated: its score never rose; also tried X"
        )
    )
    assert asleep.verdict == ("not activated", "its score never rose; also tried X")
    reader = Reader(html(page(asleep)))
    assert reader.all("span", **{"class": "verdict small bad"})
    assert not reader.all("span", **{"class": "badge"})
    assert reader.text.count("also tried X") == 1
    assert card(dream=made(activated=False)).verdict == ("not activated", "its score never rose")


def test_a_rescued_dream_says_by_what():
    reader = Reader(html(page(card(dream=made(recovered_by="another seed")))))
    assert reader.all("span", **{"class": "badge"})
    assert "recovered_by: another seed" in reader.text
    assert not Reader(html(page(card()))).all("span", **{"class": "badge"})


def test_hostile_names_stay_text():
    hostile = card(
        title=HOSTILE,
        dream=made(HOSTILE, note=HOSTILE, recovered_by=HOSTILE),
        samples=(sample(answer([1.0]), HOSTILE),),
        detail=HOSTILE,
        command=HOSTILE,
        predictions=(Prediction(HOSTILE, 1.0, False),),
    )
    filled = Page(HOSTILE, HOSTILE, (Section(HOSTILE, HOSTILE, (hostile,)),), (HOSTILE,), ((HOSTILE, HOSTILE),))
    reader = Reader(html(filled))
    assert not reader.all("script")
    assert not [attributes for _, attributes in reader.tags if any(name.startswith("on") for name in attributes)]
    assert all(image["src"].startswith("data:image/png;base64,") for image in reader.all("img"))
    assert "{{ 7 * 7 }}" in reader.text
    assert reader.all("h3") == [{}]


def test_nothing_is_fetched():
    text = html(page(card()))
    policy = Reader(text).all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    assert re.fullmatch(
        r"default-src 'none'; img-src data:; style-src 'sha256-\S{44}'; base-uri 'none'; form-action 'none'", policy
    )
    assert not [attributes for _, attributes in Reader(text).tags if "style" in attributes]  # it would be refused
    assert not re.search(r"(src|href)=\"(?!#|data:)|url\(|@import|https?:", text)


def test_every_link_has_its_target():
    reader = Reader(html(page(card(), card(), card(dream=made('class:"a b"')))))
    targets = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(set(targets)) == len(targets)
    assert {link["href"] for link in reader.all("a")} == {f"#{target}" for target in targets}


def test_dreams_are_enlarged_and_samples_are_not():
    images = Reader(html(page(card()))).all("img")
    sides = {image["alt"]: decoded(image["src"]).shape[0] for image in images}
    assert sides == {
        "conv1:0": 6, "The dream of conv1:0": 192, "Where the dream excites conv1:0": 2,
        "Sample: STOP": 6, "Where it excites conv1:0": 2, "From dark to bright": 1,
    }  # fmt: skip
