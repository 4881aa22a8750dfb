"""Priors: what real images look like, as statistics of colors and spectrum, or as a denoiser trained on them."""

from dreamfilters.dreams.priors.image_statistics import IMAGENET, Prior, measure_prior, neutral, read

__all__ = ["IMAGENET", "Prior", "measure_prior", "neutral", "read"]
