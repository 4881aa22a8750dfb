"""Comparison of dreams with real images."""
