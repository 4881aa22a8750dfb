"""Image files as float32 images in [0, 1], and images as files; the only package that uses uint8 images."""

from dreamfilters.images.colormaps import heat, overlay
from dreamfilters.images.contact_sheets import contact_sheet
from dreamfilters.images.decoding import FORMATS, LARGEST, ImageArray, read_image
from dreamfilters.images.encoding import gif_bytes, png_bytes, png_text
from dreamfilters.images.folder import ImageFolder, image_folder
from dreamfilters.images.reading import SUFFIXES, FolderImages, image_paths, label_of, read_images
from dreamfilters.images.resizing import resize

__all__ = [
    "FORMATS",
    "LARGEST",
    "SUFFIXES",
    "FolderImages",
    "ImageArray",
    "ImageFolder",
    "contact_sheet",
    "gif_bytes",
    "heat",
    "image_folder",
    "image_paths",
    "label_of",
    "overlay",
    "png_bytes",
    "png_text",
    "read_image",
    "read_images",
    "resize",
]
