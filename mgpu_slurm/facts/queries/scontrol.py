"""scontrol's options, its keywords and the keys of `update`.

A keyword may be shortened down to the number of letters beside it; in both lists the first row that fits is meant.
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
    Option("usage", "", "", "help", "help", "", "list the options and keywords"),
    Option("verbose", "v", "", "count", "verbose", "", "more about what is done"),
    Option("version", "V", "", "version", "version", "", "the version"),
    Option("yaml", "", "", "text", "yaml", "", "YAML", since=(23, 2), optional=True),
    AUTOCOMPLETE,
)

# keyword, fewest letters, fewest words behind it, most words behind it (None: any number)
KEYWORDS: tuple[tuple[str, int, int, int | None], ...] = (
    ("all", 2, 0, 0),
    ("completing", 3, 0, 0),
    ("details", 1, 0, 0),
    ("errnumstr", 2, 1, 1),
    ("exit", 3, 0, 0),
    ("help", 2, 0, 0),
    ("hide", 2, 0, 0),
    ("hold", 4, 1, None),
    ("holdu", 5, 1, None),
    ("uhold", 5, 1, None),
    ("oneliner", 1, 0, 0),
    ("pidinfo", 3, 1, 1),
    ("ping", 3, 0, 0),
    ("quiet", 4, 0, 0),
    ("quit", 4, 0, 0),
    ("reconfigure", 3, 0, 0),
    ("release", 3, 1, None),
    ("requeue", 3, 1, None),
    ("requeuehold", 8, 1, None),
    ("resume", 3, 1, None),
    ("show", 3, 1, 2),
    ("shutdown", 3, 0, 1),
    ("suspend", 2, 1, None),
    ("takeover", 2, 0, 1),
    ("top", 3, 1, None),
    ("update", 1, 0, None),
    ("verbose", 4, 0, 0),
    ("version", 4, 0, 0),
    ("wait_job", 2, 1, 1),
    ("write", 2, 1, 3),
)

# entity of show, fewest letters
ENTITIES: tuple[tuple[str, int], ...] = (
    ("aliases", 1),
    ("config", 1),
    ("daemons", 2),
    ("hostlistsorted", 9),
    ("hostlist", 5),
    ("hostnames", 5),
    ("jobs", 1),
    ("licenses", 2),
    ("nodes", 1),
    ("partitions", 1),
    ("reservations", 1),
    ("steps", 2),
    ("topology", 1),
)

# key of `update job`, fewest letters, the controller's name for it ("" its own in lower case)
JOB_KEYS: tuple[tuple[str, int, str], ...] = (
    ("AdminComment", 6, ""),
    ("SiteFactor", 5, ""),
    ("ArrayTaskThrottle", 10, ""),
    ("Comment", 3, ""),
    ("Clusters", 8, ""),
    ("DelayBoot", 5, ""),
    ("Extra", 3, ""),
    ("TimeLimit", 5, ""),
    ("TimeMin", 5, ""),
    ("Priority", 2, ""),
    ("Nice", 2, ""),
    ("CPUsPerTask", 9, ""),
    ("CpusPerTres", 9, ""),
    ("NumCPUs", 6, ""),
    ("NumTasks", 8, ""),
    ("ReqProcs", 8, "numcpus"),
    ("Requeue", 4, ""),
    ("ReqNodes", 8, "numnodes"),
    ("NumNodes", 8, ""),
    ("ReqSockets", 4, ""),
    ("ReqCores", 4, ""),
    ("TasksPerNode", 2, "ntaskspernode"),
    ("NtasksPerNode", 8, ""),
    ("ReqThreads", 4, ""),
    ("MinCPUsNode", 4, ""),
    ("MinMemoryNode", 10, ""),
    ("MinMemoryCPU", 10, ""),
    ("MinTmpDiskNode", 5, ""),
    ("Partition", 2, ""),
    ("QOS", 2, ""),
    ("ReservationName", 3, ""),
    ("Name", 2, ""),
    ("JobName", 4, ""),
    ("WCKey", 1, ""),
    ("StdErr", 6, ""),
    ("StdIn", 5, ""),
    ("StdOut", 6, ""),
    ("Switches", 5, ""),
    ("OverSubscribe", 2, ""),
    ("Shared", 2, ""),
    ("Contiguous", 3, ""),
    ("CoreSpec", 4, ""),
    ("MemPerTres", 5, ""),
    ("ThreadSpec", 4, ""),
    ("TresBind", 5, ""),
    ("TresFreq", 5, ""),
    ("TresPerJob", 8, ""),
    ("TresPerNode", 8, ""),
    ("TresPerSocket", 8, ""),
    ("TresPerTask", 8, ""),
    ("ExcNodeList", 3, ""),
    ("ReqNodeList", 8, ""),
    ("NodeList", 8, ""),
    ("Features", 1, ""),
    ("Prefer", 3, ""),
    ("Gres", 2, ""),
    ("Account", 1, ""),
    ("BurstBuffer", 1, ""),
    ("Dependency", 1, ""),
    ("Licenses", 1, ""),
    ("EligibleTime", 2, ""),
    ("StartTime", 2, ""),
    ("EndTime", 2, ""),
    ("Reboot", 3, ""),
    ("Deadline", 3, ""),
    ("WorkDir", 2, ""),
    ("MailType", 5, ""),
    ("MailUser", 5, ""),
    ("MCSLabel", 4, ""),
)

# first word of update: fewest letters, what is updated
SUBJECTS: tuple[tuple[str, int, str], ...] = (
    ("JobId", 3, "job"),
    ("JobName", 4, "jobname"),
    ("NodeName", 3, "node"),
    ("PartitionName", 4, "partition"),
    ("StepId", 4, "step"),
    ("ReservationName", 3, "reservation"),
)

NODE_STATES_TEXT = (
    "Valid states are: NoResp DRAIN FAIL FUTURE RESUME POWER_DOWN POWER_UP UNDRAIN",
    "Not all states are valid given a node's prior state",
)

HELP = """\
scontrol [OPTIONS] [COMMAND]

Without a command, commands are read from standard input. Commands:
  show ENTITY [ID]            aliases, config, daemons, hostlist, hostlistsorted, hostnames, job, licenses, node,
                              partition, reservation, step, topology
  update KEY=VALUE...         change a job, node, partition or step
  hold, uhold, release ID...  keep waiting jobs from starting, and let them again
  requeue, requeuehold ID...  put batch jobs back into the queue
  suspend, resume ID...       stop and continue jobs
  top ID...                   put a job first among one's own
  wait_job ID                 wait until the nodes of a job are ready
  write batch_script ID [FILE]
  ping, reconfigure, shutdown, takeover, version, errnumstr N, completing
  all, hide, details, oneliner, quiet, verbose, help, exit, quit, !!
"""
