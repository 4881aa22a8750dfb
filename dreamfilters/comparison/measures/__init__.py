"""Measures that compare a dream or a unit with real images."""
