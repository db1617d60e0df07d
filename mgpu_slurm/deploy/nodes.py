"""The cluster's nodes as its own commands show them, asked on the controller's host."""

from __future__ import annotations

from mgpu_slurm.deploy.actions import CONTROLLER, NODE
from mgpu_slurm.deploy.record import Member, Record
from mgpu_slurm.deploy.site import Site


def member_of(record: Record, name: str) -> Member:
    """The host of that name, which is in the record."""
    member = record.member(name)
    assert member is not None, name
    return member


def roles_of(record: Record, member: Member) -> str:
    """The daemons that the host runs, with commas."""
    return ",".join([CONTROLLER] * (member.name == record.controller) + [NODE] * member.runs_jobs)


def command(member: Member, words: str) -> str:
    """A command of the suite on a host, on this cluster."""
    return f"MGPU_CONF={member.base}/etc/mgpu.conf {member.base}/current/bin/mgpu_{words}"


def node_states(site: Site, record: Record) -> dict[str, str]:
    """The nodes' states as mgpu_sinfo shows them on the controller's host; none while it does not answer."""
    controller = member_of(record, record.controller)
    if controller.name not in site.hosts:
        return {}
    done = site.hosts[controller.name].connection.run(command(controller, "sinfo -h -N -o '%N %T'"))
    rows = (line.split() for line in done.out.splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 2} if done.status == 0 else {}


def withdrawn(state: str) -> bool:
    """Whether somebody has taken a node in that state out of service, for which there is nothing to wait."""
    return state in ("drained", "draining", "maint")


def serves(state: str) -> bool:
    """Whether a node in that state is in service."""
    return state in ("idle", "mixed", "allocated", "completing", "reserved")
