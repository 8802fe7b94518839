"""The demo: a year of flights from New York, with the defects it really has, and gates for it."""
