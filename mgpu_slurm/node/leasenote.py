"""The lease as this daemon notes it for supervisors, and for a daemon that takes over (supervisor/lease.py)."""

from __future__ import annotations

import logging
import os
from typing import Any

from mgpu_slurm.node.core import NodeCore
from mgpu_slurm.node.supervisor import lease

log = logging.getLogger("mgpu.node")


class LeaseNote:
    """`failed`: why the last contact could not be noted; no step may be started then."""

    def __init__(self, spool: str, core: NodeCore) -> None:
        self.failed: OSError | None = None
        self._spool = spool
        self._core = core
        self._noted = float("-inf")  # the contact that the file tells of

    def note(self, now: float) -> None:
        """Write the last contact down, where it is worth it. `now`: lease.clock()."""
        contact = self._core.contact(now)
        if contact is None or not self._core.lease:
            return
        if contact - self._noted < self._core.lease / 50:
            return  # a lease that ends a little early is safe, and a quiet node does not write all the time
        try:
            lease.write(self._spool, contact, self._core.lease)
            self._noted = contact
            self.failed = None
        except OSError as error:
            if self.failed is None:
                log.error("cannot note the lease, no step is started until it can be: %s", error)
            self.failed = error

    def order(self, now: float) -> dict[str, Any]:
        """What a supervisor is told of the lease: where it is noted, and what is known now. Nothing where there is none."""
        contact = self._core.contact(now)
        if not self._core.lease or contact is None:
            return {}
        return {"lease": os.path.join(self._spool, lease.NAME), "lease_known": [contact, self._core.lease]}
