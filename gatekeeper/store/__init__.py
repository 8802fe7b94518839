"""StringX's own PostgreSQL: its tables, and every query on them. Callers own the transactions."""
