"""What the viewer's routes call: images, maps, dreams and units as plain values."""
