"""The built-in traffic-sign network: names, rendered samples, weights and the script that trained it."""
