"""scontrol's options and its keywords; the keys of `update` are in scontrol_keys.py.

A keyword may be shortened down to the number of letters beside it; the first row that fits is meant.
"""

from __future__ import annotations

from mgpu_slurm.facts.option import AUTOCOMPLETE, Option

ROWS: tuple[Option, ...] = (
    Option("all", "a", "", "flag", "all", "", "hidden partitions too", "SCONTROL_ALL"),
    Option("cluster", "M", "", "text", "clusters", "", "other clusters", "SLURM_CLUSTERS"),
    Option("clusters", "M", "", "text", "clusters", "", "other clusters", "SLURM_CLUSTERS"),
    Option("details", "d", "", "flag", "details", "", "more about each record"),
    Option("federation", "", "", "flag", "federation", "", "all clusters of a federation", "SCONTROL_FEDERATION"),
    Option("future", "F", "", "flag", "future", "", "FUTURE nodes too", "SCONTROL_FUTURE"),
    Option("help", "h", "", "help", "help", "", "list the options and keywords"),
    Option("hide", "", "", "flag", "hide", "", "no hidden partitions"),
    Option("json", "", "", "text", "json", "", "JSON", since=(23, 2), optional=True),
    Option("local", "", "", "flag", "local", "", "this cluster only", "SCONTROL_LOCAL"),
    Option("oneliner", "o", "", "flag", "oneliner", "", "one line per record"),
    Option("quiet", "Q", "", "flag", "quiet", "", "no messages but errors"),
    Option("sibling", "", "", "flag", "sibling", "", "siblings of a federation", "SCONTROL_SIBLING"),
    Option("uid", "u", "", "text", "uid", "", "act as this user"),
    Option("usage", "h", "", "help", "help", "", "list the options and keywords"),
    Option("verbose", "v", "", "count", "verbose", "", "more about what is done"),
    Option("version", "V", "", "version", "version", "", "the version"),
    Option("yaml", "", "", "text", "yaml", "", "YAML", since=(23, 2), optional=True),
    AUTOCOMPLETE,
)

# keyword, fewest letters, fewest words behind it, most words behind it (None: any number)
KEYWORDS: tuple[tuple[str, int, int, int | None], ...] = (
    ("abort", 5, 0, 1),
    ("all", 2, 0, 0),
    ("cancel_reboot", 3, 1, None),
    ("cluster", 2, 0, 1),
    ("completing", 3, 0, 0),
    ("create", 2, 1, None),
    ("delete", 3, 1, None),
    ("details", 1, 0, 0),
    ("errnumstr", 2, 1, 1),
    ("exit", 3, 0, 0),
    ("fsdampeningfactor", 3, 1, 1),
    ("getent", 6, 0, None),
    ("help", 2, 0, 0),
    ("hide", 2, 0, 0),
    ("hold", 4, 1, None),
    ("holdu", 5, 1, None),
    ("uhold", 5, 1, None),
    ("listpids", 1, 0, 2),
    ("notify", 1, 2, None),
    ("oneliner", 1, 0, 0),
    ("pidinfo", 3, 1, 1),
    ("ping", 3, 0, 0),
    ("quiet", 4, 0, 0),
    ("quit", 4, 0, 0),
    ("reconfigure", 3, 0, None),
    ("reboot", 3, 0, None),
    ("release", 3, 1, None),
    ("requeue", 3, 1, None),
    ("requeuehold", 8, 1, None),
    ("resume", 3, 1, None),
    ("schedloglevel", 3, 1, 1),
    ("setdebug", 3, 1, 1),
    ("setdebugflags", 9, 1, 1),
    ("show", 3, 1, 2),
    ("shutdown", 3, 0, 1),
    ("suspend", 2, 1, None),
    ("takeover", 2, 0, 1),
    ("token", 3, 0, None),
    ("top", 3, 1, None),
    ("update", 1, 0, None),
    ("verbose", 4, 0, 0),
    ("version", 4, 0, None),
    ("wait_job", 2, 1, 1),
    ("write", 5, 1, 3),
)

# what is said where words are missing, if it is not the usual sentence
TOO_MANY: dict[str, str] = {"takeover": "{}: too many arguments"}
TOO_FEW: dict[str, str] = {
    "cancel_reboot": "missing argument for keyword:{}",
    "create": "too few arguments for {} keyword",
    "delete": "too few arguments for {} keyword",
    "errnumstr": "one arguments required for keyword:{}",
    "pidinfo": "missing argument for keyword:{}",
}

DEBUG_LEVELS = ("quiet", "fatal", "error", "info", "verbose", "debug", "debug2", "debug3", "debug4", "debug5")
DEBUG_FLAGS = frozenset((
    "accrue", "agent", "backfill", "backfillmap", "burstbuffer", "cgroup", "cpu_bind", "cpufrequency", "data", "dbd_agent",
    "dependency", "elasticsearch", "energy", "extsensors", "federation", "frontend", "gang", "gres", "hetjob", "influxdb",
    "jag", "jobacctgather", "jobcomp", "jobcontainer", "license", "network", "networkraw", "nodefeatures", "nohave",
    "nonodes", "oversubscribe", "power", "powersave", "priority", "profile", "protocol", "reservation", "route", "script",
    "selecttype", "steps", "switch", "timecray", "tls", "tracejobs", "triggers", "workq",
))  # fmt: skip

# entity of show, fewest letters
ENTITIES: tuple[tuple[str, int], ...] = (
    ("aliases", 1),
    ("assoc_mgr", 2),
    ("bbstat", 2),
    ("burstbuffer", 2),
    ("cache", 2),
    ("config", 1),
    ("daemons", 2),
    ("dwstat", 2),
    ("federation", 3),
    ("frontend", 3),
    ("hostlistsorted", 9),
    ("hostlist", 5),
    ("hostnames", 5),
    ("jobs", 1),
    ("jobid", 1),
    ("licenses", 2),
    ("nodes", 1),
    ("partitions", 2),
    ("partitionname", 2),
    ("reservations", 1),
    ("reservationname", 1),
    ("slurmd", 2),
    ("steps", 2),
    ("topology", 1),
)

# keys of `update` and an old name that show hears as well, and the entity meant
ENTITY_KEYS: dict[str, str] = {
    "cache": "assoc_mgr", "jobid": "jobs", "partitionname": "partitions", "reservationname": "reservations",
}  # fmt: skip

COMMANDS: tuple[tuple[str, str], ...] = (
    ("show ENTITY [ID]", "aliases, config, daemons, hostlist, hostlistsorted, hostnames, job, licenses, node, partition,"
     " reservation, slurmd, step, topology"),
    ("update KEY=VALUE...", "change a job, node, partition, step or reservation"),
    ("create KEY=VALUE...", "make a partition or a reservation"),
    ("delete ENTITY=ID", "remove a partition, a reservation or nodes that no job is on"),
    ("hold, uhold, release ID...", "keep waiting jobs from starting, and let them again"),
    ("requeue, requeuehold ID...", "put batch jobs back into the queue"),
    ("suspend, resume ID...", "stop and continue jobs"),
    ("top ID...", "put a job first among one's own"),
    ("wait_job ID", "wait until the nodes of a job are ready"),
    ("write batch_script ID [FILE]", "a job's script into a file (slurm-ID.sh), or with - to standard output"),
    ("ping, reconfigure, shutdown, abort, takeover", "the controller"),
    ("write config [FILE]", "the configuration into FILE.TIME, or beside the file it came from"),
    ("reboot, cancel_reboot NODES", "checked, and refused: there is no program that reboots machines"),
    ("setdebug, setdebugflags, schedloglevel", "levels of the daemons' logs, checked without an effect"),
    ("fsdampeningfactor, token, cluster", "as far as they mean something without Slurm's database"),
    ("completing", "jobs whose nodes are not yet done with them"),
    ("notify ID TEXT", "a message to the user of a job"),
    ("listpids [ID[.STEP] [NODE]]", "processes of steps on this machine"),
    ("pidinfo PID", "the job that a process of this machine belongs to"),
    ("getent [NODE]", "user and, with LaunchParameters=enable_nss_slurm, groups of each step on a node of this machine"),
    ("errnumstr N, version", "the text of an error number; the version"),
    ("all, hide, details, oneliner, quiet, verbose", "set the way in which is shown what follows"),
    ("help, exit, quit, !!", "while commands are read from standard input, where there is none on the line"),
)  # fmt: skip
"""What --help and the manual say of the commands."""
