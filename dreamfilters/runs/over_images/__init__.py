"""Runs whose results add up over all images: scans, evaluations and ablations."""
