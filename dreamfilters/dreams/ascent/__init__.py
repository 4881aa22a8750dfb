"""The gradient-ascent loop and what it compiles."""
