"""Alembic's scripts that bring a database of an earlier release to the present schema."""
