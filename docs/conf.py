"""Sphinx settings. `make docs` builds the site into build/docs; every warning is an error."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS.parent)]

import dreamfilters
from docs import notebook_pages, reference

project = "dreamfilters"
author = "the dreamfilters contributors"
project_copyright = author
release = version = dreamfilters.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["README.md", "__pycache__"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
default_role = "code"  # a single backtick in a docstring is code, as in Markdown

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
napoleon_use_rtype = False
# Annotations name types of NumPy, Keras and private modules, whose pages are not part of this site.
nitpick_ignore_regex = [(r"py:.*", r".*")]

html_theme = "furo"
html_title = "dreamfilters"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": []}
templates_path: list[str] = []


def escape_markup(_app: Any, _what: str, _name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    """Escape |x| and a * b in docstrings, which reStructuredText would read as markup; code stays as it is."""
    for index, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            parts = re.split(r"(`[^`]*`)", line)
            lines[index] = "".join(part if part[:1] == "`" else re.sub(r"([|*])", r"\\\1", part) for part in parts)


def setup(app: Any) -> None:
    """Write the generated pages before Sphinx reads the sources."""
    app.connect("builder-inited", lambda _: reference.write(DOCS / "reference"))
    app.connect("builder-inited", lambda _: notebook_pages.write(DOCS / "reference" / "notebooks"))
    app.connect("autodoc-process-docstring", escape_markup, priority=400)  # before napoleon
