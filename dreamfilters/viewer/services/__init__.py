"""What the routes call: images, dreams and units as plain values, and the client of the worker."""
