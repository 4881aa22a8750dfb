"""Worker scripts: each runs in a peer's environment and imports only that peer, keras and numpy."""
