"""On disk: run folders, their records, and pictures made again from what they say of themselves."""
