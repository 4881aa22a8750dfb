"""The configuration of a model file: what it may name, how large it may be, and the model that is built from it."""
