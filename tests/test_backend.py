import itertools
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from dreamfilters import backend
from tests.backends import needs_tensorflow


def seeds(*numbers):
    return np.array(numbers, "uint64")


def test_splitmix64_gives_the_published_numbers():
    # the first five of seed 1234567 in the reference implementation (rosettacode.org, Splitmix64)
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert backend.bits(seeds(1234567), (5,))[0].tolist() == published


def test_fold_is_the_next_number_of_the_generator():
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [int(backend.seed_numbers(backend.fold(seeds(1234567), k))[0]) for k in range(3)] == published


def test_seeds_of_parts_are_the_start_of_their_sha256():
    import hashlib

    expected = int.from_bytes(hashlib.sha256(b"7\x1fconv6:12").digest()[:8], "little")
    assert int(backend.seed_of(7, "conv6:12")) == expected
    # the parts are kept apart: "1", "23" is not "12", "3"
    assert backend.seed_of("1", "23") != backend.seed_of("12", "3")


def test_repeated_seeds_differ_and_stand_together():
    repeated = backend.seed_numbers(backend.repeat_seeds(seeds(1, 2), 3)).tolist()
    assert len(set(repeated)) == 6
    assert repeated[:3] == [int(backend.seed_numbers(backend.fold(seeds(1), view))[0]) for view in range(3)]
    assert backend.seed_numbers(backend.repeat_seeds(seeds(1, 2), 1)).tolist() == [1, 2]


def test_uniform_numbers_are_the_top_24_bits():
    top = np.array([6457827717110365317 >> 40, 3203168211198807973 >> 40])
    assert np.asarray(backend.uniform(seeds(1234567), (2,)))[0] == pytest.approx(top / 2**24, abs=0)


def test_uniform_numbers_are_even_and_in_range():
    drawn = np.asarray(backend.uniform(seeds(*range(20)), (5000,), -2.0, 4.0))
    assert drawn.min() >= -2
    assert drawn.max() < 4
    assert drawn.mean() == pytest.approx(1, abs=0.02)  # six stds of the mean of 100,000
    assert drawn.var() == pytest.approx(36 / 12, rel=0.02)
    counts, _ = np.histogram(drawn, bins=10, range=(-2, 4))
    assert np.all(np.abs(counts - 10_000) < 500)


def test_normal_numbers_have_the_moments_of_a_normal():
    drawn = np.asarray(backend.normal(seeds(*range(20)), (5000,))).astype("float64")
    assert drawn.mean() == pytest.approx(0, abs=0.02)
    assert drawn.std() == pytest.approx(1, abs=0.02)
    assert np.mean(drawn**3) == pytest.approx(0, abs=0.05)
    assert np.mean(drawn**4) == pytest.approx(3, abs=0.1)
    assert np.mean(np.abs(drawn) < 1.96) == pytest.approx(0.95, abs=0.005)


def test_neighboring_seeds_and_folds_are_independent():
    drawn = np.asarray(backend.normal(seeds(*range(50)), (2000,)))
    correlation = np.corrcoef(drawn)[np.triu_indices(50, 1)]
    assert np.abs(correlation).max() < 0.11  # five stds of 1 / sqrt(2000)
    first, second = (np.asarray(backend.normal(backend.fold(seeds(7), k), (20_000,)))[0] for k in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.035
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.035


@pytest.mark.parametrize("shape", [(), (1,), (2,), (15,), (16,), (3, 5, 2)])
def test_a_row_depends_on_its_own_seed_only(shape):
    together = np.asarray(backend.normal(seeds(1, 2, 3), shape))
    assert together.shape == (3, *shape)
    for row, seed in enumerate((1, 2, 3)):
        assert np.asarray(backend.normal(seeds(seed), shape))[0].tobytes() == together[row].tobytes()


@pytest.mark.parametrize("shape", [(3,), (94, 94), (222, 222), (49285,), (96, 96, 3)])
def test_the_sum_of_a_row_depends_on_this_row_only(shape):
    """TensorFlow's own sum of 94 x 94 numbers is another one next to other rows."""
    rows = np.random.default_rng(0).normal(size=(17, *shape)).astype("float32")
    sums, means = (np.asarray(backend.compile(of)(rows)) for of in (backend.row_sums, backend.row_means))
    exact = rows.astype("float64").reshape(17, -1).sum(axis=1)
    assert sums == pytest.approx(exact, abs=1e-5 * np.sqrt(np.prod(shape)))
    assert means == pytest.approx(exact / np.prod(shape), abs=1e-5)
    for first, count in itertools.product((0, 1, 5), (2, 3, 8, 12)):
        alone = np.asarray(backend.compile(backend.row_sums)(rows[first : first + count]))
        assert alone.tobytes() == sums[first : first + count].tobytes()


def test_integers_are_even_over_their_range():
    drawn = np.asarray(backend.integers(seeds(*range(10)), (3000,), -2, 3))
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2]
    assert np.all(np.abs(counts - 6000) < 400)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 9), (5, 8), (6, 7), (1, 1)])
def test_the_inverse_transform_is_numpys(height, width):
    rng = np.random.default_rng(0)
    real, imaginary = rng.normal(size=(2, 2, 3, height, width // 2 + 1)).astype("float32")
    expected = np.fft.irfft2(real + 1j * imaginary, s=(height, width))
    assert np.asarray(backend.irfft2(real, imaginary, height, width)) == pytest.approx(expected, abs=1e-6)


def test_a_roll_wraps_each_image_by_its_own_shift():
    images = np.random.default_rng(0).normal(size=(3, 5, 7, 2)).astype("float32")
    shifts = np.array([[1, 0], [-2, 3], [6, -8]], "int32")
    rolled = np.asarray(backend.roll(backend.tensor(images), shifts))
    for image, shift, result in zip(images, shifts, rolled, strict=True):
        assert np.array_equal(result, np.roll(image, shift, axis=(0, 1)))


def test_the_gradient_of_a_roll_is_the_roll_back():
    rng = np.random.default_rng(0)
    images, weights = rng.normal(size=(2, 2, 5, 7, 1)).astype("float32")
    shifts = np.array([[1, -2], [4, 3]], "int32")

    def along(image):
        return ops.sum(backend.roll(image, shifts) * weights), ()

    _, gradient = backend.value_and_gradient(along)(backend.tensor(images))
    for weight, shift, row in zip(weights, shifts, np.asarray(gradient), strict=True):
        assert np.array_equal(row, np.roll(weight, -shift, axis=(0, 1)))


def bilinear(image, matrix, height, width):
    """Read (h, w, c) at the affine places of an output, mirrored beyond the edges: d c b a | a b c d | d c b a."""
    y, x = np.mgrid[0:height, 0:width]
    at = np.einsum("ij,jhw->ihw", matrix, np.stack([x, y, np.ones_like(x)]).astype("float64"))

    def mirrored(index, size):
        index = np.mod(index, 2 * size)
        return np.where(index < size, index, 2 * size - 1 - index)

    left, top = np.floor(at[0]).astype(int), np.floor(at[1]).astype(int)
    across, down = (at[0] - left)[..., None], (at[1] - top)[..., None]
    rows, columns = image.shape[:2]

    def read(row, column):
        return image[mirrored(row, rows), mirrored(column, columns)]

    upper = read(top, left) * (1 - across) + read(top, left + 1) * across
    lower = read(top + 1, left) * (1 - across) + read(top + 1, left + 1) * across
    return upper * (1 - down) + lower * down


def turned(degrees=0.0, factor=1.0, shift=(0.0, 0.0), height=12, width=12):
    """An affine map about the center of an image, in pixels."""
    angle = np.radians(degrees)
    x, y = (width - 1) / 2, (height - 1) / 2
    turn = factor * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    offset = np.array([x, y]) + shift - turn @ [x, y]
    return np.vstack([np.column_stack([turn, offset]), [0, 0, 1]])


@pytest.fixture(params=["small images", pytest.param("large images", marks=needs_tensorflow)])
def warping(request, monkeypatch):
    """Resample small images as TensorFlow resamples large ones, too."""
    if request.param == "large images":
        monkeypatch.setattr("dreamfilters.backend.tensorflow._LEAST_FOR_XLA", 1)


@needs_tensorflow
def test_large_images_have_the_same_bytes_in_any_batch():
    rng = np.random.default_rng(0)
    images, weights = rng.normal(size=(2, 17, 97, 101, 3)).astype("float32")
    matrices = np.stack([turned(number - 8, 1.02, (number, 0.5), 97, 101) for number in range(17)]).astype("float32")

    def warped(images, matrices, weights):
        def score(images):
            moved = backend.warp(images, matrices, 97, 101)
            return ops.sum(moved * weights), moved

        (_, moved), slope = backend.value_and_gradient(score)(images)
        return moved, slope

    compiled = backend.compile(warped)
    together = [np.asarray(each) for each in compiled(*map(backend.tensor, (images, matrices, weights)))]
    for rows in ([3], [16, 0], [1, 5, 9, 13, 16]):
        some = compiled(*(backend.tensor(each[rows]) for each in (images, matrices, weights)))
        for alone, whole in zip(some, together, strict=True):
            assert np.asarray(alone).tobytes() == whole[rows].tobytes()


@pytest.mark.usefixtures("warping")
@pytest.mark.parametrize(
    ("degrees", "factor", "shift"),
    [(0, 1, (0, 0)), (5, 1, (0, 0)), (-30, 1.2, (1.5, -2.25)), (0, 0.5, (0, 0)), (0, 1, (3.5, 1))],
)
def test_a_warp_is_bilinear_and_mirrors(degrees, factor, shift):
    image = np.random.default_rng(0).normal(size=(10, 12, 2)).astype("float32")
    matrix = turned(degrees, factor, shift, 10, 12)
    warped = np.asarray(backend.warp(backend.tensor(image[None]), matrix[None].astype("float32"), 10, 12))[0]
    assert warped == pytest.approx(bilinear(image, matrix, 10, 12), abs=2e-4)


def adjoint(weights, matrix, size):
    """The exact gradient of sum(warp(image) * weights): one column of the linear map for every pixel."""
    height, width = size
    exact = np.zeros(size)
    for row in range(height):
        for column in range(width):
            unit = np.zeros((height, width, 1))
            unit[row, column] = 1
            exact[row, column] = np.sum(bilinear(unit, matrix, *weights.shape) * weights[..., None])
    return exact


def gradient_of_warp(weights, matrix, size):
    def along(image):
        return ops.sum(backend.warp(image, matrix[None].astype("float32"), *weights.shape)[0, ..., 0] * weights), ()

    _, gradient = backend.value_and_gradient(along)(backend.tensor(np.zeros((1, *size, 1), "float32")))
    return np.asarray(gradient)[0, ..., 0]


@pytest.mark.usefixtures("warping")
def test_the_gradient_of_a_warp_by_whole_pixels_is_exact_away_from_the_mirror():
    weights = np.zeros((12, 12), "float32")
    weights[3:9, 3:9] = np.random.default_rng(0).normal(size=(6, 6))
    matrix = turned(shift=(2, -1))
    assert gradient_of_warp(weights, matrix, (12, 12)) == pytest.approx(adjoint(weights, matrix, (12, 12)), abs=1e-5)


def cosine(a, b):
    return np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b))


@pytest.mark.usefixtures("warping")
@pytest.mark.parametrize(("degrees", "factor"), [(5, 1.0), (-5, 1.05), (3, 1 / 1.05), (0, 1.05)])
def test_the_gradient_of_a_warp_points_along_the_exact_one(degrees, factor):
    # smooth weights, as the gradient of a network is after a few layers
    y, x = np.mgrid[0:24, 0:24] / 24
    weights = (np.sin(7 * x + 3 * y) * np.exp(-8 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))).astype("float32")
    matrix = turned(degrees, factor, height=24, width=24)
    exact, ours = adjoint(weights, matrix, (24, 24)), gradient_of_warp(weights, matrix, (24, 24))
    assert cosine(exact, ours) > 0.99
    assert np.linalg.norm(ours) == pytest.approx(np.linalg.norm(exact), rel=0.02)


def test_a_parameter_that_does_not_count_has_gradient_zero():
    (value, extra), gradient = backend.value_and_gradient(lambda p: (ops.sum(p["a"] ** 2), "kept"))(
        {"a": backend.tensor([3.0]), "b": backend.tensor([1.0])}
    )
    assert (float(value), extra) == (9.0, "kept")
    assert {name: np.asarray(array).tolist() for name, array in gradient.items()} == {"a": [6.0], "b": [0.0]}


def test_a_compiled_function_is_traced_for_new_shapes_only():
    traced = []

    @backend.compile
    def double(x):
        traced.append(x.shape)
        return 2 * x

    def doubled(length):
        assert np.asarray(double(backend.tensor(np.ones(length, "float32")))).tolist() == [2.0] * length
        return len(traced)

    first, second = doubled(1), doubled(2)
    assert 0 < first < second
    assert [doubled(length) for length in (1, 2, 1)] == [second] * 3
    assert doubled(3) > second


def test_a_compiled_function_reads_variables_as_they_are_now():
    weight = keras.Variable(np.array([1.0, 2.0], "float32"))
    scaled = backend.compile(lambda x: x * ops.convert_to_tensor(weight))
    assert np.asarray(scaled(backend.tensor(np.float32(3)))).tolist() == [3, 6]
    weight.assign(np.array([5.0, 7.0], "float32"))
    assert np.asarray(scaled(backend.tensor(np.float32(3)))).tolist() == [15, 21]


def test_a_compiled_function_that_another_one_calls_reads_variables_too():
    weight = keras.Variable(np.float32(2))
    inner = backend.compile(lambda x: x * ops.convert_to_tensor(weight))
    outer = backend.compile(lambda x: inner(x) + 1)
    assert float(outer(backend.tensor(np.float32(3)))) == 7
    weight.assign(np.float32(5))
    assert float(outer(backend.tensor(np.float32(3)))) == 16


def test_a_compiled_function_assigns_variables():
    total = keras.Variable(np.float32(1))

    @backend.compile
    def add(x):
        total.assign(total + x)
        return total * 10

    assert [float(add(backend.tensor(np.float32(x)))) for x in (2, 4)] == [30, 70]
    assert float(ops.convert_to_numpy(total)) == 7


def test_versions_name_what_decides_the_bytes():
    own = {"tensorflow": {"tensorflow", "onednn"}, "jax": {"jax", "jaxlib", "xla"}}[keras.backend.backend()]
    assert set(backend.versions()) == {"keras", "numpy", "device"} | own
    assert backend.versions()["device"] == backend.device().name != ""


@pytest.mark.skipif(backend.device().kind != "cpu", reason="is about a machine without an accelerator")
def test_a_cpu_has_no_memory_of_its_own():
    assert backend.device().memory is None


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-2.0, 4.0), (0.1, 0.7)])
def test_uniform_numbers_are_equal_on_all_backends(low, high):
    top = (backend.bits(seeds(7, 8), (3000,)) >> np.uint64(40)).astype("float32")
    expected = top * np.float32((high - low) / 2**24) + np.float32(low)
    drawn = backend.compile(lambda seeds: backend.uniform(seeds, (3000,), low, high))(backend.tensor(seeds(7, 8)))
    assert np.asarray(drawn).tobytes() == expected.tobytes()


def test_normal_numbers_are_those_of_the_formula():
    bits = backend.bits(seeds(7, 8), (30_000,))
    radius = ((bits & np.uint64(2**24 - 1)).astype("float32") + np.float32(0.5)) / np.float32(2**24)
    angle = (bits >> np.uint64(40)).astype("float32") * np.float32(2 * np.pi / 2**24)
    expected = np.sqrt(-2 * np.log(radius.astype("float64"))) * np.cos(angle.astype("float64"))
    drawn = np.asarray(backend.compile(lambda seeds: backend.normal(seeds, (30_000,)))(backend.tensor(seeds(7, 8))))
    # in units of the last place: of 0.25 near the zeros of the cosine; the logarithm, the root, the cosine and two
    # products round
    places = np.abs(drawn - expected) / np.spacing(np.maximum(np.abs(expected), 0.25).astype("float32"))
    assert places.max() <= 3


def test_another_keras_backend_is_refused_in_one_line():
    code = (
        "import sys, types; keras = types.ModuleType('keras'); "
        "keras.backend = types.SimpleNamespace(backend=lambda: 'torch'); sys.modules['keras'] = keras\n"
        "from dreamfilters.errors import BackendError\n"
        "try:\n    import dreamfilters.backend\nexcept BackendError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'torch'" in done.stdout
    assert "KERAS_BACKEND=tensorflow or KERAS_BACKEND=jax" in done.stdout
    assert len(done.stdout.strip().splitlines()) == 1


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="Keras runs on another backend")
def test_jax_needs_no_tensorflow():
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"  # as if it were not installed
        "import dreamfilters as df\n"
        "print(df.dream(df.load('signs'), 'conv1:3', df.Recipe(df.Fourier(24), steps=1))[0].image.shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(24, 24, 3)\n"


def test_a_keras_backend_that_is_not_there_is_refused_in_one_line():
    code = (
        "import sys; sys.modules['jax'] = None\n"  # as if it were not installed
        "from dreamfilters.errors import BackendError\n"
        "try:\n    import dreamfilters.backend\nexcept BackendError as error:\n    print(error)"
    )
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert "'jax', which is not installed" in done.stdout
    assert "install TensorFlow or JAX" in done.stdout
    assert len(done.stdout.strip().splitlines()) == 1
