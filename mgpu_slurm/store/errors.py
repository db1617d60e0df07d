"""What can be wrong with the store. Shown once, by the daemon that opens it."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be used; the text says why and what to do."""


class StoreDamaged(StoreError):
    """The database does not pass its integrity check. It is never replaced silently."""


class StoreFull(StoreError):
    """A commit failed for lack of space or by an I/O error; it may succeed later."""
