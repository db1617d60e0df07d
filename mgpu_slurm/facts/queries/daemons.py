"""Options of the two daemons, and of the first generation's commands."""

from __future__ import annotations

from mgpu_slurm.facts.option import Option

_CONF = "configuration file ($MGPU_CONF, ~/.config/mgpu/mgpu.conf, /etc/mgpu/mgpu.conf)"

_COMMON = (
    Option("", "D", "", "flag", "foreground", "", "stay in the foreground (it always does)"),
    Option("verbose", "v", "", "flag", "verbose", "", "log more"),
    Option("help", "h", "", "help", "help", "", "list the options"),
    Option("version", "V", "", "version", "version", "", "the version"),
)

MASTER: tuple[Option, ...] = (
    Option("", "f", "", "file", "conf", "", _CONF),
    Option("host", "", "", "text", "host", "", "without a file: the address to listen on (0.0.0.0, which is all)"),
    Option("port", "", "", "text", "port", "", "without a file: the port to listen on (8080)"),
    Option("embedded", "", "", "text", "embedded", "hidden", "the personal cluster in this directory"),
    *_COMMON,
)

NODE: tuple[Option, ...] = (
    Option("", "f", "", "file", "conf", "", _CONF),
    Option("", "N", "", "text", "node_name", "", "this node's name (the host's)"),
    Option("", "C", "", "flag", "print_hardware", "", "print this machine as a line of mgpu.conf and exit"),
    Option("node-id", "", "", "text", "node_id", "", "join, under this name, a cluster whose configuration does not list it"),
    Option("master-host", "", "", "text", "master_host", "", "where that cluster's controller is (127.0.0.1)"),
    Option("master-port", "", "", "natural", "master_port", "", "and on which port (8080)"),
    Option("gpu-count", "", "", "natural", "gpu_count", "", "how many GPUs to offer (those that are found)"),
    Option("gpu-type", "", "", "text", "gpu_type", "", "what they are called in --gres=gpu:TYPE:N"),
    Option("address", "", "", "text", "address", "", "this node's address (that of the route to the controller)"),
    Option("host", "", "", "text", "address", "", "this node's address (that of the route to the controller)"),
    Option("embedded", "", "", "text", "embedded", "hidden", "the node of the personal cluster in this directory"),
    *_COMMON,
)

_MASTER_ROW = Option("master", "", "", "text", "master", "", "the cluster of the mgpu_master at HOST[:PORT]", "MGPU_MASTER")
_HELP_ROW = Option("help", "h", "", "help", "help", "", "list the options")

CLIENT: tuple[Option, ...] = (_MASTER_ROW, _HELP_ROW)
"""Of mgpu_queue and mgpu_cancel as well; behind `submit` stand the options of sbatch."""
