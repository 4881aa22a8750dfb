"""Offline HTML pages, charts, captions and tables."""
