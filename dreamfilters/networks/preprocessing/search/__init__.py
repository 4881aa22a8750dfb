"""The search for a network's input form and class order on labelled images."""
