"""Files on disk: atomic writing, run folders, records and file names."""
