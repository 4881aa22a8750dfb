"""Event files, read back by TensorFlow's own record reader and protocol buffers."""

import numpy as np
import pytest

from dreamfilters.images.decoding import read_image
from dreamfilters.training.summaries.event_files import VERSION, event_file

tf = pytest.importorskip("tensorflow", reason="TensorFlow, which reads these files, is not installed")

event_pb2 = pytest.importorskip("tensorflow.core.util.event_pb2")


def events_of(path):
    """Return the events of a file; the reader checks every checksum."""
    return [event_pb2.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]


def test_tensorflow_reads_scalars_images_and_histograms(tmp_path):
    numbers, image = np.array([0.0, 1, 1, 2, np.nan]), np.linspace(0, 1, 4 * 5 * 3).reshape(4, 5, 3)
    content = event_file(300, 12.5, scalars={"loss": 0.25}, images={"a/b": image}, histograms={"h": numbers})
    path = tmp_path / "events.out.tfevents.0"
    path.write_bytes(content)
    head, scalar, picture, histogram = events_of(path)
    assert head.file_version == VERSION
    assert {event.step for event in (scalar, picture, histogram)} == {300}
    assert {event.wall_time for event in (head, scalar)} == {12.5}
    (value,) = scalar.summary.value
    assert (value.tag, value.simple_value) == ("loss", 0.25)
    (value,) = picture.summary.value
    assert (value.tag, value.image.height, value.image.width, value.image.colorspace) == ("a/b", 4, 5, 3)
    (tmp_path / "image.png").write_bytes(value.image.encoded_image_string)
    np.testing.assert_allclose(read_image(tmp_path / "image.png"), image, atol=0.5 / 255)
    (value,) = histogram.summary.value
    histo = value.histo
    assert (histo.min, histo.max, histo.num, histo.sum, histo.sum_squares) == (0, 2, 4, 4, 6)
    assert sum(histo.bucket) == 4
    assert len(histo.bucket) == len(histo.bucket_limit)


def test_values_that_differ_by_rounding_only_have_a_histogram(tmp_path):
    for value in (0.0, 1.0, -3e37):
        values = [value, np.nextafter(value, 1), value]
        (tmp_path / "events").write_bytes(event_file(0, 0.0, scalars={}, images={}, histograms={"h": values}))
        histo = events_of(tmp_path / "events")[1].summary.value[0].histo
        assert (histo.num, sum(histo.bucket)) == (3, 3)
        assert sum(count > 0 for count in histo.bucket) <= 2  # an edge of two bins lies in the middle
        assert histo.bucket_limit[0] < value < histo.bucket_limit[-1]


def test_a_monitored_training_has_an_event_file_for_each_look(faulty):
    folder, training, _ = faulty
    files = sorted((folder / "tensorboard").iterdir())
    assert [path.name for path in files] == sorted(path.name for path in files)
    assert len(files) == len(training.looks)
    assert all("tfevents" in path.name for path in files)
    for path, look in zip(files, training.looks, strict=True):
        values = [value for event in events_of(path) for value in event.summary.value]
        scalars = {value.tag: value.simple_value for value in values if value.HasField("simple_value")}
        assert scalars == pytest.approx(training.scalars(look))
        dreams = [value.tag for value in values if value.HasField("image")]
        assert dreams == [f"dreams/{target}" for target in training.targets]
        assert [value.tag for value in values if value.HasField("histo")] == [
            f"mean response/{layer.name}" for layer in training.layers
        ]
