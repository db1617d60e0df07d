"""What stands behind an option: its name in texts, and where a shell finds what may be completed there.

A source is "" (nothing to offer), a word that the completions know how to ask for (LIVE: of the cluster, LOCAL: of this
machine), or "words" for a fixed list in WORDS, by the option's name.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.facts.option import Option

LIVE = ("jobs", "steps", "partitions", "nodes", "reservations", "clusters")
LOCAL = ("files", "directories", "users", "groups")

_FIELDS: dict[str, tuple[str, str]] = {
    # fields that options of sbatch, srun and salloc set
    "account": ("ACCOUNT", ""),
    "array": ("INDEXES", ""),
    "comment": ("TEXT", ""),
    "constraint": ("FEATURES", ""),
    "dependency": ("LIST", "words"),
    "exclude": ("NODES", "nodes"),
    "licenses": ("NAME[:N]", ""),
    "mail_user": ("ADDRESS", ""),
    "name": ("NAME", ""),
    "node_list": ("NODES", "nodes"),
    "nodelist": ("NODES", "nodes"),
    "partition": ("PARTITION", "partitions"),
    "qos": ("QOS", ""),
    "reservation": ("NAME", "reservations"),
    "std_err": ("FILE", "files"),
    "std_in": ("FILE", "files"),
    "std_out": ("FILE", "files"),
    "work_dir": ("DIRECTORY", "directories"),
    ".clusters": ("NAMES", "clusters"),
    ".epilog": ("PROGRAM", "files"),
    ".prolog": ("PROGRAM", "files"),
    ".task_epilog": ("PROGRAM", "files"),
    ".task_prolog": ("PROGRAM", "files"),
    ".jobid": ("JOBID", "jobs"),
    ".bcast": ("FILE", "files"),
    ".wrap": ("COMMAND", ""),
    ".export_file": ("FILE", "files"),
    # what options of the query commands set
    "accounts": ("ACCOUNTS", ""),
    "clusters": ("NAMES", "clusters"),
    "delimiter": ("TEXT", ""),
    "end": ("TIME", ""),
    "file": ("FILE", "files"),
    "format": ("FORMAT", "words"),
    "groups": ("GROUPS", "groups"),
    "iterate": ("SECONDS", ""),
    "jobid": ("JOBID", "jobs"),
    "jobs": ("JOBS", "jobs"),
    "json": ("PLUGIN", ""),
    "names": ("NAMES", ""),
    "names_format": ("FIELDS", "words"),
    "nodes": ("NODES", "nodes"),
    "num_cpus": ("N[-M]", ""),
    "num_nodes": ("N[-M]", ""),
    "partitions": ("PARTITIONS", "partitions"),
    "reasons": ("REASONS", ""),
    "signal": ("SIGNAL", "words"),
    "sort": ("FIELDS", ""),
    "start": ("TIME", ""),
    "state": ("STATE", "words"),
    "states": ("STATES", "words"),
    "steps": ("STEPS", "steps"),
    "uid": ("USER", "users"),
    "units": ("LETTER", "words"),
    "user": ("USER", "users"),
    "users": ("USERS", "users"),
    "yaml": ("PLUGIN", ""),
    # of the daemons and of mgpu_cluster
    "address": ("ADDRESS", ""),
    "conf": ("FILE", "files"),
    "controller": ("HOST", ""),
    "directory": ("DIRECTORY", "directories"),
    "embedded": ("DIRECTORY", "directories"),
    "gpu_type": ("TYPE", ""),
    "host": ("ADDRESS", ""),
    "master": ("HOST[:PORT]", ""),
    "master_host": ("HOST", ""),
    "node_id": ("NAME", ""),
    "node_name": ("NAME", ""),
    "port": ("PORT", ""),
    "master_port": ("PORT", ""),
    "set": ("KEY=VALUE", ""),
    "with": ("WAY", "words"),
}

_KINDS: dict[str, tuple[str, str]] = {
    "accel_bind": ("LETTERS", ""),
    "acctg_freq": ("LIST", ""),
    "autocomplete": ("TEXT", ""),
    "bad_exit": ("0|1", "words"),
    "compress": ("WAY", "words"),
    "cpu_bind": ("WAY", "words"),
    "cpu_freq": ("RANGE", "words"),
    "delay": ("MINUTES", ""),
    "dir": ("DIRECTORY", "directories"),
    "distribution": ("WAY", "words"),
    "exclusive": ("WHOM", "words"),
    "export": ("LIST", "words"),
    "file": ("FILE", "files"),
    "gid": ("GROUP", "groups"),
    "gpu_bind": ("WAY", "words"),
    "gpu_freq": ("CLOCKS", "words"),
    "gpus": ("[TYPE:]N", ""),
    "gres": ("LIST", "words"),
    "gres_flags": ("FLAGS", "words"),
    "group_list": ("LIST", ""),
    "hint": ("HINT", "words"),
    "hosts": ("HOSTS", "nodes"),
    "immediate": ("SECONDS", ""),
    "instant": ("WHEN", "words"),
    "jobid": ("JOBID", "jobs"),
    "kill_signal": ("SIGNAL", "words"),
    "mail_type": ("LIST", "words"),
    "mem_bind": ("WAY", "words"),
    "memory": ("SIZE", ""),
    "minutes": ("TIME", ""),
    "mpi": ("KIND", "words"),
    "natural": ("N", ""),
    "nice": ("N", ""),
    "nodefile": ("FILE", "files"),
    "nodes": ("N[-M]", ""),
    "no_kill": ("WORD", "words"),
    "open_mode": ("MODE", "words"),
    "positive": ("N", ""),
    "priority": ("N", "words"),
    "profile": ("LIST", "words"),
    "propagate": ("LIMITS", "words"),
    "sct": ("S[:C[:T]]", ""),
    "send_libs": ("yes|no", "words"),
    "signal": ("SIGNAL[@SECONDS]", "words"),
    "signals": ("SIGNALS", "words"),
    "switches": ("N[@TIME]", ""),
    "uid": ("USER", "users"),
    "x11": ("WHERE", "words"),
    "yes_no": ("yes|no", "words"),
    "zero_one": ("0|1", "words"),
}

_SIGNALS = "HUP INT QUIT KILL USR1 USR2 TERM CONT STOP TSTP"
_JOB_STATES = (
    "PENDING RUNNING SUSPENDED COMPLETING COMPLETED CANCELLED FAILED TIMEOUT NODE_FAIL OUT_OF_MEMORY PREEMPTED DEADLINE"
    " BOOT_FAIL CONFIGURING REQUEUED"
)

WORDS: dict[str, str] = {
    "begin": "now+1hour now+1day today tomorrow midnight noon",
    "compress": "lz4 none",
    "cpu-bind": "none threads cores sockets ldoms rank map_cpu: mask_cpu: verbose quiet help",
    "cpu-freq": "low medium high highm1",
    "deadline": "now+1hour now+1day today tomorrow midnight noon",
    "dependency": "after: afterany: afterok: afternotok: aftercorr: singleton",
    "distribution": "block cyclic plane= arbitrary block:block block:cyclic cyclic:block cyclic:cyclic",
    "exclusive": "user mcs topo",
    "export": "ALL NONE",
    "gpu-bind": "closest none single: map: mask: per_task: verbose,closest",
    "gpu-freq": "low medium high highm1",
    "gres": "gpu: gpu:1 gpu:2 gpu:4 gpu:8 none",
    "gres-flags": "enforce-binding disable-binding",
    "hint": "compute_bound memory_bound multithread nomultithread",
    "kill-command": _SIGNALS,
    "kill-on-bad-exit": "0 1",
    "kill-on-invalid-dep": "yes no",
    "mail-type": "NONE BEGIN END FAIL REQUEUE ALL TIME_LIMIT TIME_LIMIT_90 TIME_LIMIT_80 TIME_LIMIT_50 ARRAY_TASKS",
    "mem-bind": "none local rank map_mem: mask_mem: verbose quiet help",
    "mpi": "none pmi2 pmix list",
    "no-kill": "off",
    "open-mode": "append truncate",
    "priority": "TOP",
    "profile": "none all energy task lustre network",
    "propagate": "ALL NONE AS CORE CPU DATA FSIZE MEMLOCK NOFILE NPROC RSS STACK",
    "send-libs": "yes no",
    "signal": _SIGNALS,
    "ignore-signals": _SIGNALS,
    "state": _JOB_STATES,
    "states": _JOB_STATES,
    "units": "K M G T P",
    "wait-all-nodes": "0 1",
    "with": "binary python auto",
    "x11": "all first last batch",
}
"""Words behind an option, by its name; where commands differ, "command option"."""

WORDS["scancel state"] = "PENDING RUNNING SUSPENDED"
WORDS["sinfo states"] = "alloc comp down drain drained draining fail idle maint mixed planned reserved unknown"

def field_names(command: str, row: Option) -> tuple[str, ...]:
    """The names of output fields that an option of a command takes; () for options that take none."""
    if f"{command} {row.name}" == "squeue Format":
        from mgpu_slurm.facts.fields.job import JOB

        return tuple(dict.fromkeys(field.names[0] for field in JOB.rows if field.names))
    if f"{command} {row.name}" == "sinfo Format":
        from mgpu_slurm.facts.fields.partition import SINFO

        return tuple(dict.fromkeys(field.names[0] for field in SINFO.rows if field.names))
    if row.sets == "format" and command == "sacct":
        from mgpu_slurm.facts.fields import sacct

        return tuple(column.name for column in sacct.COLUMNS)
    if row.sets == "format" and command == "sstat":
        from mgpu_slurm.facts.fields import sstat

        return tuple(column.name for column in sstat.COLUMNS)
    return ()


def place(row: Option) -> tuple[str, str]:
    """Name of what follows the option, and its source."""
    if row.kind == "text" or row.kind not in _KINDS:
        return _FIELDS.get(row.sets) or _KINDS.get(row.name.replace("-", "_")) or ("TEXT", "")
    return _KINDS[row.kind]


def words(command: str, row: Option) -> tuple[str, ...]:
    """The fixed words that are offered behind an option of a command."""
    if place(row)[1] != "words":
        return ()
    text = WORDS.get(f"{command} {row.name}") or WORDS.get(row.name, "")
    return tuple(text.split()) or field_names(command, row)
