"""The commands that say which pixels and units an output depends on."""
