"""Callbacks: a run's result is posted, signed, to where its asker wants it."""
