"""The techniques as forms: what each starts from, its arguments, and how it is run with their values."""
