"""What the images show about the whole network: its mistakes, its classes, and what to look at first."""
