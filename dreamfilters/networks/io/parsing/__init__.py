"""What a model file holds, of any format, checked and described, without Keras and TensorFlow."""
