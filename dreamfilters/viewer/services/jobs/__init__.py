"""Long work that the page starts: evaluation, audit, comparison, embedding, and the search for the input form."""
