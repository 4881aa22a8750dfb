"""The latest look in a notebook: one display, updated in place, and lines of text elsewhere."""

import re
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from dreamfilters.training.live_view import live_html, live_view
from dreamfilters.training.monitor import TrainingMonitor
from tests.notebooks import executed, needs_notebooks

HOSTILE = "<script>alert(1)</script>"
PREPARED = f"""
import keras
import numpy as np
import dreamfilters as df

keras.utils.set_random_seed(0)  # a unit that starts dead would change the counts
rng = np.random.default_rng(0)
x, y = rng.random((60, 12, 12, 3)).astype("float32"), np.arange(60) % 2
layers = [keras.Input((12, 12, 3)), keras.layers.Conv2D(4, 3, activation="relu", name="conv1")]
layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax", name="classes")]
model = keras.Sequential(layers, name="net")
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

def drive(epoch, logs=None):
    if epoch == 1:
        kernel, bias = model.get_layer("conv1").get_weights()
        model.get_layer("conv1").set_weights([kernel, bias - np.array([0, 0, 0, 100], "float32")])

names = ["a", {HOSTILE!r}]
given = dict(labels=[names[k] for k in y], classes=names, units=["conv1:1"], share=None)
plant = keras.callbacks.LambdaCallback(on_epoch_begin=drive)
"""
FIT = "model.fit(x, y, epochs=3, verbose=0, callbacks=[plant, df.TrainingMonitor(x, out={!r}, {}**given)]);"


@pytest.mark.slow
@needs_notebooks
def test_a_cell_has_one_display_that_each_look_updates(tmp_path):
    messages = []
    notebook = executed([PREPARED, FIT.format("live", ""), FIT.format("lines", "live=False, ")], tmp_path, messages)
    outputs = notebook.cells[1].outputs
    assert [output.output_type for output in outputs] == ["display_data"]
    html = outputs[0].data["text/html"]
    assert "Training of net" in html
    assert "epoch 3, 5 of 6 units respond, " in html
    assert " of 60 images correct" in html
    assert "conv1:3 stopped responding in epoch 2: none of 60 images activates it; dead, proved" in html
    assert "a look takes " in html
    assert html.count("<img") == 1
    assert "accuracy 0." in html
    assert HOSTILE not in html
    updates = [message for message in messages if message["msg_type"] == "update_display_data"]
    pages = [message["content"]["data"]["text/html"] for message in updates]
    assert "start, 6 of 6 units" in pages[0]
    assert sum("epoch 1, 6 of 6 units" in page for page in pages) == 1
    assert {message["content"]["transient"]["display_id"] for message in updates} == {
        message["content"]["transient"]["display_id"] for message in messages if message["msg_type"] == "display_data"
    }
    printed = notebook.cells[2].outputs
    assert {output.output_type for output in printed} == {"stream"}
    assert "TrainingMonitor: a look takes " in "".join(output.text for output in printed)


def test_the_view_counts_the_verdicts_of_each_layer_and_escapes_every_name(faulty):
    _, training, _ = faulty
    html = live_html(replace(training, network=HOSTILE, targets=(HOSTILE, "b"), looks=training.looks[:4]), [HOSTILE])
    (row,) = re.findall("<tr><td>conv1</td>(.*?)</tr>", html)
    kinds = re.findall('<th class="number">(.*?)</th>', html)
    counts = dict(zip(kinds, map(int, re.findall(">([0-9]+)<", row)), strict=True))
    assert counts["dead"] == 1  # the planted one
    assert sum(counts.values()) == 8
    assert html.count("<img") == 2
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(1)") >= 3


def test_outside_of_a_notebook_there_is_no_view(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert live_view() is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert live_view() is None


def test_a_view_that_fails_does_not_end_the_training(colored_images, make_learner, tmp_path, monkeypatch, capsys):
    class Refusing:
        def display(self, *_, **__):
            raise RuntimeError("no front end")

    kernel = SimpleNamespace(kernel=None)
    fake = SimpleNamespace(get_ipython=lambda: kernel, display=Refusing())
    monkeypatch.setitem(sys.modules, "IPython", fake)
    images, classes = colored_images
    monitor = TrainingMonitor(images[:6], units=(), out=tmp_path / "out", share=None)
    history = make_learner().fit(images, classes, epochs=2, batch_size=60, verbose=0, callbacks=[monitor])
    assert len(history.history["loss"]) == 2
    assert capsys.readouterr().out.count("stopped, the training goes on: RuntimeError: no front end") == 1
