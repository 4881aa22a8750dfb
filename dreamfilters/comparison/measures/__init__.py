"""Measures that hold a dream or a unit against real images."""
