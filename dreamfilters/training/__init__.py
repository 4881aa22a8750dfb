"""A network while it learns: the callback that looks at it, the record of its looks, and the film of them."""
