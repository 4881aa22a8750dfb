"""Image files as float32 images in [0, 1], and images as files; the only package that uses uint8 images."""

from dreamfilters.images.arrays import LARGEST
from dreamfilters.images.colormaps import heat
from dreamfilters.images.contact_sheets import contact_sheet
from dreamfilters.images.decoding import ImageArray, read_image
from dreamfilters.images.encoding import gif_bytes, png_bytes, png_text
from dreamfilters.images.folder import ImageFolder, image_folder
from dreamfilters.images.resizing import resize

__all__ = [
    "LARGEST",
    "ImageArray",
    "ImageFolder",
    "contact_sheet",
    "gif_bytes",
    "heat",
    "image_folder",
    "png_bytes",
    "png_text",
    "read_image",
    "resize",
]
