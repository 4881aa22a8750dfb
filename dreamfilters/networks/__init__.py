"""On what: opening, flattening and describing a network."""
