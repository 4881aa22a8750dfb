"""Statistics of every unit over a folder of images, collected in one pass."""
