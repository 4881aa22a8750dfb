"""The report in a real browser: hostile names and keyboard shortcuts."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.comparison.compare import compare
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.images import image_folder, png_bytes
from dreamfilters.networks import InputForm, Network
from dreamfilters.report.report import write_report
from tests.browser.markup import MARKUP
from tests.browser.visiting import visit

HOSTILE = (
    *MARKUP,
    "\\u003cscript\\u003edocument.title='hacked'//\u2028\u2029\u202e",
    "&lt;script&gt;&#60;script&#62;<meta http-equiv=refresh content=0;url=//evil.example>",
)
LAYER = "</h2><img src=x onerror=document.title='hacked'>"  # TensorFlow takes no such name, another backend may


def network():
    """Twelve classes of these names."""
    model = keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(len(HOSTILE), activation="softmax", name="classes"),
        ]
    )
    rng = np.random.default_rng(5)
    for layer in model.layers:
        layer.set_weights([rng.normal(0, 1, weight.shape).astype("float32") for weight in layer.get_weights()])
    return Network(model, InputForm.from_range(0, 1, size=(16, 16)), classes=HOSTILE, name=HOSTILE[2])


def renamed(unit):
    """The same unit, of a layer of such a name."""
    renamed = replace(unit.unit, name=f"{LAYER}:{unit.unit.number}", title=f"{LAYER}:{unit.unit.number}", layer=LAYER)
    path = unit.measures["path_similarity"]
    path = replace(path, steps=tuple(replace(step, layer=LAYER) for step in path.steps))
    measures = {**unit.measures, "path_similarity": path}
    return replace(unit, unit=renamed, facts=replace(unit.facts, name=LAYER), measures=measures)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A report of all twelve classes and two filters, of files with such names, one of which cannot be read."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(6)
    for number, name in enumerate(HOSTILE):
        file = f"{name.replace('/', '_')}.png"
        (folder / file).write_bytes(png_bytes(rng.uniform(0, 1, (16, 16, 3))) if number else b"no image")
    names = [""] + [HOSTILE[-number] for number in range(1, len(HOSTILE))]
    net = network()
    targets = [*(f"class:{number}" for number in range(len(HOSTILE))), "conv:0-1"]
    comparison = compare(
        net, targets, image_folder(folder), labels=names, recipe=Recipe(steps=2), seeds=1, top=2,
        user_image=(HOSTILE[3], np.full((16, 16, 3), 0.5, "float32")),
    )  # fmt: skip
    units = (*comparison.units[:-2], *map(renamed, comparison.units[-2:]))
    return replace(comparison, units=units, facts={**comparison.facts, HOSTILE[0]: HOSTILE[1]})


@pytest.fixture(scope="module")
def page(made, tmp_path_factory):
    return write_report(made, tmp_path_factory.mktemp("report"))


def test_no_name_is_executed_and_every_one_is_shown_as_it_is(tab, page):
    visit(tab, page)
    assert tab.evaluate("document.documentElement.dataset.ready") == "yes"  # our own script ran
    assert tab.title() == f"{HOSTILE[2]}: dreams and real images"
    shown = " ".join(tab.locator("h2, .list span, .name, footer dd, footer dt").all_text_contents())
    for name in HOSTILE:
        assert name in shown
    assert LAYER in shown


def test_nothing_but_what_the_page_is_made_of_is_in_it(tab, page):
    visit(tab, page)
    assert tab.evaluate("document.scripts.length") == 2
    counts = "['iframe', 'base', 'object', 'embed', 'svg[onload]'].map((one) => document.querySelectorAll(one).length)"
    assert tab.evaluate(counts) == [0] * 5
    assert tab.locator("style, meta[http-equiv]").count() == 2
    handlers = "[...document.querySelectorAll('*')].flatMap((one) => [...one.attributes]).map((one) => one.name)"
    assert not [name for name in tab.evaluate(handlers) if name.startswith("on")]
    links = tab.evaluate("[...document.links].map((one) => one.getAttribute('href'))")
    assert links
    assert all(link.startswith("#") for link in links)


def test_nothing_is_fetched_and_nothing_is_refused(tab, log, page):
    """The page requests only itself, logs nothing, opens no dialog, and every image loads."""
    visit(tab, page)
    assert [url for url in log.requests if not url.startswith("data:")] == [page.resolve().as_uri()]
    assert tab.evaluate("[...document.images].every((one) => one.complete && one.naturalWidth > 0)")


def test_the_policy_refuses_an_injected_script(tab, log, page, tmp_path):
    """The same page with a foreign script in it: the browser does not run it."""
    inside = page.read_text("utf-8").replace("</main>", "<script>document.title = 'hacked'</script></main>")
    inside = inside.replace("</main>", "<p id=foreign onclick=\"document.title='hacked'\">x</p></main>")
    (tmp_path / "index.html").write_text(inside, "utf-8")
    visit(tab, tmp_path / "index.html")
    tab.click("#foreign")
    assert tab.evaluate("document.documentElement.dataset.ready") == "yes"
    assert "hacked" not in tab.title().replace(HOSTILE[2], "")
    assert len(log.errors) == 2
    log.errors.clear()


def test_keys_step_through_the_units(tab, page):
    visit(tab, page)
    ids = tab.evaluate("[...document.querySelectorAll('article')].map((one) => one.id)")
    assert len(ids) == 14
    assert tab.evaluate("[...document.querySelectorAll('[data-unit]')].map((one) => one.dataset.unit)") == ids
    for key, expected in (("j", 0), ("j", 1), ("ArrowRight", 2), ("k", 1), ("ArrowLeft", 0), ("k", 0)):
        tab.keyboard.press(key)
        assert tab.evaluate("location.hash") == f"#{ids[expected]}"
        assert tab.evaluate("document.activeElement.id") == ids[expected]
    assert tab.evaluate("Math.abs(document.activeElement.getBoundingClientRect().top) < 40")


def test_the_search_shows_what_fits_and_escape_shows_all(tab, page):
    visit(tab, page)
    shown = "[...document.querySelectorAll('article')].filter((one) => one.checkVisibility()).length"
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.id") == "search"
    tab.keyboard.type("onfocus=")
    assert tab.evaluate("document.getElementById('search').value") == "onfocus="  # j, k and the like are letters here
    fitting = tab.evaluate("JSON.parse(document.getElementById('data').textContent).map((one) => one.words)")
    count = sum("onfocus=" in words for words in fitting)
    assert 0 < count < 14
    assert tab.evaluate(shown) == count
    assert tab.locator("#found").all_text_contents() == [f"{count} of 14"]
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.tagName") == "ARTICLE"
    tab.keyboard.press("Escape")
    assert tab.evaluate(shown) == 14
    tab.keyboard.press("/")
    tab.keyboard.type("nothing at all")
    assert tab.locator("#nothing").is_visible()


def test_a_question_mark_shows_the_keys(tab, page):
    visit(tab, page)
    tab.keyboard.press("?")
    assert tab.evaluate("document.getElementById('help').open")
    tab.keyboard.press("j")
    assert tab.evaluate("location.hash") == ""  # the page behind stays where it is
    tab.keyboard.press("Escape")
    assert not tab.evaluate("document.getElementById('help').open")
    tab.click("#help-button")
    assert tab.evaluate("document.getElementById('help').open")
    tab.click("#help button")
    assert not tab.evaluate("document.getElementById('help').open")


def test_print_is_on_white_and_shows_no_controls(tab, page):
    visit(tab, page)
    tab.emulate_media(media="print")
    assert not tab.locator("#search").is_visible()
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    tab.emulate_media(media="screen")


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_telephone_and_can_be_read_light_and_dark(tab, page, dark):
    visit(tab, page, width=400, height=800, dark=dark)
    assert tab.evaluate("document.documentElement.scrollWidth") == 400
    colors = (
        "['color', 'backgroundColor'].map((one) => getComputedStyle(document.body)[one].match(/[0-9]+/g).map(Number))"
    )
    ink, ground = tab.evaluate(colors)
    assert (sum(ground) < sum(ink)) == dark
    assert abs(_luminance(ink) - _luminance(ground)) > 0.6


def _luminance(color):
    """Relative luminance as the Web Content Accessibility Guidelines define it."""
    linear = [(c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
