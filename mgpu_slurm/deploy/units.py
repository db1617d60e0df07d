"""The systemd units of a cluster's daemons, for the system's manager or the user's. Pure."""

from __future__ import annotations

from mgpu_slurm.deploy.actions import SYSTEM

ROLES = ("controller", "node")


def name(cluster: str, role: str, node: str) -> str:
    """A unit's name. Several nodes of one machine have one each."""
    return f"mgpu-{cluster}-controller.service" if role == "controller" else f"mgpu-{cluster}-node-{node}.service"


def text(cluster: str, base: str, role: str, node: str, manner: str) -> str:
    """A unit: the daemon comes back when it dies, and stopping it leaves the steps of jobs alone."""
    what = "Controller" if role == "controller" else f"Node daemon {node}"
    program = f"{base}/current/bin/mgpu_master" if role == "controller" else f"{base}/current/bin/mgpu_node"
    words = f"{program} -f {base}/etc/mgpu.conf" + ("" if role == "controller" else f" -N {node}")
    lines = ["[Unit]", f"Description={what} of the mgpu_slurm cluster {cluster}", f"ConditionPathExists={base}/etc/mgpu.conf"]
    if manner == SYSTEM:
        lines += ["Wants=network-online.target", "After=network-online.target remote-fs.target nss-user-lookup.target"]
    lines += [
        "StartLimitIntervalSec=0", "", "[Service]", "Type=notify" if role == "controller" else "Type=exec", f"ExecStart={words}",
        "Restart=on-failure", "RestartSec=1", "TimeoutStopSec=60", f"StandardOutput=append:{base}/nodes/{node}/{role}.out",
        f"StandardError=append:{base}/nodes/{node}/{role}.out",
    ]  # fmt: skip
    if role == "controller":
        # python's launcher is the main process until it has become the daemon
        lines += ["NotifyAccess=all"]
    else:
        # Steps belong to their supervisors: a stop leaves them running, and the next daemon finds them again.
        lines += ["KillMode=process", "Delegate=yes"]
        if manner == SYSTEM:
            lines += ["TasksMax=infinity", "LimitMEMLOCK=infinity", "LimitSTACK=infinity", "LimitNOFILE=131072"]
            lines += ["OOMPolicy=continue"]
    target = "multi-user.target" if manner == SYSTEM else "default.target"
    return "\n".join([*lines, "", "[Install]", f"WantedBy={target}"]) + "\n"
