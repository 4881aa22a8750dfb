"""Sample images: the drawings rendered as a camera by the road would record them."""
