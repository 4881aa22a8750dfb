"""Verdicts on units: alive, dormant, dead (proved), always on, saturated or undecided, with their evidence."""
