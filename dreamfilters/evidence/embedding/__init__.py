"""Images by a layer's features: the nearest ones, and maps of all of them in two dimensions."""
