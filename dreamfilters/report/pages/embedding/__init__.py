"""The pages of images by a layer's features: the map of all of them, and the nearest to each query."""
