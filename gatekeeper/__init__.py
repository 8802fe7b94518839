"""The backend: takes requests, plans checks, judges what was measured, keeps the record."""
