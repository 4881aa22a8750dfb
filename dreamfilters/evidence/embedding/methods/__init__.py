"""The methods that place images on a map: one module each, listed in `embedding/registry.py`."""
