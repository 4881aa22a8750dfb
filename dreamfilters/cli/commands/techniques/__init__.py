"""The commands of techniques that start from given images."""
