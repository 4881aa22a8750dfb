"""Which pixels and which units an output depends on."""
