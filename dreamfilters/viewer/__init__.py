"""The web page over a network: one process shows, another one owns the model."""
