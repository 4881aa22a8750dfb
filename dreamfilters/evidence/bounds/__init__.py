"""Bounds on what a unit can reach over all valid inputs."""
