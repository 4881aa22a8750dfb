import numpy as np
import pytest

from dreamfilters.images.image_arrays import ImageArrays


@pytest.mark.parametrize(
    "images", [np.ones((2, 4, 5, 3)), [np.ones((4, 5, 3)), np.ones((4, 5, 3), "uint8")], np.ones((4, 5, 3))]
)
def test_arrays_are_images_with_names(images):
    found = ImageArrays.of(images)
    count = 1 if isinstance(images, np.ndarray) and images.ndim == 3 else 2
    assert len(found) == count
    assert found.names == tuple(f"image {number}" for number in range(count))
    assert found.labels == ("",) * count
    for index, image in found.only(range(count)):
        assert (image.shape, image.dtype) == ((4, 5, 3), np.float32)
        assert np.array_equal(found.tried(index), image)
