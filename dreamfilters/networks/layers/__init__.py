"""Layers: their kinds, receptive fields and what they forward. The values import neither TensorFlow nor Keras."""
