import numpy as np
import pytest
from keras import ops

from dreamfilters import backend
from dreamfilters.dreams import priors
from dreamfilters.dreams.optimizers import Adam
from dreamfilters.dreams.parameterizations import (
    CPPN,
    Canvas,
    Fourier,
    Phase,
    Pixels,
    Pyramid,
    from_valid_rgb,
    to_valid_rgb,
)
from dreamfilters.errors import RecipeError

SIZES = [(16, 16), (15, 17), (8, 20), (21, 6)]
SEEDS = np.arange(3, dtype="uint64")

EVERY = [Pixels(), Fourier(), Phase(), Pyramid(), CPPN()]


def canvas(height=16, width=16, prior=None):
    return Canvas(height, width, prior or priors.IMAGENET)


def name(value):
    return type(value).__name__ if hasattr(value, "to_image") else None


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", EVERY, ids=name)
def test_every_start_gives_images_in_range(way, size):
    on = canvas(*size)
    params = way.start(SEEDS, on)
    image = np.asarray(way.to_image(params, on))
    assert image.shape == (3, *size, 3)
    assert image.min() >= 0
    assert image.max() <= 1
    assert all(np.asarray(rows).shape[0] == 3 for rows in params.values())
    assert 1e-3 < image.std() < 0.4  # neither flat nor saturated
    assert abs(image.mean() - 0.5) < 0.1
    assert np.abs(image[0] - image[1]).mean() > 1e-3  # each has its own seed


@pytest.mark.parametrize("way", EVERY, ids=name)
def test_a_start_is_the_same_alone_and_in_a_batch(way):
    on = canvas(12, 20)
    together = way.start(SEEDS, on)
    for row, seed in enumerate(SEEDS):
        alone = way.start(np.array([seed]), on)
        for key, rows in together.items():
            assert np.asarray(alone[key])[0].tobytes() == np.asarray(rows)[row].tobytes()


@pytest.mark.parametrize("channels", [1, 2, 4])
@pytest.mark.parametrize("way", EVERY, ids=name)
def test_any_number_of_channels(way, channels):
    on = canvas(9, 8, priors.neutral(channels))
    assert np.asarray(way.to_image(way.start(SEEDS, on), on)).shape == (3, 9, 8, channels)


FREE = [
    Pixels(contrast="free"),
    Fourier(contrast="free"),
    Fourier(contrast="free", decay=0.0, gain=0.25),
    Pyramid(contrast="free"),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", FREE, ids=name)
def test_fit_reproduces_an_image_to_a_hundredth(way, size, scene):
    on = canvas(*size)
    images = np.stack([scene(*size, seed=1), scene(*size, seed=2)])
    image_again = np.asarray(way.to_image(way.fit(images, on), on))
    assert np.abs(image_again - images).max() < 0.01


@pytest.mark.parametrize("way", FREE, ids=name)
def test_fit_reproduces_black_and_white_to_a_hundredth(way):
    on = canvas()
    image = np.zeros((1, 16, 16, 3), "float32")
    image[:, 4:9, 5:] = 1
    image_again = np.asarray(way.to_image(way.fit(image, on), on))
    assert np.abs(image_again - image).max() < 0.01


@pytest.mark.parametrize("make", [Pixels, Fourier, Pyramid], ids=lambda make: make.__name__)
def test_with_standardized_contrast_fit_reproduces_an_image_up_to_brightness_and_contrast(make, scene):
    """In the uncorrelated channels, the result is the z of the image with mean 0 and std 1."""
    on, image = canvas(15, 17), scene(15, 17)[None]
    way = make(contrast="standardized", gain=2.0)
    image_again = np.asarray(way.to_image(way.fit(image, on), on))
    z = from_valid_rgb(image, on, "free", 1.0).astype("float64")
    expected = (z - z.mean()) / z.std()
    assert from_valid_rgb(image_again, on, "free", 2.0) == pytest.approx(expected, abs=5e-3)
    # with the gain of its contrast and a prior with its mean, it is the image
    own = priors.Prior("own", (z.mean() * on.prior.colors.sum(axis=0)).astype("float32"), on.prior.colors)
    exact = make(contrast="standardized", gain=float(z.std()))
    centered = Canvas(15, 17, own)
    assert np.asarray(exact.to_image(exact.fit(image, centered), centered)) == pytest.approx(image, abs=0.01)


def test_phases_with_the_prior_of_an_image_reproduce_it_up_to_local_contrast(scene):
    image = scene(32, 32, seed=3)[None]
    own = priors.measure_prior(image)
    on = Canvas(32, 32, own)
    image_again = np.asarray(Phase().to_image(Phase().fit(image, on), on))
    assert np.corrcoef(image_again.ravel(), image.ravel())[0, 1] > 0.75
    # random phases with the same amplitudes are another image
    other = np.asarray(Phase().to_image(Phase().start(SEEDS[:1], on), on))
    assert abs(np.corrcoef(other.ravel(), image.ravel())[0, 1]) < 0.4


def test_phases_keep_the_amplitudes_of_the_prior(scene):
    own = priors.measure_prior(np.stack([scene(16, 16, seed=k) for k in range(12)]))
    on = Canvas(16, 16, own)
    image_again = np.asarray(Phase().to_image(Phase().start(SEEDS, on), on))
    z = from_valid_rgb(image_again, on, "free", 1.0)
    measured = np.abs(np.fft.rfft2(np.moveaxis(z, -1, 1)))[:, :, :, 1:8]  # the edge columns are symmetric
    amplitude = own.amplitude(16, 16, 1.0)[None, :, :, 1:8]
    ratio = measured / amplitude
    assert ratio.std() / ratio.mean() < 0.02  # one factor for all, of the standardization


def test_the_amplitude_of_a_fourier_start_falls_with_the_frequency():
    on = canvas(64, 64, priors.neutral(1))
    way = Fourier(decay=1.0)
    z = from_valid_rgb(np.asarray(way.to_image(way.start(np.arange(40, dtype="uint64"), on), on)), on, "free", 4.0)
    power = np.mean(np.abs(np.fft.rfft2(z[..., 0])) ** 2, axis=0)
    # amplitude 1 / f: a quarter of the power an octave higher
    assert np.mean(power[8, 1:8]) / np.mean(power[16, 2:16]) == pytest.approx(4, rel=0.25)
    assert np.mean(power[1:3, 1:3]) / np.mean(power[4:12, 4:12]) > 10


@pytest.mark.parametrize("measured", [False, True])
def test_the_contrast_of_a_start_barely_depends_on_the_canvas(measured, scene):
    """1 / f has equal power in each octave, so two more octaves add little."""
    prior = (
        priors.measure_prior(np.stack([scene(32, 32, 1, seed=k) for k in range(9)])) if measured else priors.neutral(1)
    )
    way = Fourier(contrast="free", gain=0.2)
    stds = []
    for side in (16, 33, 64):
        on = canvas(side, side, prior)
        z = from_valid_rgb(np.asarray(way.to_image(way.start(np.arange(30, dtype="uint64"), on), on)), on, "free", 0.2)
        stds.append(z.std())
    assert max(stds) < 1.3 * min(stds)


def test_a_pyramid_adds_levels_of_halved_sizes():
    on = canvas(13, 20, priors.neutral(1))
    params = Pyramid(levels=4, contrast="free", gain=1.0).start(SEEDS[:1], on)
    assert [tuple(params[f"level{k}"].shape[1:3]) for k in range(4)] == [(13, 20), (7, 10), (4, 5), (2, 3)]
    # a constant of .1, .2, .3, .4 on the levels is 1.0 everywhere
    flat = {key: 0.1 * (k + 1) * np.ones(rows.shape, "float32") for k, (key, rows) in enumerate(params.items())}
    image_again = np.asarray(Pyramid(contrast="free", gain=1.0).to_image(flat, on))
    assert image_again == pytest.approx(np.full((1, 13, 20, 1), 1 / (1 + np.exp(-1.0))), abs=1e-6)


def test_a_pyramid_of_a_small_canvas_has_fewer_levels():
    params = Pyramid(levels=10).start(SEEDS, canvas(5, 9))
    assert [tuple(rows.shape[1:3]) for rows in params.values()] == [(5, 9), (3, 5), (2, 3)]


def test_to_valid_rgb_by_hand():
    prior = priors.Prior("own", np.array([0.0, 1.0], "float32"), np.array([[1.0, 2.0], [0.0, 3.0]], "float32"))
    on = Canvas(1, 2, prior)
    z = np.array([[[[1.0, 0.0], [0.0, -1.0]]]], "float32")
    # logits, gain 2: z @ colors * 2 + mean = (2, 4 + 1) and (0, -6 + 1)
    expected = 1 / (1 + np.exp(-np.array([[[[2.0, 5.0], [0.0, -5.0]]]])))
    assert np.asarray(to_valid_rgb(z, on, "free", 2.0)) == pytest.approx(expected, abs=1e-6)
    # standardized: mean 0, std sqrt(1/2), so 1 becomes sqrt(2)
    root = np.sqrt(2)
    logits = 2 * np.array([[[[root, 2 * root], [0, -3 * root]]]]) + [0, 1]
    assert np.asarray(to_valid_rgb(z, on, "standardized", 2.0)) == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-6)


def test_standardized_contrast_ignores_scale_and_offset_of_the_parameters(scene):
    on = canvas()
    z = from_valid_rgb(scene()[None], on, "free", 1.0)
    image_again = np.asarray(to_valid_rgb(z, on, "standardized", 3.0))
    assert np.asarray(to_valid_rgb(5 * z + 2, on, "standardized", 3.0)) == pytest.approx(image_again, abs=1e-5)
    flat = np.asarray(to_valid_rgb(np.full((1, 16, 16, 3), 7.0, "float32"), on, "standardized", 3.0))
    assert np.all(np.isfinite(flat))


def test_the_gradient_of_the_standardization_is_that_of_finite_differences():
    rng = np.random.default_rng(0)
    z, weights = rng.normal(size=(2, 2, 3, 4, 2))
    on = Canvas(3, 4, priors.neutral(2))

    def along(numbers):
        return ops.sum(to_valid_rgb(numbers, on, "standardized", 1.5) * weights.astype("float32")), ()

    _, gradient = backend.value_and_gradient(along)(backend.tensor(z.astype("float32")))

    def exact(numbers):
        axes = (1, 2, 3)
        y = (numbers - numbers.mean(axes, keepdims=True)) / numbers.std(axes, keepdims=True)
        return np.sum(weights / (1 + np.exp(-1.5 * y)))

    for at in [(0, 0, 0, 0), (0, 2, 3, 1), (1, 1, 2, 0), (1, 0, 3, 1)]:
        step = np.zeros_like(z)
        step[at] = 1e-5
        difference = (exact(z + step) - exact(z - step)) / 2e-5
        assert float(np.asarray(gradient)[at]) == pytest.approx(difference, abs=1e-4)


def test_a_cppn_fits_a_smooth_image():
    """300 steps of Adam to a disc of one color on another: a mean error below .02, where a flat image has .1."""
    on = canvas(16, 16, priors.neutral(3))
    y, x = np.mgrid[-1:1:16j, -1:1:16j]
    inside = 1 / (1 + np.exp(8 * (np.hypot(x, y) - 0.6)))[..., None]
    target = (0.2 + 0.6 * inside * [1, 0.5, 0] + 0.4 * (1 - inside) * [0, 0.5, 1]).astype("float32")[None]
    way, adam = CPPN(width=12, depth=4), Adam(rate=0.01)
    params = way.start(SEEDS[:1], on)
    state = adam.start(params)

    @backend.compile
    def step(params, state, number):
        def score(numbers):
            return -ops.sum((way.to_image(numbers, on) - target) ** 2), ()

        _, gradient = backend.value_and_gradient(score)(params)
        move, state = adam.move(gradient, state, number)
        return {key: params[key] + adam.rate * move[key] for key in params}, state

    for number in range(300):
        params, state = step(params, state, backend.tensor(np.int32(number)))
    error = np.abs(np.asarray(way.to_image(params, on)) - target).mean()
    flat = np.abs(target.mean(axis=(1, 2), keepdims=True) - target).mean()
    assert flat == pytest.approx(0.1, abs=0.01)
    assert error < 0.02


def test_a_cppn_gives_the_same_image_at_any_size():
    way = CPPN()
    params = way.start(SEEDS[:1], canvas())
    small, large = (np.asarray(way.to_image(params, canvas(side, side)))[0] for side in (9, 17))
    assert large[::2, ::2] == pytest.approx(small, abs=1e-5)  # the same positions


def test_a_cppn_cannot_start_from_an_image(scene):
    with pytest.raises(RecipeError, match="cppn: cannot start from an image; use pixels, fourier or pyramid"):
        CPPN().fit(scene()[None], canvas())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Pixels(gain=0.0), "gain=0.0: must be above 0, usually 0.5 to 2"),
        (lambda: Fourier(gain=-1.0), "gain=-1.0"),
        (lambda: Fourier(contrast="full"), "contrast='full': 'standardized' or 'free'"),
        (lambda: Fourier(size=0), "size=0: at least one pixel"),
        (lambda: Phase(size=(4, -1)), r"size=\(4, -1\)"),
        (lambda: Fourier(decay=-0.5), "decay=-0.5"),
        (lambda: Pyramid(levels=0), "levels=0"),
        (lambda: Pyramid(levels=11), "levels=11: from 1 to 10"),
        (lambda: CPPN(width=0), "width=0"),
        (lambda: CPPN(depth=0), "depth=0"),
        (lambda: Pixels(gain=float("nan")), "gain=nan"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(RecipeError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
