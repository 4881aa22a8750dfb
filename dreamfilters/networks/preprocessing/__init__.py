"""Input forms: how an image becomes a network's input."""
