"""Activation maps: their values, their scale and how they are drawn."""
