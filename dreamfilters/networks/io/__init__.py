"""Model files: what they hold, whether it is allowed, and the Keras model built from them."""
