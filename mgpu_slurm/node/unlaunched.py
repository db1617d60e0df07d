"""Writes a line into the output of a batch job whose script was not started, in a process that does nothing else."""

from __future__ import annotations

import os

from mgpu_slurm.node.supervisor import files, identity, wiring
from mgpu_slurm.node.supervisor.order import Order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


def run(raw: dict[str, Any]) -> NoReturn:
    """The whole process: `raw` is the order with which the script would have been launched, and `line`."""
    status = 1
    try:
        order = Order(raw)
        order.open_mode = files.APPEND
        who = identity.look_up(order.uid, order.gid, str(order.facts.get("user_name") or ""))
        output = wiring.for_batch(order, who).messages
        if output is not None:
            os.write(output, os.fsencode(raw["line"]) + b"\n")
        status = 0
    except (OSError, identity.IdentityError, wiring.CannotOpen):
        pass  # where its user cannot write there is nobody to tell; the daemon's log and the job's reason say it
    finally:
        os._exit(status)
