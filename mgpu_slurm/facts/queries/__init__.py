"""Options of the query and control commands, a table per command."""
