"""Names that an unescaped page would run, or that would end it."""

MARKUP = (
    "<script>document.title='hacked'</script>",
    "</script><script>document.title='hacked'</script>",
    "<img src=x onerror=\"document.title='hacked'\">",
    "\"><svg onload=document.title='hacked'>",
    "' autofocus onfocus='document.title=\"hacked\"",
    "javascript:document.title='hacked'",
    "<!--<script>",
    "]]><iframe srcdoc=\"<script>parent.document.title='hacked'</script>\">",
    "{{ 7 * 7 }}{% raw %}${7 * 7}`",
    "</style><style>*{display:none}</style></title><base href=//evil.example/>",
)
