"""The web page over a network: its rooms are filled by the viewer issue."""
