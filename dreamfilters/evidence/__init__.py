"""The real world: what images of the user do to every unit."""
