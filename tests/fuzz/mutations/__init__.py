"""Random changes of valid files, one module for each format; the same seed gives the same bytes."""
