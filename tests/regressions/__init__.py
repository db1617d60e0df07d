"""One small test for each bug that got away, named after what went wrong."""
