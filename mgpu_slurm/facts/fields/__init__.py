"""Output fields, a table per record."""
