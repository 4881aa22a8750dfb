"""The search for a network's input form and class order on labeled images."""
