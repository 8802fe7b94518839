"""For whoever sits at a terminal: a client of the API, and what it shows."""
