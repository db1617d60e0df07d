"""Daemons that are killed, frozen and lost: nothing acknowledged may be lost, and nothing may run twice."""
