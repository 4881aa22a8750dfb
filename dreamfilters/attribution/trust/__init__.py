"""How far a heatmap can be trusted: whether its pixels decide, it is stable, and it depends on the weights."""
