"""All of StringX on one machine: the embedded PostgreSQL, and one process that minds the others."""
