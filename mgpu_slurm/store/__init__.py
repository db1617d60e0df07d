"""Durable state in SQL: schema, grouped writes, loading, history."""
