"""Commands on a network while it learns, and on two versions of one."""
