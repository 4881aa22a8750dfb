"""Dreams and evidence held against each other."""
