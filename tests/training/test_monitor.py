"""The monitor changes nothing of a training, never ends it, and keeps to its share of the time."""

import contextlib
import io

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.training.monitor import TrainingMonitor
from dreamfilters.training.store import read_training
from tests.backends import needs_tensorflow


def random_model():
    """A network with everything that draws random numbers or keeps a state: augmentation, dropout, moving means."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            layers.Input((12, 12, 3)), layers.RandomFlip(), layers.Conv2D(2, 3, activation="relu", name="conv"),
            layers.BatchNormalization(), layers.Dropout(0.3), layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax", name="classes"),
        ]
    )  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.thorough
def test_a_training_has_the_same_bytes_with_and_without_it(colored_images, tmp_path, capsys):
    images, classes = colored_images
    trained = []
    for monitors in ([], [TrainingMonitor(images[:9], units=["conv:1"], every=4, out=tmp_path / "out", share=None)]):
        model = random_model()
        model.fit(images, classes, epochs=2, batch_size=24, verbose=0, callbacks=monitors)
        trained.append([*model.get_weights(), *(np.asarray(value) for value in model.optimizer.variables)])
    assert all(np.array_equal(one, other) for one, other in zip(*trained, strict=True))
    assert [look.step for look in read_training(tmp_path / "out").looks] == [0, 4, 8, 10]
    assert "a look takes " in capsys.readouterr().out.splitlines()[1]


def test_the_looks_are_stored_and_the_same_when_read(faulty):
    folder, training, printed = faulty
    stored = read_training(folder)
    assert [look.name for look in stored.looks] == ["start", *(f"epoch {number}" for number in range(1, 7))]
    assert stored.rows() == training.rows()
    for one, other in zip(stored.looks, training.looks, strict=True):
        np.testing.assert_array_equal(one.dreams, other.dreams)
        np.testing.assert_array_equal(one.responses, other.responses)
    assert printed.count("a look takes ") == 2  # of each `fit`


def test_dreams_go_on_from_look_to_look(faulty):
    _, training, _ = faulty
    frames = np.stack([look.dreams for look in training.looks[:5]]).astype(float)
    steps = np.abs(np.diff(frames, axis=0)).mean(axis=(2, 3, 4))
    unrelated = np.abs(frames[:, 0] - frames[:, 1]).mean()  # the images of two targets
    assert steps.mean() < unrelated / 2
    assert (steps > 0).any()


def test_accuracy_and_confusion_are_those_of_the_model(faulty):
    _, training, _ = faulty
    for look in training.looks:
        confusion = training.confusion(look)
        assert confusion.sum() == len(training.names)
        assert training.accuracy(look) == pytest.approx(np.trace(confusion) / confusion.sum())
        by_class = training.class_accuracy(look)
        assert np.mean(list(by_class.values())) == pytest.approx(training.accuracy(look))  # 15 images of each


# What the backends say of a kernel of 3x3 on 2x2 pixels.
TOO_SMALL = {"tensorflow": "Negative dimension size", "jax": "resulted in an empty output"}[keras.backend.backend()]


@pytest.fixture(scope="module")
def together(faulty, colored_images, make_learner, tmp_path_factory):
    """Monitors of one training by what is wrong with them, '' for one that may take no time, and what they printed."""
    images, classes = colored_images
    folder = tmp_path_factory.mktemp("together")

    def broken(training, look):
        raise ZeroDivisionError("of the caller")

    cases = {
        "images of 12x12x1: learner takes 12x12 RGB": {"images": images[..., :1]},
        TOO_SMALL: {"images": images[:, :2, :2], "form": {"size": 2}, "units": ()},
        "images: none given; give at least one": {"images": images[:0], "units": ()},
        "conv9: learner has no such layer": {"layers": ["conv9"]},
        "metrics=f1: this training reports no such metric": {"metrics": ["f1"], "units": ()},
        "holds other files": {"out": folder / "foreign"},
        "ZeroDivisionError: of the caller": {"on_look": broken, "units": ()},
        "holds a training up to epoch 6; give another folder, force=True": {
            "images": images[:45], "labels": classes[:45], "units": ["conv1:2", "conv1:5"], "out": faulty[0],
        },
        "": {"units": (), "share": 1e-6},
    }  # fmt: skip
    (folder / "foreign").mkdir()
    (folder / "foreign" / "notes.txt").write_text("mine")
    monitors = {
        wrong: TrainingMonitor(**{"images": images[:6], "out": folder / str(number), "share": None, **case})
        for number, (wrong, case) in enumerate(cases.items())
    }
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        history = make_learner().fit(
            images, classes, epochs=3, batch_size=60, verbose=0, callbacks=[*monitors.values()]
        )
    assert len(history.history["loss"]) == 3
    return monitors, printed.getvalue()


def test_an_error_is_printed_once_and_the_training_goes_on(together):
    monitors, printed = together
    lines = [line for line in printed.splitlines() if "stopped, the training goes on" in line]
    wrong = list(filter(None, monitors))
    assert {cause: sum(cause in line for line in lines) for cause in wrong} == dict.fromkeys(wrong, 1)
    assert len(lines) == len(wrong)


def test_looks_that_take_more_than_their_share_are_left_out(together):
    monitors, printed = together
    assert [look.name for look in monitors[""].training.looks] == ["start", "epoch 3"]
    assert "left out where looks would take more than 0.0001 % of the training time" in printed


def test_a_later_epoch_in_the_folder_is_not_overwritten(together, faulty):
    assert together
    assert len(read_training(faulty[0]).looks) == len(faulty[1].looks)


def test_wrong_arguments_are_errors_before_the_training(colored_images):
    images, classes = colored_images
    for wrong in ({"every": 0}, {"every": "day"}, {"share": 0}, {"share": 2}, {"most": 0}):
        with pytest.raises(RecipeError, match=next(iter(wrong))):
            TrainingMonitor(images, **wrong)
    with pytest.raises(ImageError, match="119 labels for 120 images"):
        TrainingMonitor(images, classes[1:])


class Subclassed(keras.Model):
    """A model that no shape is known of before its first batch."""

    def __init__(self):
        super().__init__(name="subclassed")
        self.conv, self.average = layers.Conv2D(4, 3, activation="relu", name="conv"), layers.GlobalAveragePooling2D()
        self.classes = layers.Dense(3, activation="softmax", name="classes")

    def call(self, images):
        return self.classes(self.average(self.conv(images)))


def unbuilt_sequential():
    return keras.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu", name="conv"), layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax", name="classes"),
        ]
    )  # fmt: skip


@pytest.mark.parametrize("make", [unbuilt_sequential, Subclassed])
def test_a_model_that_its_first_batch_builds_is_looked_at_after_it(make, colored_images, tmp_path):
    images, classes = colored_images
    trained = []
    for monitors in ([], [TrainingMonitor(images[:9], units=(), out=tmp_path / "out", share=None)]):
        keras.utils.set_random_seed(1)
        model = make()
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(images, classes, epochs=2, batch_size=60, verbose=0, callbacks=monitors)
        trained.append(model.get_weights())
    looks = read_training(tmp_path / "out").looks
    # with JAX, `fit` builds every model before the first epoch
    first = ("start", 0) if keras.backend.backend() == "jax" else ("step 1", 1)
    assert [(look.name, look.step) for look in looks] == [first, ("epoch 1", 2), ("epoch 2", 4)]
    assert all(np.array_equal(one, other) for one, other in zip(*trained, strict=True))


def test_an_epoch_of_one_batch_that_builds_the_model_is_not_called_frozen(colored_images, tmp_path, capsys):
    images, classes = colored_images
    model = unbuilt_sequential()
    model.compile("adam", "sparse_categorical_crossentropy")
    monitor = TrainingMonitor(images[:9], units=(), out=tmp_path / "out", share=None)
    model.fit(images, classes, epochs=1, batch_size=120, verbose=0, callbacks=[monitor])
    assert "no weight changed" not in capsys.readouterr().out


@needs_tensorflow
def test_a_model_without_an_optimizer_is_trained_all_the_same(colored_images, tmp_path, capsys):
    class Plain(Subclassed):
        def train_step(self, data):
            return {"loss": keras.ops.mean(self(data[0]))}

    images, classes = colored_images
    model = Plain()
    model.compile(optimizer=None, loss="sparse_categorical_crossentropy")
    history = model.fit(
        images, classes, epochs=1, verbose=0, callbacks=[TrainingMonitor(images[:9], units=(), out=tmp_path / "out")]
    )
    assert len(history.history["loss"]) == 1
    assert capsys.readouterr().out.count("TrainingMonitor: stopped, the training goes on: ") == 1


def test_images_of_another_size_are_resized_by_the_input_form(colored_images, make_learner, tmp_path):
    images, classes = colored_images
    twice = images[:9].repeat(2, axis=1).repeat(2, axis=2)
    monitors = [
        TrainingMonitor(shown, units=(), out=tmp_path / str(number), form={"resize": "nearest"}, share=None)
        for number, shown in enumerate((images[:9], twice))
    ]
    make_learner().fit(images, classes, epochs=1, batch_size=60, verbose=0, callbacks=monitors)
    one, other = (monitor.training.looks[-1].responses for monitor in monitors)
    np.testing.assert_allclose(one.astype(float), other.astype(float), atol=1e-3)
