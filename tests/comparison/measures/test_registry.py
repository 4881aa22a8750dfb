"""A measure that is defined here and registered appears wherever measures are shown, with no other change."""

import csv
import io
import json
from html import unescape

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import dreamfilters as df
from dreamfilters.cli.commands import compare as commands
from dreamfilters.comparison.measures.measure import BarPart, Figure, ShareBar
from dreamfilters.errors import UnknownNameError
from dreamfilters.report.atlas import Atlas, atlas_unit_of, index_files, neighbors, unit_page
from dreamfilters.report.report import report_files
from dreamfilters.verdicts.result import Finding
from dreamfilters.verdicts.verdict import Verdict
from dreamfilters.viewer.worker.dream_requests import dream_measures

BRIGHTNESS = df.Measure(
    name="brightness",
    title="Brightness",
    meaning="Mean of all pixels of the dream, from 0 to 1.",
    needs=frozenset({"dream"}),
    compute=lambda batch: [float(dream.mean()) for dream in batch.first_dreams],
    caption=lambda value: df.Caption(f"{value:.3f}", "of a dream", fails=value > 0.9),
    columns={"brightness": lambda value: value},
    figure=lambda value: Figure("Brightness of the dream", "", (BarPart((ShareBar("all pixels", "x", value),)),)),
)
FINDING = Finding(0, Verdict("alive", "image 0 gives 1"))


@pytest.fixture(scope="module")
def registered():
    df.MEASURES.register(BRIGHTNESS)
    yield
    df.MEASURES.remove("brightness")


@pytest.fixture(scope="module")
def found(registered, colors, images_of):
    images, labels = images_of(12)
    return df.compare(colors, ["conv:0", "class:green"], images, labels=labels, recipe=df.Recipe(steps=2), seeds=1)


def test_it_is_among_the_values_of_a_comparison(found):
    for unit in found.units:
        assert unit.measures["brightness"] == pytest.approx(float(unit.dream.image.mean()), abs=1e-6)
        assert unit.captions["brightness"].meaning == BRIGHTNESS.meaning


def test_it_is_in_json_and_csv(found):
    files = report_files(found)
    values = [unit["measures"]["brightness"] for unit in json.loads(files["comparison.json"])["units"]]
    rows = list(csv.DictReader(io.StringIO(files["comparison.csv"].decode())))
    assert values == [unit.measures["brightness"] for unit in found.units]
    assert [float(row["brightness"]) for row in rows] == pytest.approx(values)


def shown_on(page, unit):
    text = unescape(page.decode())
    return all(
        each in text
        for each in (f"<dt>Brightness</dt>\n          <dd class=\"figure\">{unit.measures['brightness']:.3f}</dd>",
                     BRIGHTNESS.meaning, "<h3>Brightness of the dream</h3>")
    )  # fmt: skip


def test_it_is_on_the_report_page(found):
    assert all(shown_on(report_files(found)["index.html"], unit) for unit in found.units)


def test_it_is_in_the_atlas_and_on_its_unit_pages(found):
    units = [atlas_unit_of(unit, FINDING, page="units/0.html", image="dreams/0.png") for unit in found.units]
    details = {unit.layer: "" for unit in units}
    files = index_files(Atlas("colors", tuple(units), details, {}))
    rows = list(csv.DictReader(io.StringIO(files["atlas.csv"].decode())))
    assert [float(row["brightness"]) for row in rows] == pytest.approx(
        [one.measures["brightness"] for one in found.units]
    )
    assert json.loads(files["atlas.json"])["units"][0]["brightness"] == found.units[0].measures["brightness"]
    links = neighbors(["conv:0"], ["units/0.html"], 0)
    assert shown_on(unit_page("colors", found.units[0], FINDING, links), found.units[0])


def test_the_command_line_lists_it(registered):
    app = typer.Typer()
    app.command()(commands.measures)
    listed = CliRunner().invoke(app, [])
    assert listed.exit_code == 0, listed.output
    (line,) = [line for line in listed.output.splitlines() if line.startswith("brightness")]
    assert line.split()[1] == "dream"
    assert BRIGHTNESS.meaning in line
    values = json.loads(CliRunner().invoke(app, ["--json"]).output)
    assert [one["name"] for one in values] == list(df.MEASURES)


def test_the_viewer_serves_it(registered, real, colors):
    dreams = df.dream(colors, "conv:1", df.Recipe(steps=2))
    served = dream_measures(real, df.Recipe(steps=2), dreams)
    (caption,) = [one for one in served["measures"] if one["name"] == "Brightness"]
    mean = float(np.float32(dreams[0].image).mean())
    assert caption == {
        "name": "Brightness", "figure": f"{mean:.3f}", "detail": "of a dream", "meaning": BRIGHTNESS.meaning,
        "fails": False,
    }  # fmt: skip
    assert served["numbers"]["brightness"] == pytest.approx(mean, abs=1e-6)


def test_a_name_is_registered_once_and_an_unknown_one_is_refused(registered):
    with pytest.raises(UnknownNameError, match="measure brightness: is registered already"):
        df.MEASURES.register(BRIGHTNESS)
    with pytest.raises(UnknownNameError, match=r"measure brigthness: there is none\. Close names: brightness"):
        df.MEASURES["brigthness"]


def test_a_measure_that_fails_for_a_unit_says_why(colors, images_of):
    broken = df.Measure(
        name="broken", title="Broken", meaning="Always missing.", needs=frozenset({"dream"}),
        compute=lambda batch: [df.Missing("nothing to measure") for _ in batch.units],
        caption=lambda value: df.Caption(""), columns={"broken": lambda value: value},
    )  # fmt: skip
    df.MEASURES.register(broken)
    try:
        (unit,) = df.compare(colors, "conv:0", images_of(12)[0], recipe=df.Recipe(steps=2), seeds=1).units
        assert unit.missing["broken"] == "nothing to measure"
        assert (unit.captions["broken"].figure, unit.captions["broken"].detail) == ("–", "nothing to measure")
        assert unit.row["broken"] is None
    finally:
        df.MEASURES.remove("broken")
