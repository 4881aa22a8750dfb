"""The weights of a layer: their distributions, its kernels as images, and filters that another one can replace."""
