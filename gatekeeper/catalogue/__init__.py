"""The catalogue of rule types, read from the dbt project's own files: no dbt, no Jinja."""
