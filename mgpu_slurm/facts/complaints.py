"""What to do about complaints that have no number: of arguments, of a configuration, of the hosts of mgpu_cluster.

`...` stands for what differs from case to case. A complaint is advised on by the first row that it fits; the guide
to troubleshooting shows the rows as tables, and a test holds them against the texts in the source.
"""

from __future__ import annotations

_PAGE = "Correct what is named; the manual page of the command (`man mgpu_...`, or `--help`) says what it takes."
_TOGETHER = "The two exclude each other: leave one out, also in the script's `#SBATCH` lines and among `SBATCH_...` variables."
_NAME = "Names are listed by `mgpu_squeue`, `mgpu_sinfo -N`, `mgpu_scontrol show ...`; ids of users by `id`."
_FILE = "The file that is named: is it there, may you read it, does it hold what it should?"
_HELP = "The line above it says what is wrong; `--help` lists the options."

ARGUMENTS: dict[str, str] = {
    "Try \"... --help\" for more information": _HELP,
    "Unknown arguments:": _HELP,
    "Valid job states are PENDING, RUNNING, and SUSPENDED": _HELP,
    "Valid job states include: ...": _HELP,
    "The Slurm controller does not allow scripts that":
        "The script has a NUL byte: it is no text. `file SCRIPT` says what it is.",
    "contain a NULL character '\\0'.": "The script has a NUL byte: it is no text. `file SCRIPT` says what it is.",
    "Batch script is empty!": "The script has no content; give another, or a command with `--wrap`.",
    "Batch script contains only whitespace!": "The script has no content; give another, or a command with `--wrap`.",
    "Script file ... is too large": "A script may have 4 MB, or what MaxScriptSize says; data belong into files beside it.",
    "Invalid directive found in batch script: ...":
        "The `#SBATCH` line that is named: an option of sbatch, as on the command line.",
    "...: line ...: ... in [...]": "The `#SBATCH` lines or the file of programs (`--multi-prog`) at that line.",
    "Line ... of configuration file ... invalid":
        "The file of programs (`--multi-prog`): TASKS PROGRAM ARGUMENT... on each line.",
    "Configuration file ... invalid, no record for task id ...":
        "Each task needs a line in the file of programs; `*` is for all others.",
    "... mutually exclusive...": _TOGETHER,
    "...incompatible with ...": _TOGETHER,
    "... not allowed with ...": _TOGETHER,
    "Conflicting options, ...": _TOGETHER,
    "Cannot specify both ...": _TOGETHER,
    "don't specify both ...": _TOGETHER,
    "Script arguments not permitted with --wrap option": _TOGETHER,
    "Incompatible begin and deadline time specification":
        "The job could not end before its deadline: an earlier `--begin`, a later one.",
    "Start time (...) requested is after end time (...).": "Exchange `-S` and `-E`.",
    "Maximum node count ... is less than minimum node count ...": "`-N` takes MINIMUM-MAXIMUM.",
    "... is not supported by this cluster":
        "This suite does not have it, or a key of the configuration switches it off; leave it out.",
    "... requires LaunchParameters=use_interactive_step": "salloc without a command starts a shell here: leave the option out.",
    "... only permitted by root user": "Ask who administers the cluster, or leave the option out.",
    "... has been removed, please use ...": "As it says.",
    "--relative option invalid for job allocation request": "`--relative` is for steps in a job.",
    "Slurm job completion is disabled": "Leave `-c` out: the history is in `mgpu_sacct` itself.",
    "No DISPLAY variable set, cannot setup x11 forwarding.": "Log in with `ssh -X`, or leave `--x11` out.",
    "Unable to open file ...": _FILE,
    "Could not open ...": _FILE,
    "... is not a valid file": _FILE,
    "Failure getting NodeNames from hostfile": _FILE,
    "Hostlist is empty!": "SLURM_HOSTFILE, or the file of `-w`, names no host.",
    "chdir(...): ...": "The directory of `-D` has to be there where the command runs.",
    "Target filename cannot be a directory.": "`mgpu_sbcast SOURCE DIRECTORY/NAME`.",
    "Can not execute ...": "The program's name: is it there and executable, on PATH or with its directory?",
    "You asked for ... tasks but hostlist specified ... nodes": "`-n` and the hosts of SLURM_HOSTFILE or `-w` have to agree.",
    "No command given to execute.": "`mgpu_srun [options] PROGRAM [argument...]`.",
    "No job identification provided": "Name a job, or choose with `--me`, `-u`, `-p`, `-n`, `-t`.",
    "You didn't give me any jobs to stat.": "`mgpu_sstat JOB`.",
    "Bad ...": _NAME,
    "Invalid user ...": _NAME,
    "Invalid group id: ...": _NAME,
    "Invalid node name ...": _NAME,
    "Invalid job id...": _NAME,
    "Invalid job_step id: ...": _NAME,
    "Kill job error on job id ...: ...": "What follows the job's number is an [error](#errors) with a row of its own.",
    "'...' can't be reached now, or it is an invalid entry for ...":
        "`-M` takes this cluster's name: `mgpu_sacctmgr list clusters`.",
    "memory allocation failure": "The value is larger than a machine can hold: a smaller one.",
    "not a master's address: ...": "`--master-host HOST --master-port PORT`, or MGPU_MASTER=HOST:PORT.",
    "... which hosts?": "Name them, as they are called in `mgpu_cluster status`.",
    "... takes no hosts": "Leave them out; the verb is for the whole cluster.",
    "... means nothing to ...": "The option belongs to another verb: `mgpu_cluster --help`.",
    "... is for mgpu_cluster's own use": "Nobody calls that by hand.",
    "the nodes' lines are written by mgpu_cluster; --set is for other keys":
        "To change a node: change the machine, then `mgpu_cluster up`.",
    "...nvalid ...": _PAGE,
    "...nrecognized ...": _PAGE,
    "Unknown ...": _PAGE,
    "Failed to parse ...": _PAGE,
    "Numeric argument ... too large for ...": _PAGE,
    "Priority must be ...": _PAGE,
    "Duplicate het groups in single srun not supported": "Name each component once in `--het-group`.",
    "too many parameters": _PAGE,
    "unexpected argument: ...": _PAGE,
    "... is not ...": _PAGE,
    "... takes ..., not \"...\"": _PAGE,
    "...--iterate=...": _PAGE,
    "...": _PAGE,
}
"""Of a command's own arguments and environment: nothing was sent anywhere."""

CONFIGURATION: dict[str, str] = {
    "cannot read: ...": "The path of `-f` or MGPU_CONF; the user who runs the daemon or the command has to be able to read it.",
    "cannot read included file ...: ...": "The path behind Include, which begins at the directory of the file that has it.",
    "Include of ... goes in a circle or too deep": "A file includes itself, or 16 others stand between.",
    "larger than ... MiB": "That is no configuration: look what the file is.",
    "SlurmctldHost is not set": "`SlurmctldHost=NAME(ADDRESS)` says where the controller runs.",
    "PrologFlags invalid combination: NoHold cannot be combined with Contain and/or X11":
        "Either nobody waits for the Prolog (NoHold), or jobs have a step `extern` from their start (Contain, X11).",
    "... is not a valid port...": "A number from 1 to 65535, or FIRST-LAST where a range may stand.",
    "MgpuRunDir ... is too long for a socket": "The system allows a socket some 100 characters: a shorter directory.",
    "no configuration file found; use -f CONF, or --node-id without one":
        "As it says; `mgpu_cluster up` or a package writes one.",
    "there is no NodeName=...; name this node with -N":
        "The file has no line for this machine: add what `mgpu_node -C` prints, or `-N`.",
    "\"...\" is not a node name": "Letters, digits, `-`, `_` and `.`; no list of names here.",
    "Invalid node name ... in ...": "The line names a node that no NodeName line has.",
    "Duplicated NodeName ..., first in ...": "A node has one line.",
    "duplicate entry for partition ..., first in ...": "A partition has one line.",
    "...=... stands for ..., NodeName for ...":
        "NodeAddr, NodeHostname and Port stand for as many nodes as NodeName, or for one.",
    "NodeAddr, NodeHostname and BcastAddr are not allowed with NodeName=DEFAULT": "They are each node's own.",
    "NodeName names no node": "`NodeName=gpu[01-04]`.",
    "PartitionName \"...\" is not a name": "Letters, digits, `-`, `_` and `.`.",
    "more than ... nodes": "The list of names stands for more nodes than a cluster may have: look at its brackets.",
    "Count=... does not match the ... of File": "In gres.conf Count is the number of files, or is left out.",
    "a line needs Name or AutoDetect": "A line of gres.conf: `Name=gpu Type=a100 File=/dev/nvidia[0-3]`, or `AutoDetect=nvml`.",
    "... is not a list of numbers": "Numbers and ranges: `0-3,8`.",
    "... needs a line of its own": "NodeName and PartitionName begin their lines.",
    "... value (...) is ...": "The number has to lie between what is told; mgpu.conf(5) has it, too.",
    "... value \"...\" is not ...": "The value's form; mgpu.conf(5) says it for each key.",
    "\"...\" is not a valid option for \"...\"": "mgpu.conf(5) lists the words that the key takes.",
    "Bad value \"...\" for ...": "mgpu.conf(5) says what the key takes.",
    "Parse error: \"...\"": "The line is no KEY=VALUE: a blank or a quotation mark is too many or missing.",
    "...=...: ...": "The list of names: brackets closed, ranges ascending, `gpu[01-04,7]`.",
    "Invalid ... ...": "mgpu.conf(5) says what the key takes.",
}
"""Of a configuration, behind `FILE:LINE: `."""

_WAY = "Try `ssh` with the same words; what it says in addition (`ssh -v`) helps. Options, `~/.ssh/config` and keys are the same."
_KEY = "Compare the fingerprint with what the machine itself says (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there)."
_FIREWALL = "A firewall or the way between them: SlurmctldPort and the nodes' Port have to be open among the machines."
_PLACE = "`--directory` chooses another place on the hosts."
_BINARY = "Build on the oldest system (`packaging/build`) or install Python 3.11 or later there; `--with python` takes that."
_JOBS = "`--wait` waits for the end of the jobs, `--force` cancels them."
_UP = "`mgpu_cluster up`, as often as you like: it goes on where it stopped."

CLUSTER: dict[str, str] = {
    "there is no host of the name ...": "The name: DNS, /etc/hosts, or HostName in `~/.ssh/config`.",
    "... port ... does not answer within ... seconds":
        "The machine is off, or a firewall swallows ssh; `-p` or `:PORT` if it is not 22.",
    "... port ...: ...": "What the system says. Connection refused: no sshd listens there; `-p` or `:PORT` if it is not 22.",
    "... does not talk ssh: ...": "Something else listens on that port.",
    "... may not log in there...": _WAY,
    "the private key ... may not be read": "Its owner and mode (0600).",
    "...jump host...": "The hosts of `-J` or ProxyJump: enter them one by one with ssh.",
    "... cannot reach ... port ...: ...": "The jump host finds no way on from there.",
    "ProxyJump ...: ...": "The line of `~/.ssh/config`.",
    "... host key ... is not known...": _KEY,
    "its host key was not accepted": _KEY,
    "its host key has changed...": _KEY,
    "... is revoked (...)": "Somebody has said in known_hosts that this key is not to be trusted any more: ask who did.",
    "its certificate ...": "The host's certificate, which its authority has to make anew (`ssh-keygen -s CA -h -n NAME`).",
    "... is no certificate": "What the host shows cannot be read: look at HostCertificate in its sshd_config.",
    "its host key cannot be noted: ...: ...": "known_hosts cannot be written; mend that, or note the key by hand.",
    "no answer for ... seconds": "The host is very busy, or its file system hangs. " + _UP,
    "the connection is lost...": "The network, or the host went down. " + _UP,
    "no POSIX shell answers there...": "The login runs something else than a shell (a menu, a notice that an account is closed).",
    "copying ...: ...": "What the host says, often of its disk. " + _UP,
    "runs ...; only Linux can be a node": "Take the host out.",
    "has no ...": "Install these tools there; every Linux has packages for them.",
    "...; choose another place with --directory": _PLACE,
    "...; choose one with --directory": _PLACE,
    "...; --directory chooses another place": _PLACE,
    "does not tell its CPUs or memory (/proc is missing?)": "Mount /proc there.",
    "... belongs to another cluster and stays the default there":
        "A warning: commands there need MGPU_CONF, or the other one's file moved.",
    "... requests would be refused as stale; set it (NTP)": "`timedatectl set-ntp true`, or chrony.",
    "... (NTP?)": "A warning: logs and `--begin` go by the clocks.",
    "is entered as ...": "Log in as root everywhere, or nowhere.",
    "... has the uid ... there and ... on ...: ...": "The account needs one number on all machines.",
    "is the same machine as ...: ...": "A warning: name it once, unless this is a rehearsal.",
    "these users have other numbers, so their jobs fail or are somebody else's there: ...":
        "A warning: give accounts one number everywhere.",
    "cannot resolve ...; MPI or torchrun may need that (/etc/hosts or DNS)": "A warning: as it says.",
    "belongs to a cluster \"...\" that was set up from elsewhere; take another name with --name":
        "As it says; or go on from there.",
    "the name \"...\" belongs to another host": "`NAME=USER@HOST` calls it something else.",
    "the binary needs glibc ...": _BINARY,
    "the binary here is ...": _BINARY,
    "no binary is here (packaging/build makes one)": "As it says; or `--with python`.",
    "it has no Python 3.11 or later with sqlite3, and ...": _BINARY,
    "... can be fetched only by a mgpu_cluster that pip installed": _BINARY,
    "pip could not get ...: ...": "This machine needs the way to the packages once; or build the binary.",
    "the package ... is not installed here": "`bin/.venv-make` in a checkout, or `pip install mgpu-slurm`.",
    "this mgpu_slurm is neither a checkout nor installed by pip": "Take one of the two, or the binary.",
    "does not come into service within ... s...":
        "The log's end says why; `--timeout` waits longer, `mgpu_cluster logs NAME` shows more.",
    "cannot reach the controller: ...": _FIREWALL,
    "the controller cannot reach it: ...": _FIREWALL,
    "nobody listens": "Whoever was to read the log has gone.",
    "... was to run the controller, nothing is started": "Why stands above it. Another host: `--controller`.",
    "the controller's host ... nothing ...": "Why stands above it. " + _UP,
    "the controller runs on ...; it moves only with its state: down, then up": "As it says.",
    "the configuration would not do: ...": "The `--set` that is named, or its KEY.",
    "... is no key of the configuration": "The spelling of `--set`; mgpu.conf(5) lists the keys.",
    "the cluster's directory cannot change while it lives: down, then up with --directory": "As it says.",
    "there is no cluster \"...\"; `mgpu_cluster up HOST...` makes one":
        "`--name`, or MGPU_CLUSTER; clusters are known to who set them up.",
    "which hosts? `mgpu_cluster up user@host1 user@host2 ...`": "As it says.",
    "--controller: ...": "A host: `[NAME=][USER@]HOST[:PORT]`.",
    "no host can be entered": "Why stands above it.",
    "... runs the controller; `mgpu_cluster down` ends the whole cluster": "As it says.",
    "a host is named twice": "Name it once.",
    "\"...\" is not in the cluster (there are: ...)": "One of those that it lists.",
    "...--force ends them all the same": "Bring the controller back first (`mgpu_cluster up`), or `--force`.",
    "... jobs run or wait; --wait waits for their end, --force cancels them": _JOBS,
    "another mgpu_cluster is at work on the cluster \"...\"": "Wait until it has ended.",
    "... was written by a newer mgpu_cluster": "Take that one.",
    "... is damaged; remove it and run `mgpu_cluster up` with all hosts again": "As it says.",
    "...: there is no such file": "The path of `-F`.",
    "there is no user before the @ in \"...\"": "`USER@HOST`.",
    "\"...\" is not [USER@]HOST[:PORT]": "As it says; an IPv6 address stands in brackets.",
    "...: ...": "What the host or the system says of what was being done there. `-v` shows each step.",
    "\"...\" in \"...\" is not a ...":
        "`NAME=USER@HOST:PORT`: a name of letters, digits, `-`, `_` and `.`, a port from 1 to 65535.",
}
"""Of mgpu_cluster: why a host FAILED, what it warns of, and why nothing was done."""


def advice(table: dict[str, str], text: str) -> str:
    """The row of the table that a text fits; "" where there is none."""
    import re

    for key in table:
        if re.fullmatch(re.escape(key).replace(re.escape("..."), ".*"), text, re.S):
            return key
    return ""
