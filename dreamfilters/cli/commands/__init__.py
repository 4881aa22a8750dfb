"""The commands, in groups: each module lists its own in `COMMANDS`."""
