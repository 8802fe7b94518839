"""Tests in tiers: unit (pure), integration (real PostgreSQL and dbt), e2e (the real processes)."""
