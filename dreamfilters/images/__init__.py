"""Image files become float32 pictures in [0, 1] and pictures become files again: the only place with uint8."""

from dreamfilters.images.colormaps import heat, overlay
from dreamfilters.images.contact_sheets import contact_sheet
from dreamfilters.images.decoding import FORMATS, LARGEST, Picture, read
from dreamfilters.images.encoding import gif_bytes, png_bytes, png_text
from dreamfilters.images.folders import SUFFIXES, Readings, label_of, paths, read_all
from dreamfilters.images.image_folder import Photos, photos
from dreamfilters.images.resizing import resize

__all__ = [
    "FORMATS",
    "LARGEST",
    "SUFFIXES",
    "Photos",
    "Picture",
    "Readings",
    "contact_sheet",
    "gif_bytes",
    "heat",
    "label_of",
    "overlay",
    "paths",
    "photos",
    "png_bytes",
    "png_text",
    "read",
    "read_all",
    "resize",
]
