"""Warehouses, gates and rules as one YAML file."""
