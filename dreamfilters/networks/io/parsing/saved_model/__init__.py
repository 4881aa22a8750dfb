"""SavedModel folders: their description of the layers, and the arrays of their checkpoint, without TensorFlow."""
