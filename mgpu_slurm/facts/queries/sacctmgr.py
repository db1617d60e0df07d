"""sacctmgr's options and what it lists. No accounts, QOS or associations are kept here: their lists are empty.

An entity may be shortened to the letters beside it. A field of --format is found by the first name that begins with the
word; its header is what Slurm writes above it.
"""

from __future__ import annotations

from mgpu_slurm.facts.option import AUTOCOMPLETE, Option


def _row(name: str, letter: str, kind: str, sets: str, help: str, since: tuple[int, int] | None = None) -> Option:
    return Option(name, letter, "", kind, sets, "", help, "", since, None, name in ("json", "yaml"))


ROWS: tuple[Option, ...] = (
    _row("help", "h", "help", "help", "list the options and keywords"),
    _row("usage", "h", "help", "help", "list the options and keywords"),
    _row("immediate", "i", "flag", "immediate", "do not ask before a change"),
    _row("noheader", "n", "flag", "noheader", "no header"),
    _row("oneliner", "o", "flag", "oneliner", "one line per record"),
    _row("parsable", "p", "flag", "parsable", "fields ended by |"),
    _row("parsable2", "P", "flag", "parsable2", "fields separated by |"),
    _row("quiet", "Q", "flag", "quiet", "no messages but errors"),
    _row("readonly", "r", "flag", "readonly", "change nothing"),
    _row("associations", "s", "flag", "associations", "associations beside users and accounts"),
    _row("verbose", "v", "count", "verbose", "more about what is done"),
    _row("version", "V", "version", "version", "the version"),
    _row("json", "", "text", "json", "JSON", (23, 2)),
    _row("yaml", "", "text", "yaml", "YAML", (23, 2)),
    AUTOCOMPLETE,
)

ENTITIES: tuple[tuple[str, int, str], ...] = (
    ("accounts", 2, "account descr org"),
    ("associations", 2, "cluster account user partition share priority grpjobs grptres grpsubmit grpwall grptresmins maxjobs"
     " maxtres maxtrespernode maxsubmit maxwall maxtresmins qos defaultqos grptresrunmin"),
    ("clusters", 2, "cluster controlhost controlport rpc share grpjobs grptres grpsubmit maxjobs maxtres maxsubmit maxwall qos"
     " defaultqos"),
    ("events", 1, "cluster nodename%-15 timestart timeend state reason user"),
    ("federations", 1, "federation cluster id%2 features fedstate"),
    ("problems", 1, "cluster account user problem"),
    ("qos", 1, "name priority gracetime preempt preemptexempttime preemptmode flags usagethres usagefactor grptres grptresmins"
     " grptresrunmin grpjobs grpsubmit grpwall maxtres maxtrespernode maxtresmins maxwall maxtrespu maxjobspu maxsubmitpu"
     " maxtrespa maxjobspa maxsubmitpa mintres"),
    ("resources", 4, "name server type count allocated servertype"),
    ("reservations", 4, "cluster name%15 tres%30 timestart timeend unusedwall"),
    ("runawayjobs", 2, ""),
    ("transactions", 2, "time action actor where info"),
    ("tres", 2, "type name%15 id"),
    ("users", 1, "user defaultaccount adminlevel"),
    ("wckeys", 1, "wckey cluster user"),
)  # fmt: skip
"""Entity, fewest letters, fields without --format."""

DOCUMENTS = {"tres": "TRES"}
"""What a list is called in --json, where that is not the entity's own name."""

FIELDS: tuple[tuple[str, str, int], ...] = (
    ("account", "Account", 10), ("action", "Action", 20), ("actor", "Actor", 10), ("adminlevel", "Admin", 9),
    ("allocated", "% Allocated", 11), ("classification", "Class", 9), ("cluster", "Cluster", 10),
    ("controlhost", "ControlHost", 15), ("controlport", "ControlPort", 12), ("coordinators", "Coord Accounts", 20),
    ("count", "Count", 6), ("defaultaccount", "Def Acct", 10), ("defaultqos", "Def QOS", 9), ("defaultwckey", "Def WCKey", 10),
    ("descr", "Descr", 20), ("fairshare", "Share", 9), ("features", "Features", 20), ("federation", "Federation", 10),
    ("fedstate", "FedState", 12), ("flags", "Flags", 40), ("gracetime", "GraceTime", 10), ("grpjobs", "GrpJobs", 7),
    ("grpsubmitjobs", "GrpSubmit", 9), ("grptres", "GrpTRES", 13), ("grptresmins", "GrpTRESMins", 13),
    ("grptresrunmins", "GrpTRESRunMins", 13), ("grpwall", "GrpWall", 11), ("id", "ID", 6), ("info", "Info", 20),
    ("lft", "LFT", 6), ("maxjobs", "MaxJobs", 7), ("maxjobspa", "MaxJobsPA", 9), ("maxjobspu", "MaxJobsPU", 9),
    ("maxsubmitjobs", "MaxSubmit", 9), ("maxsubmitpa", "MaxSubmitPA", 11), ("maxsubmitpu", "MaxSubmitPU", 11),
    ("maxtres", "MaxTRES", 13), ("maxtresmins", "MaxTRESMins", 13), ("maxtrespernode", "MaxTRESPerNode", 14),
    ("maxtrespa", "MaxTRESPA", 13), ("maxtrespu", "MaxTRESPU", 13), ("maxwall", "MaxWall", 11), ("mintres", "MinTRES", 13),
    ("name", "Name", 10), ("nodename", "NodeName", 15), ("organization", "Org", 20), ("parentname", "ParentName", 10),
    ("partition", "Partition", 10), ("preempt", "Preempt", 10), ("preemptexempttime", "PreemptExemptTime", 19),
    ("preemptmode", "PreemptMode", 11), ("priority", "Priority", 10), ("problem", "Problem", 40), ("qos", "QOS", 20),
    ("rgt", "RGT", 6), ("reason", "Reason", 30), ("rpc", "RPC", 5), ("server", "Server", 10), ("servertype", "ServerType", 10),
    ("share", "Share", 9), ("state", "State", 6), ("time", "Time", 19), ("timeend", "TimeEnd", 19),
    ("timestart", "TimeStart", 19), ("tres", "TRES", 20), ("type", "Type", 8), ("unusedwall", "UnusedWall", 10),
    ("usagefactor", "UsageFactor", 11), ("usagethreshold", "UsageThres", 10), ("user", "User", 10), ("wckey", "WCKey", 10),
    ("where", "Where", 20),
    # names that only stand for another one's column, or that are rarely asked for
    ("associations", "Assocs", 10), ("clusternodes", "Cluster Nodes", 20), ("cpucount", "CPU Cnt", 7),
    ("duration", "Duration", 13),
    ("end", "TimeEnd", 19), ("event", "Event", 7), ("eventraw", "EventRaw", 8), ("grpcpumins", "GrpCPUMins", 11),
    ("grpcpurunmins", "GrpCPURunMins", 13), ("grpcpus", "GrpCPUs", 8), ("grpjobsaccrue", "GrpJobsAccrue", 13),
    ("grpmemory", "GrpMem", 7), ("grpnodes", "GrpNodes", 8), ("limitfactor", "LimitFactor", 11),
    ("maxcpuminsperjob", "MaxCPUMins", 11), ("maxcpus", "MaxCPUs", 8), ("maxcpusperuser", "MaxCPUsPU", 9),
    ("maxcpuspu", "MaxCPUsPU", 9), ("maxjobsaccruepa", "MaxJobsAccruePA", 15), ("maxjobsaccrueperaccount", "MaxJobsAccruePA", 15),
    ("maxjobsaccrueperuser", "MaxJobsAccruePU", 15), ("maxjobsaccruepu", "MaxJobsAccruePU", 15),
    ("maxjobsperaccount", "MaxJobsPA", 9), ("maxjobsperuser", "MaxJobsPU", 9), ("maxnodes", "MaxNodes", 8),
    ("maxnodesperuser", "MaxNodesPU", 10), ("maxnodespu", "MaxNodesPU", 10), ("maxsubmitjobsperaccount", "MaxSubmitPA", 11),
    ("maxsubmitjobsperuser", "MaxSubmitPU", 11), ("maxtresminsperjob", "MaxTRESMins", 13), ("maxtresperaccount", "MaxTRESPA", 13),
    ("maxtresperjob", "MaxTRES", 13), ("maxtresperuser", "MaxTRESPU", 13), ("maxtresrunminsperaccount", "MaxTRESRunMinsPA", 15),
    ("maxtresrunminspa", "MaxTRESRunMinsPA", 15), ("maxtresrunminsperuser", "MaxTRESRunMinsPU", 15),
    ("maxtresrunminspu", "MaxTRESRunMinsPU", 15), ("maxwalldurationperjob", "MaxWall", 11), ("mincpus", "MinCPUs", 8),
    ("minpriothreshold", "MinPrioThres", 12), ("mintresperjob", "MinTRES", 13), ("nodecount", "NodeCount", 9),
    ("nodenames", "NodeName", 15), ("parentid", "ParentID", 8), ("pluginidselect", "PluginIDSelect", 14),
    ("qosraw", "QOS_RAW", 10),
    ("qoslevel", "QOS", 20), ("start", "TimeStart", 19), ("stateraw", "StateRaw", 8), ("description", "Descr", 20),
)  # fmt: skip
"""Name, header, width."""

WITH_ASSOCIATIONS = {
    "users": " cluster account partition share priority maxjobs maxnodes maxcpus maxsubmit maxwall maxcpumins qos defaultqos",
    "accounts": " cluster parentname user share priority grpjobs grpnodes grpcpus grpmem grpsubmit grpwall grpcpumins maxjobs"
    " maxnodes maxcpus maxsubmit maxwall maxcpumins qos defaultqos",
}
"""What -s or WithAssoc adds."""

NO_ENTITY = """\
No valid entity in list command
Input line must include "Account", "Association", "Cluster", "Configuration",
"Event", "Federation", "Problem", "QOS", "Resource", "Reservation",
"RunAwayJobs", "Stats", "Transaction", "TRES", "User", or "WCKey"
"""

HELP = """\
sacctmgr [OPTIONS] list|show ENTITY [NAME...] [where KEY=VALUE...] [format=FIELD,...]

Lists what the cluster counts. Entities: account, association, cluster, event, federation, problem, qos, resource,
reservation, runawayjobs, transaction, tres, user, wckey.
"""

UNSUPPORTED = """\
You are not running a supported accounting_storage plugin
Only 'accounting_storage/slurmdbd' is supported.
"""
"""What asks for accounts, shares or their limits to be kept is answered so."""
