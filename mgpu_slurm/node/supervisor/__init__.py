"""One process per step on a node: starts its tasks, carries their streams, ends what they leave behind, keeps the result."""
