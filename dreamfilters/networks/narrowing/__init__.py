"""What a forward pass can leave out where a score reads one filter, or one position, of a layer for each image."""
