"""Whether a unit is alive, dormant, dead, always on, saturated or undecided, and how that was decided."""
