"""Rules brought from elsewhere: what means the same here is mapped, the rest is said."""
