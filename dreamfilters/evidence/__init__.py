"""Evidence: how the units of a network respond to real images."""
