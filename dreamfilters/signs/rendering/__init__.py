"""Sample images: the drawings, rendered as a roadside camera would record them."""
