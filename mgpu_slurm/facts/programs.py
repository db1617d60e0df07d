"""Every program of the suite: what it does, what it takes, its options in groups, and which of them are used most.

`--help`, the manual pages and the completions of the shells are made from this and the tables of options.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.facts.option import Option

SLURM = (
    "sbatch", "srun", "salloc", "squeue", "scancel", "sinfo", "scontrol", "sacct", "sstat", "sprio", "sdiag", "sattach", "sbcast",
    "sacctmgr", "sshare", "sreport",
)  # fmt: skip
"""Programs that Slurm has as well, under these names."""

WHAT: dict[str, tuple[str, str]] = {
    "sbatch": ("submit a batch job", "[options] [script [argument...]]"),
    "srun": ("run parallel tasks", "[options] program [argument...]"),
    "salloc": ("obtain an allocation and run a command in it", "[options] [command [argument...]]"),
    "squeue": ("list jobs", "[options]"),
    "scancel": ("end jobs or send them a signal", "[options] [job...]"),
    "sinfo": ("list partitions and nodes", "[options]"),
    "scontrol": ("show and change jobs, nodes and partitions", "[options] [command]"),
    "sacct": ("show the history of jobs and steps", "[options]"),
    "sstat": ("show what running steps use", "[options] [job[.step]...]"),
    "sprio": ("show the priorities of waiting jobs", "[options]"),
    "sdiag": ("show what the controller does", "[options]"),
    "sacctmgr": ("list the cluster and what it counts", "[options] list|show entity [name...] [format=field,...]"),
    "sshare": ("show the shares of accounts", "[options]"),
    "sreport": ("refuse reports of accounts' usage", "[options] [report]"),
    "sattach": ("follow a step that runs", "[options] job.step"),
    "sbcast": ("copy a file to the nodes of a job", "[options] source destination"),
    "doctor": ("check this machine and its cluster", "[options]"),
    "cluster": ("make a cluster of hosts that are reached by ssh", "[options] verb [host...]"),
    "master": ("the controller of a cluster", "[options]"),
    "node": ("the daemon of a machine that runs jobs", "[options]"),
    "client": ("submit, list and end jobs, the first generation's way", "[options] verb [argument...]"),
    "queue": ("list the jobs that wait and run", "[options]"),
    "cancel": ("end jobs", "[options] job..."),
}
"""Program -> what it does, and what it takes."""

MOST_USED: dict[str, str] = {
    "sbatch": "time job-name partition nodes ntasks cpus-per-task mem gres gpus array output error dependency wrap",
    "srun": "ntasks nodes ntasks-per-node cpus-per-task gres gpus mem time partition label pty output",
    "salloc": "time partition nodes ntasks cpus-per-task mem gres gpus job-name no-shell",
    "squeue": "user me jobs states partitions format noheader start long",
    "scancel": "me user name state signal partition",
    "sinfo": "Node format states partition noheader long summarize list-reasons",
    "scontrol": "details oneliner",
    "sacct": "jobs user starttime endtime state allocations format parsable2 noheader",
    "sstat": "jobs format allsteps noheader parsable2",
    "sprio": "jobs user long format",
    "sdiag": "reset",
    "sacctmgr": "noheader parsable2",
    "sshare": "format parsable2",
    "sreport": "version",
    "sattach": "label layout pty",
    "sbcast": "force preserve jobid",
    "cluster": "name dry-run controller set with wait force",
}
"""In the order in which --help shows them. The order of sbatch's and srun's is that of real job scripts."""

QUERY_GROUPS = (
    ("which", "Which:"),
    ("what", "How they are shown:"),
    ("how", "More:"),
    ("cluster", "Other clusters:"),
    ("help", "Help:"),
)

_FIELD_GROUPS = {
    "which": "accounts account all all_users allocations associations batch by_node constraints dead duplicates end flags full"
    " future groups hide jobid jobs licenses me name names nodelist nodes notme num_cpus num_nodes partition partitions qos"
    " reasons reservation reservations responding start state states steps uid user users wckey wckeys least_limit most_limit"
    " error_filter input_filter output_filter all_steps",
    "what": "array brief delimiter details environment exact expand format iterate json layout long names_format noconvert"
    " noheader norm oneliner only_state parsable parsable2 pidformat priority script sort summarize truncate units weights whole"
    " whole_het yaml label by_id by_time by_mean",
    "cluster": "clusters federation local sibling all_clusters",
    "help": "help usage version verbose quiet helpformat helpnames helpstate helpreason",
}
_GROUP_OF = {field: group for group, fields in _FIELD_GROUPS.items() for field in fields.split()}

_TABLES = {
    "master": ("daemons", "MASTER"), "node": ("daemons", "NODE"), "client": ("daemons", "CLIENT"),
    "queue": ("daemons", "CLIENT"), "cancel": ("daemons", "CLIENT"),
}  # fmt: skip


def shown(program: str) -> str:
    """The name in texts: Slurm's own where Slurm has the program."""
    return program if program in SLURM else f"mgpu_{program}"


def rows(program: str) -> tuple[Option, ...]:
    """All options of a program, hidden ones too."""
    from mgpu_slurm.facts import options

    if program in options.LETTER:
        return options.of(program)
    module, name = _TABLES.get(program, (program, "ROWS"))
    path = f"mgpu_slurm.facts.queries.{module}"
    __import__(path)
    found: tuple[Option, ...] = getattr(sys.modules[path], name)
    return found


def visible(program: str) -> list[tuple[Option, list[str]]]:
    """The options that texts show, each with the other names it has."""
    from mgpu_slurm.facts.option import BARE_KINDS

    favourites = MOST_USED.get(program, "").split()
    families: dict[tuple[object, ...], list[Option]] = {}
    for row in rows(program):
        if row.group == "hidden" or not row.help:
            continue
        same: tuple[object, ...] = (row.sets, row.letter, row.kind)
        if row.group or not row.name:
            same = (row.name, row.letter)
        elif row.kind in BARE_KINDS:
            same = (row.sets, row.letter, row.help)
        families.setdefault(same, []).append(row)
    found = []
    for family in families.values():
        best = next((row for row in family if row.name in favourites), max(family, key=lambda row: len(row.name)))
        found.append((best, [row.name for row in family if row is not best and row.name]))
    return found


def groups(program: str) -> list[tuple[str, list[tuple[Option, list[str]]]]]:
    """Title and options of each group: those used most first, then the others by what they are about."""
    from mgpu_slurm.facts import options

    every = visible(program)
    favourites = {name: at for at, name in enumerate(MOST_USED.get(program, "").split())}
    first = sorted((one for one in every if one[0].name in favourites), key=lambda one: favourites[one[0].name])
    rest = [one for one in every if one[0].name not in favourites]
    if not favourites:
        return [("Options:", rest)]
    if program in options.LETTER:
        named = [(title, [one for one in rest if one[0].group == group]) for group, title in options.GROUPS]
    else:
        named = [(title, [one for one in rest if _group(one[0]) == group]) for group, title in QUERY_GROUPS]
    return [("Used most:", first), *((title, members) for title, members in named if members)]


def _group(row: Option) -> str:
    return _GROUP_OF.get(row.sets, "how")


def verbs(program: str) -> list[tuple[str, str]]:
    """What a program with commands of its own takes, and what each does; [] for the others."""
    if program == "cluster":
        from mgpu_slurm.facts.queries import cluster

        return [(f"{verb} {taken}".rstrip(), what) for verb, taken, what in cluster.VERBS]
    if program == "scontrol":
        from mgpu_slurm.facts.queries import scontrol

        told = " ".join(left for left, _ in scontrol.COMMANDS).replace(",", " ").split()
        others = [name for name, *_ in scontrol.KEYWORDS if name not in told and not (name == "holdu" and "uhold" in told)]
        return [*scontrol.COMMANDS, *([(", ".join(others), "as in Slurm's scontrol")] if others else [])]
    return list(_CLIENT_VERBS) if program == "client" else []


_CLIENT_VERBS = (
    ("submit [--gpus N] COMMAND", "run COMMAND as a batch job, with sbatch's options; its output goes to slurm-ID.out here"),
    ("queue", "list the jobs that wait and run"),
    ("cancel ID...", "end jobs, or take them out of the queue"),
)
