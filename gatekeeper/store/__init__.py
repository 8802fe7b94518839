"""StringX's own PostgreSQL: its tables and the queries on them. Callers own the transactions."""
