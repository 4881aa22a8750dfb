"""Long work that the page starts: evaluation, audit, comparison, and the search for the input form."""
