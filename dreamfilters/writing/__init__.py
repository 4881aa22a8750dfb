"""Files on disk: whole or not at all, through no link, and with one writer for each folder."""
