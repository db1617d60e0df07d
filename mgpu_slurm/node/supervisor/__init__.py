"""One process per step on a node: makes the tasks, connects them, ends them, reports."""
