"""Runs whose results are a folder for each image: maps and heatmaps."""
