"""Worker scripts: each runs in a peer's own environment and imports only that peer, keras and numpy."""
