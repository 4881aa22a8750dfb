"""Clean drawings of the 43 signs."""
