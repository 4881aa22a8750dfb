"""Configurations and weights written by older Keras versions, rewritten for Keras 3."""
