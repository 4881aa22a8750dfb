"""Runs whose results are of units: dreams, comparisons, audits and atlases."""
