"""Layer-wise relevance propagation: linear maps of layers, shares of relevance, and the rule of each step."""
