"""Circuits: which units of an earlier layer feed a unit."""
