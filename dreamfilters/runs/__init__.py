"""On disk: run folders, their records, and images made again from what they say of themselves."""
