import os

import numpy as np
import pytest

from dreamfilters.dreams import priors
from dreamfilters.dreams.priors import IMAGENET, Prior, measure_prior, neutral, read
from dreamfilters.errors import RecipeError
from dreamfilters.images import image_folder, png_bytes


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def noise_of(colors, mean, count=40, side=24, seed=0):
    """Images of white noise with known axes: sigmoid(mean + z @ colors)."""
    z = np.random.default_rng(seed).normal(size=(count, side, side, len(mean)))
    return sigmoid(np.asarray(mean) + z @ np.asarray(colors))


AXES = np.array(
    [[0.6, 0.6, 0.6], [0.3, 0.0, -0.3], [0.05, -0.1, 0.05]]
)  # rows at right angles: brightness, red-blue, green
MEAN = [0.2, -0.1, 0.4]


def test_known_colors_are_measured():
    prior = measure_prior(noise_of(AXES, MEAN))
    assert prior.mean == pytest.approx(MEAN, abs=0.02)
    assert prior.colors.T @ prior.colors == pytest.approx(AXES.T @ AXES, abs=0.02)  # the covariance
    same_way = np.sign(np.sum(prior.colors * AXES, axis=1, keepdims=True))  # an axis of colors has no right sign
    assert prior.colors * same_way == pytest.approx(AXES, abs=0.03)


def test_the_axes_are_uncorrelated_and_of_variance_one():
    images = noise_of(AXES, MEAN)
    prior = measure_prior(images)
    z = (np.log(images / (1 - images)) - prior.mean) @ np.linalg.inv(prior.colors)
    assert np.cov(z.reshape(-1, 3).T) == pytest.approx(np.eye(3), abs=0.06)


def test_white_noise_has_a_flat_spectrum():
    prior = measure_prior(noise_of(AXES, MEAN, count=200))
    inner = prior.spectrum[3:-3, 3:-3]  # away from the mean, which was taken off, and from the mirrored edges
    assert inner.std() / inner.mean() < 0.1


def test_the_slope_of_a_spectrum_is_measured():
    rng = np.random.default_rng(0)
    side = 64
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.normal(size=(60, side, side))) / frequency
    z = np.fft.irfft2(spectrum, s=(side, side))
    prior = measure_prior(sigmoid(z / z.std())[..., None])
    across = prior.spectrum[0, :, 0]
    octaves = [across[k : 2 * k].mean() for k in (4, 8, 16)]
    assert octaves[0] / octaves[1] == pytest.approx(2, rel=0.15)  # 1 / f: half an octave higher
    assert octaves[1] / octaves[2] == pytest.approx(2, rel=0.15)


def stripes(side, period, count=30):
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, (count, 1, 1))
    return sigmoid(np.sin(2 * np.pi * np.arange(side)[None, None] / period + phase) * np.ones((1, side, 1)))[..., None]


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (96, 80), (33, 47)])
def test_a_spectrum_keeps_its_frequencies_on_any_canvas(size):
    prior = measure_prior(stripes(32, 8))  # upright stripes, 1/8 cycles a pixel
    amplitude = prior.amplitude(*size, 1.0)[0]
    row, column = np.unravel_index(np.argmax(amplitude), amplitude.shape)
    assert np.fft.fftfreq(size[0])[row] == pytest.approx(0, abs=1e-9)
    assert np.fft.rfftfreq(size[1])[column] == pytest.approx(1 / 8, abs=1 / size[1])


def test_at_the_measured_size_the_amplitude_is_the_measured_one(scene):
    prior = measure_prior(np.stack([scene(12, 15, seed=k) for k in range(5)]))
    assert prior.amplitude(12, 15, 1.0) == pytest.approx(np.moveaxis(prior.spectrum, -1, 0), rel=1e-5)


def test_without_a_spectrum_the_amplitude_is_one_over_f():
    amplitude = neutral(2).amplitude(8, 10, 1.0)
    assert amplitude.shape == (2, 8, 6)
    assert amplitude[0, 0, 0] == pytest.approx(10)  # the lowest frequency of the canvas in place of 0
    assert amplitude[1, 0, 5] == pytest.approx(2)  # half a cycle a pixel
    assert amplitude[0, 1, 0] == pytest.approx(8)
    assert amplitude[0, 7, 0] == pytest.approx(8)  # minus 1/8
    assert amplitude[0, 1, 2] == pytest.approx(1 / np.hypot(1 / 8, 2 / 10))
    assert neutral(1).amplitude(8, 10, 2.0)[0, 0, 5] == pytest.approx(4)
    assert np.all(neutral(1).amplitude(8, 8, 0.0) == 1)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_any_number_of_channels(channels):
    rng = np.random.default_rng(0)
    images = sigmoid(rng.normal(size=(20, 16, 16, channels)) * np.linspace(0.5, 1.0, channels))
    prior = measure_prior(images)
    assert prior.channels == channels
    assert np.diag(prior.colors.T @ prior.colors) == pytest.approx(np.linspace(0.5, 1.0, channels) ** 2, rel=0.1)
    assert prior.spectrum.shape == (16, 9, channels)


def test_few_images_are_shrunk_toward_independent_channels():
    """Two equal channels: their correlation is estimated higher for more images."""
    covariances = []
    for count in (1, 5, 50):
        rng = np.random.default_rng(1)
        strength = rng.uniform(0.2, 2.0, (count, 1, 1, 1))
        z = rng.normal(size=(count, 16, 16, 1)) * strength * [1.0, 1.0, 0.2]
        prior = measure_prior(sigmoid(z))
        covariances.append(prior.colors.T @ prior.colors)
    correlation = [c[0, 1] / np.sqrt(c[0, 0] * c[1, 1]) for c in covariances]
    # one image: a quarter of it is independent channels of the mean variance, (1 + 1 + .04) / 3 = .68 for one of 1
    assert correlation[0] == pytest.approx(0.75 / (0.75 + 0.25 * 0.68), abs=0.01)
    assert correlation[0] < correlation[1] < correlation[2]
    assert correlation[2] > 0.9
    assert all(np.linalg.matrix_rank(c) == 3 for c in covariances)


def test_a_flat_image_gives_a_usable_prior():
    prior = measure_prior(np.full((2, 8, 8, 3), 0.25))
    assert prior.mean == pytest.approx(np.log([1 / 3] * 3), abs=1e-5)
    assert np.all(np.isfinite(prior.colors))
    assert np.all(np.isfinite(prior.spectrum))
    assert np.linalg.cond(prior.colors) < 1e3


def test_black_and_white_are_clipped_before_the_logit():
    prior = measure_prior(np.stack([np.zeros((8, 8, 1)), np.ones((8, 8, 1))]))
    assert prior.mean == pytest.approx([0], abs=1e-6)
    assert prior.colors == pytest.approx(np.array([[np.log(0.98 / 0.02)]]), rel=1e-4)


def test_the_largest_axis_is_brightness_and_positive():
    prior = measure_prior(noise_of(AXES, MEAN))
    assert np.all(prior.colors[0] > 0)
    assert np.all(prior.colors.sum(axis=1) > -1e-2)
    lengths = np.linalg.norm(prior.colors, axis=1)
    assert np.all(np.diff(lengths) < 0)


def test_the_colors_of_imagenet_are_those_of_lucid_at_the_contrast_of_images():
    # lucid/optvis/param/color.py: color_correlation_svd_sqrt, divided by its longest column, applied as t @ m.T
    root = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
    longest = np.sqrt(0.26**2 + 0.27**2 + 0.27**2)
    t = np.array([0.3, -0.2, 0.5])
    assert t @ IMAGENET.colors == pytest.approx(2.5 * t @ (root / longest).T, abs=1e-6)


def test_a_saved_prior_is_read_unchanged(tmp_path, scene):
    prior = measure_prior(np.stack([scene(12, 15, seed=k) for k in range(5)]), name="Schilder")
    for original in (prior, neutral(2)):
        path = tmp_path / "prior.npz"
        original.save(path)
        again = read(path)
        assert (again.name, again.digest, again.shape) == (original.name, original.digest, original.shape)
        assert again.amplitude(20, 22, 1.0).tobytes() == original.amplitude(20, 22, 1.0).tobytes()
        assert again == original


def test_different_priors_have_different_digests(scene):
    images = np.stack([scene(seed=k) for k in range(3)])
    digests = {
        measure_prior(images).digest,
        measure_prior(images[:2]).digest,
        IMAGENET.digest,
        neutral(3).digest,
        neutral(1).digest,
    }
    assert len(digests) == 5
    assert measure_prior(images, name="a").digest == measure_prior(images, name="b").digest


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (8, 8, 3), (8,)])
def test_invalid_images_are_refused(shape):
    with pytest.raises(RecipeError, match="at least one"):
        measure_prior(np.zeros(shape))


def test_other_files_are_refused_in_one_line(tmp_path):
    empty, text, foreign, folder = (tmp_path / name for name in ("empty.npz", "text.npz", "foreign.npz", "folder.npz"))
    empty.write_bytes(b"")
    text.write_text("colors")
    folder.mkdir()
    np.savez(foreign, weights=np.zeros(3))
    dangerous = tmp_path / "pickled.npz"
    np.savez(dangerous, name=np.array(["x", {}], dtype=object), mean=np.zeros(1), colors=np.eye(1))
    for path in (empty, text, foreign, folder, dangerous):
        with pytest.raises(RecipeError, match="not a prior written by dreamfilters") as caught:
            read(path)
        assert len(str(caught.value).splitlines()) == 1
        assert path.name in str(caught.value)
    with pytest.raises(RecipeError, match="no such prior; give a folder of images, 'imagenet', 'network' or 'none'"):
        read(tmp_path / "absent.npz")


def test_a_damaged_prior_is_refused(tmp_path):
    path = tmp_path / "prior.npz"
    for mean, colors in [(np.zeros(3), np.eye(2)), (np.zeros((1, 3)), np.eye(3)), (np.full(3, np.nan), np.eye(3))]:
        with path.open("wb") as file:
            np.savez(file, name=np.asarray("x"), mean=mean, colors=colors)
        with pytest.raises(RecipeError, match=r"not a prior written by dreamfilters \(\w+ is not of shape"):
            read(path)
    with path.open("wb") as file:
        np.savez(
            file, name="x", mean=np.zeros(1), colors=np.eye(1), spectrum=np.ones((8, 8, 1)), shape=np.array([8, 8])
        )
    with pytest.raises(RecipeError, match=r"spectrum is not of shape \(8, 5, 1\)"):
        read(path)


def test_priors_of_equal_names_can_differ():
    one, other = Prior("x", np.zeros(3), np.eye(3)), Prior("x", np.ones(3), np.eye(3))
    assert one != other  # by digest: a compiled step of one is not one of the other
    assert one == Prior("x", np.zeros(3), np.eye(3))
    assert hash(one) != hash(other)
    assert priors.neutral(3) == Prior("none", np.zeros(3, "float32"), np.eye(3, dtype="float32"))


def test_a_folder_of_images_is_measured_like_its_array(scene, tmp_path):
    images = [scene(12, 15, seed=seed) for seed in range(4)]
    for number, image in enumerate(images):
        (tmp_path / f"{number}.png").write_bytes(png_bytes(image))
    (tmp_path / "broken.png").write_bytes(b"no image")
    folder = image_folder(tmp_path, size=(12, 15))
    assert measure_prior(folder).digest == measure_prior([image for _, image in folder]).digest
    (tmp_path / "large.png").write_bytes(png_bytes(scene(20, 20)))
    with pytest.raises(RecipeError, match=r"images of shapes \(12, 15, 3\), \(20, 20, 3\): .* all of one size"):
        measure_prior(image_folder(tmp_path))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "prior.npz")
    with pytest.raises(RecipeError, match=r"prior\.npz: not a prior .*not a regular file"):
        priors.read(tmp_path / "prior.npz")
