"""Scheduling decisions, pure: priority, placement, backfill, step layout."""
