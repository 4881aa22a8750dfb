"""Ablation: what the predictions of a network lose without a unit."""
