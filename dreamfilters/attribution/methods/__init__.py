"""Attribution methods, one module for each family."""
