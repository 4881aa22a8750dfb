"""Techniques that start from given images: fooling images, inversion, texture, style, facets, segmentation."""
