"""Classes: their names, the kind of head that they end in, and predictions."""
