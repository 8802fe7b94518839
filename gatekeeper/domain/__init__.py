"""What StringX talks about, in its own words: frozen data, pure functions, nothing but Python."""
