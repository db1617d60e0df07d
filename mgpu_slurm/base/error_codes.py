"""Slurm's error numbers, their texts and their symbols, as data.

The numbers travel in replies and become the exit status of `scancel` (modulo 256), so they are Slurm's own.
`TEXT` is what the documented version prints; `TEXT_22_05` holds only what 22.05 prints otherwise; `LATER` are the codes
that 22.05 does not know. Read through `errors.strerror`, and by name through `errors.ESLURM_...`.
"""

from __future__ import annotations

TEXT: dict[int, str] = {
    1000: "Unexpected message received",
    1001: "Communication connection failure",
    1002: "Message send failure",
    1003: "Message receive failure",
    1004: "Communication shutdown failure",
    1005: "Incompatible versions of client and server code",
    1006: "I/O stream version number error",
    1007: "Protocol authentication error",
    1008: "Insane message length",
    1009: "Invalid MPI plugin name",
    1010: "MPI plugin's pre-launch setup failed",
    1011: "Plugin initialization failed",
    1013: "Unexpected missing socket error",
    1014: "Unable to process incoming file descriptor",
    1015: "Unable to process outgoing file descriptor",
    1016: "Unable to process incoming and outgoing file descriptors",
    1017: "Read would block",
    1018: "Write would block",
    1019: "Connection rejected by handler",
    1020: "Connection forced closed by quiesce timeout",
    1021: "Connection timed out establishing",
    1022: "Connection timed out writing",
    1023: "Connection timed out reading",
    1024: "Kernel reported delayed socket error after successful write(), client side likely closed",
    1025: "Process is shutting down and closing all communications",
    1800: "Unable to contact slurm controller (connect failure)",
    1801: "Unable to contact slurm controller (send failure)",
    1802: "Unable to contact slurm controller (receive failure)",
    1803: "Unable to contact slurm controller (shutdown failure)",
    1804: "Rate limit exceeded, please retry momentarily",
    1805: "Rate limit exceeded, please retry later",
    2000: "Invalid partition name specified",
    2001: "No partition specified or system default partition",
    2002: "Access/permission denied",
    2003: "User's group not permitted to use this partition",
    2004: "Requested nodes not in this partition",
    2005: "More processors requested than permitted",
    2006: "Node count specification invalid",
    2007: "MaxJobCount limit reached",
    2008: "Job size specification needs to be provided",
    2009: "Job script not specified",
    2010: "Invalid user id",
    2011: "Duplicate job id",
    2012: "Pathname of a file, directory or other parameter too long",
    2013: "Immediate execution impossible, insufficient priority",
    2014: "Requested node configuration is not available",
    2015: "Requested partition configuration not available now",
    2016: "Requested nodes are busy",
    2017: "Invalid job id specified",
    2018: "Invalid node name specified",
    2019: "I/O error writing script/environment to file",
    2020: "Job can not be altered now, try again later",
    2021: "Job/step already completing or completed",
    2022: "Error configuring interconnect",
    2023: "Task distribution specification invalid",
    2024: "Job is pending execution",
    2025: "Task count specification invalid",
    2026: "Error generating job credential",
    2027: "Slurm backup controller in standby mode",
    2028: "Invalid node state specified",
    2029: "Invalid feature specification",
    2031: "Active features not subset of available features",
    2035: "Immediate execution impossible, resources too fragmented for allocation",
    2036: "Requested operation not supported on this system",
    2037: "Requested operation is presently disabled",
    2038: "Job dependency problem",
    2039: "Only batch jobs are accepted or processed",
    2040: "Licenses currently unavailable",
    2042: "Job is in held state, pending scheduler release",
    2044: "Memory required by task is not available",
    2045: "Invalid account or account/partition combination specified",
    2046: "Invalid parent account specified",
    2047: "Account already child of parent account specified",
    2048: "Invalid license specification",
    2049: "The node configuration changes that were made require restart of the slurmctld daemon to take effect",
    2050: "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
    2051: "Requested time limit is invalid (missing or exceeds some limit)",
    2052: "Access denied to requested reservation",
    2053: "Requested reservation is invalid",
    2054: "Invalid time specified",
    2055: "Requested reservation is in use",
    2056: "Requested reservation not usable now",
    2057: "Invalid wckey specification",
    2058: "Requested reservation overlaps with another reservation",
    2059: "Required ports are in use",
    2060: "Requires more ports than can be reserved",
    2061: "PrologSlurmctld is still running",
    2062: "Job steps can not be run on this cluster",
    2063: "Job cannot be submitted without the current working directory specified.",
    2064: "No running or pending steps in the job",
    2066: "Invalid qos specification",
    2067: "QOS Preemption loop detected",
    2068: "Required node not available (down, drained or reserved)",
    2069: "CPU count specification invalid",
    2070: "Required partition not available (inactive or drain)",
    2071: "Circular job dependency",
    2072: "Invalid generic resource (gres) specification",
    2073: "Job is no longer pending execution",
    2074: "Requested account has breached requested QOS usage threshold",
    2075: "Partition is in use",
    2076: "Step limit reached for this job",
    2077: "Job is current suspended, requested operation disabled",
    2078: "Job can not start immediately",
    2080: "Reservation request lacks users, groups or accounts",
    2081: "Invalid job array specification",
    2082: "Duplicate reservation name",
    2083: "Job has already started",
    2084: "Job has already finished",
    2085: "Job is not running",
    2086: "Job is not pending nor running",
    2087: "Job is not suspended",
    2088: "Job is not finished",
    2089: "Duplicate event trigger",
    2090: "Slurm internal error, contact system administrator",
    2095: "Changes to job priority are not persistent, change nice instead",
    2096: "Cannot modify scrontab jobs through scontrol",
    2098: "Cannot cancel scrontab jobs without --cron flag.",
    2099: "Invalid mcs_label specified",
    2101: "Partition in DOWN state",
    2102: "Duplicate generic resource (gres) specification",
    2104: "Reservation already started",
    2105: "System submissions disabled",
    2106: "Job not heterogeneous job",
    2107: "Job not heterogeneous job leader",
    2108: "Operation not permitted on individual component of heterogeneous job",
    2109: "Core-based reservation can not be updated",
    2110: "Duplicate job step id",
    2111: "Core count for reservation node list is not consistent!",
    2112: "X11 forwarding not available",
    2113: "Invalid group id",
    2114: "Job --batch option is invalid or not a subset of --constraint",
    2115: "Invalid Trackable RESource (TRES) specification",
    2116: "Invalid TRESBillingWeights specification",
    2117: "Invalid JobDefaults specification",
    2118: "Job can not start due to maintenance reservation.",
    2119: "Invalid GRES specification (with and without type identification)",
    2120: "Reboot already in progress",
    2122: "Requested GRES option unsupported by configured SelectType plugin",
    2123: "Invalid --nice value",
    2124: "Invalid time-min specification (exceeds job's time or other limits)",
    2125: "Immediate execution impossible. Individual job submission scheduling attempts deferred",
    2126: "ConfigLess mode is disabled in slurm configuration.",
    2127: "Environment is missing in job",
    2128: "Reservation given is not skipable, try deleting instead",
    2129: "Reservations can't have users and groups specified, only one or the other",
    2130: "Multiple partition job request not supported when a partition is set in the association",
    2131: "Controller is in standby mode, try a different controller",
    2132: "Cannot request more threads per core than the job allocation",
    2133: "Invalid preferred feature specification",
    2134: "Insufficient GRES available in allocation",
    2135: "Invalid container id specified",
    2136: "JobID must not be an empty string",
    2137: "JobID can not be zero",
    2138: "JobID can not be a negative number",
    2139: "JobID larger than acceptable range",
    2140: "JobID includes unexpected non-numeric characters",
    2141: "Job Array ID must not be an empty string",
    2142: "Job Array ID can not be a negative number",
    2143: "Job Array ID larger than acceptable range",
    2144: "Job Array ID includes unexpected non-numeric characters",
    2146: "HetJob component must not be an empty string",
    2147: "HetJob component can not be a negative number",
    2148: "HetJob component larger than acceptable range",
    2150: "StepID must not be an empty string",
    2151: "StepID can not be a negative number",
    2152: "StepID larger than acceptable range",
    2153: "StepID includes unexpected non-numeric characters",
    2154: "HetStep component must not be an empty string",
    2155: "HetStep component can not be zero",
    2156: "HetStep component can not be a negative number",
    2157: "HetStep component larger than acceptable range",
    2158: "HetStep component includes unexpected non-numeric characters",
    2159: "HetJob can not Het step id",
    2160: "Job killed due hitting max wall clock limit",
    2161: "Job killed due node failure",
    2162: "Empty list",
    2163: "Invalid group ID",
    2164: "Unable to resolve group ID to group name",
    2165: "Invalid user ID",
    2166: "Unable to resolve user ID to user name",
    2167: "Invalid or unknown association",
    2168: "Node already exists in the node table",
    2169: "Unable to add node, node table is full",
    2170: "Invalid QOS specification, relative QOS can only be used in a single partition per cluster.",
    2171: "Invalid extra constraints specification",
    2172: "Cannot signal job",
    2181: "Invalid job state",
    2185: "SLUID is invalid",
    2188: "Step queued as pending",
    2189: "Invalid configuration for external job",
    4001: "Kill task failed",
    4003: "Invalid accounting frequency requested",
    4004: "Invalid job credential",
    4007: "Job credential expired",
    4008: "Job credential revoked",
    4009: "Job credential replayed",
    4010: "Slurmd could not create a batch directory or file",
    4014: "Slurmd could not set up environment for batch job",
    4016: "Slurmd could not set UID or GID",
    4020: "Slurmd could not execve job",
    4021: "Slurmd could not connect IO",
    4022: "Job prolog failed",
    4023: "Job epilog failed",
    4025: "Too many job steps on node",
    4026: "Job step already exists",
    4027: "Job step not running",
    4028: "Job step is suspended",
    4029: "Job step is not currently suspended",
    4030: "Unix socket name exceeded maximum length",
    4031: "Container runtime not configured or invalid",
    4032: "Unable to satisfy cpu bind request",
    4033: "Unable to layout tasks on given cpus",
    4035: "Unable to proxy slurmstepd message",
    7000: "Unable to connect to database",
    8000: "Time limit specification required, but not provided",
}

TEXT_22_05: dict[int, str] = {
    2114: "Job --batch option is invalid or not a subset of --constraints",
}

LATER: frozenset[int] = frozenset(
    (
        1014, 1015, 1016, 1017, 1018, 1019, 1020, 1021, 1022, 1023, 1024, 1025, 1804, 1805, 2007, 2040, 2063, 2064,
        2098, 2135, 2136, 2137, 2138, 2139, 2140, 2141, 2142, 2143, 2144, 2146, 2147, 2148, 2150, 2151, 2152, 2153,
        2154, 2155, 2156, 2157, 2158, 2159, 2160, 2161, 2162, 2163, 2164, 2165, 2166, 2167, 2168, 2169, 2170, 2171,
        2172, 2181, 2185, 2188, 2189, 4027, 4035,
    )
)

SLURM_UNEXPECTED_MSG_ERROR = 1000
SLURM_COMMUNICATIONS_CONNECTION_ERROR = 1001
SLURM_COMMUNICATIONS_SEND_ERROR = 1002
SLURM_COMMUNICATIONS_RECEIVE_ERROR = 1003
SLURM_COMMUNICATIONS_SHUTDOWN_ERROR = 1004
SLURM_PROTOCOL_VERSION_ERROR = 1005
SLURM_PROTOCOL_IO_STREAM_VERSION_ERROR = 1006
SLURM_PROTOCOL_AUTHENTICATION_ERROR = 1007
SLURM_PROTOCOL_INSANE_MSG_LENGTH = 1008
SLURM_MPI_PLUGIN_NAME_INVALID = 1009
SLURM_MPI_PLUGIN_PRELAUNCH_SETUP_FAILED = 1010
SLURM_PLUGIN_NAME_INVALID = 1011
SLURM_COMMUNICATIONS_MISSING_SOCKET_ERROR = 1013
SLURM_COMMUNICATIONS_INVALID_INCOMING_FD = 1014
SLURM_COMMUNICATIONS_INVALID_OUTGOING_FD = 1015
SLURM_COMMUNICATIONS_INVALID_FD = 1016
SLURM_BLOCKED_ON_READ = 1017
SLURM_BLOCKED_ON_WRITE = 1018
SLURM_COMMUNICATIONS_REJECTED = 1019
SLURM_COMMUNICATIONS_QUIESCE_TIMEOUT = 1020
SLURM_COMMUNICATIONS_CONNECT_TIMEOUT = 1021
SLURM_COMMUNICATIONS_WRITE_TIMEOUT = 1022
SLURM_COMMUNICATIONS_READ_TIMEOUT = 1023
SLURM_COMMUNICATIONS_DELAYED_ERROR = 1024
SLURM_SHUTTING_DOWN = 1025
SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR = 1800
SLURMCTLD_COMMUNICATIONS_SEND_ERROR = 1801
SLURMCTLD_COMMUNICATIONS_RECEIVE_ERROR = 1802
SLURMCTLD_COMMUNICATIONS_SHUTDOWN_ERROR = 1803
SLURMCTLD_COMMUNICATIONS_BACKOFF = 1804
SLURMCTLD_COMMUNICATIONS_HARD_DROP = 1805
ESLURM_INVALID_PARTITION_NAME = 2000
ESLURM_DEFAULT_PARTITION_NOT_SET = 2001
ESLURM_ACCESS_DENIED = 2002
ESLURM_JOB_MISSING_REQUIRED_PARTITION_GROUP = 2003
ESLURM_REQUESTED_NODES_NOT_IN_PARTITION = 2004
ESLURM_TOO_MANY_REQUESTED_CPUS = 2005
ESLURM_INVALID_NODE_COUNT = 2006
ESLURM_MAX_JOB_COUNT = 2007
ESLURM_JOB_MISSING_SIZE_SPECIFICATION = 2008
ESLURM_JOB_SCRIPT_MISSING = 2009
ESLURM_USER_ID_MISSING = 2010
ESLURM_DUPLICATE_JOB_ID = 2011
ESLURM_PATHNAME_TOO_LONG = 2012
ESLURM_NOT_TOP_PRIORITY = 2013
ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE = 2014
ESLURM_REQUESTED_PART_CONFIG_UNAVAILABLE = 2015
ESLURM_NODES_BUSY = 2016
ESLURM_INVALID_JOB_ID = 2017
ESLURM_INVALID_NODE_NAME = 2018
ESLURM_WRITING_TO_FILE = 2019
ESLURM_TRANSITION_STATE_NO_UPDATE = 2020
ESLURM_ALREADY_DONE = 2021
ESLURM_INTERCONNECT_FAILURE = 2022
ESLURM_BAD_DIST = 2023
ESLURM_JOB_PENDING = 2024
ESLURM_BAD_TASK_COUNT = 2025
ESLURM_INVALID_JOB_CREDENTIAL = 2026
ESLURM_IN_STANDBY_MODE = 2027
ESLURM_INVALID_NODE_STATE = 2028
ESLURM_INVALID_FEATURE = 2029
ESLURM_ACTIVE_FEATURE_NOT_SUBSET = 2031
ESLURM_FRAGMENTATION = 2035
ESLURM_NOT_SUPPORTED = 2036
ESLURM_DISABLED = 2037
ESLURM_DEPENDENCY = 2038
ESLURM_BATCH_ONLY = 2039
ESLURM_LICENSES_UNAVAILABLE = 2040
ESLURM_JOB_HELD = 2042
ESLURM_INVALID_TASK_MEMORY = 2044
ESLURM_INVALID_ACCOUNT = 2045
ESLURM_INVALID_PARENT_ACCOUNT = 2046
ESLURM_SAME_PARENT_ACCOUNT = 2047
ESLURM_INVALID_LICENSES = 2048
ESLURM_NEED_RESTART = 2049
ESLURM_ACCOUNTING_POLICY = 2050
ESLURM_INVALID_TIME_LIMIT = 2051
ESLURM_RESERVATION_ACCESS = 2052
ESLURM_RESERVATION_INVALID = 2053
ESLURM_INVALID_TIME_VALUE = 2054
ESLURM_RESERVATION_BUSY = 2055
ESLURM_RESERVATION_NOT_USABLE = 2056
ESLURM_INVALID_WCKEY = 2057
ESLURM_RESERVATION_OVERLAP = 2058
ESLURM_PORTS_BUSY = 2059
ESLURM_PORTS_INVALID = 2060
ESLURM_PROLOG_RUNNING = 2061
ESLURM_NO_STEPS = 2062
ESLURM_MISSING_WORK_DIR = 2063
ESLURM_STEPS_DRAINED = 2064
ESLURM_INVALID_QOS = 2066
ESLURM_QOS_PREEMPTION_LOOP = 2067
ESLURM_NODE_NOT_AVAIL = 2068
ESLURM_INVALID_CPU_COUNT = 2069
ESLURM_PARTITION_NOT_AVAIL = 2070
ESLURM_CIRCULAR_DEPENDENCY = 2071
ESLURM_INVALID_GRES = 2072
ESLURM_JOB_NOT_PENDING = 2073
ESLURM_QOS_THRES = 2074
ESLURM_PARTITION_IN_USE = 2075
ESLURM_STEP_LIMIT = 2076
ESLURM_JOB_SUSPENDED = 2077
ESLURM_CAN_NOT_START_IMMEDIATELY = 2078
ESLURM_RESERVATION_EMPTY = 2080
ESLURM_INVALID_ARRAY = 2081
ESLURM_RESERVATION_NAME_DUP = 2082
ESLURM_JOB_STARTED = 2083
ESLURM_JOB_FINISHED = 2084
ESLURM_JOB_NOT_RUNNING = 2085
ESLURM_JOB_NOT_PENDING_NOR_RUNNING = 2086
ESLURM_JOB_NOT_SUSPENDED = 2087
ESLURM_JOB_NOT_FINISHED = 2088
ESLURM_TRIGGER_DUP = 2089
ESLURM_INTERNAL = 2090
ESLURM_PRIO_RESET_FAIL = 2095
ESLURM_CANNOT_MODIFY_CRON_JOB = 2096
ESLURM_CANNOT_CANCEL_CRON_JOB = 2098
ESLURM_INVALID_MCS_LABEL = 2099
ESLURM_PARTITION_DOWN = 2101
ESLURM_DUPLICATE_GRES = 2102
ESLURM_RSV_ALREADY_STARTED = 2104
ESLURM_SUBMISSIONS_DISABLED = 2105
ESLURM_NOT_HET_JOB = 2106
ESLURM_NOT_HET_JOB_LEADER = 2107
ESLURM_NOT_WHOLE_HET_JOB = 2108
ESLURM_CORE_RESERVATION_UPDATE = 2109
ESLURM_DUPLICATE_STEP_ID = 2110
ESLURM_INVALID_CORE_CNT = 2111
ESLURM_X11_NOT_AVAIL = 2112
ESLURM_GROUP_ID_MISSING = 2113
ESLURM_BATCH_CONSTRAINT = 2114
ESLURM_INVALID_TRES = 2115
ESLURM_INVALID_TRES_BILLING_WEIGHTS = 2116
ESLURM_INVALID_JOB_DEFAULTS = 2117
ESLURM_RESERVATION_MAINT = 2118
ESLURM_INVALID_GRES_TYPE = 2119
ESLURM_REBOOT_IN_PROGRESS = 2120
ESLURM_UNSUPPORTED_GRES = 2122
ESLURM_INVALID_NICE = 2123
ESLURM_INVALID_TIME_MIN_LIMIT = 2124
ESLURM_DEFER = 2125
ESLURM_CONFIGLESS_DISABLED = 2126
ESLURM_ENVIRONMENT_MISSING = 2127
ESLURM_RESERVATION_NO_SKIP = 2128
ESLURM_RESERVATION_USER_GROUP = 2129
ESLURM_PARTITION_ASSOC = 2130
ESLURM_IN_STANDBY_USE_BACKUP = 2131
ESLURM_BAD_THREAD_PER_CORE = 2132
ESLURM_INVALID_PREFER = 2133
ESLURM_INSUFFICIENT_GRES = 2134
ESLURM_INVALID_CONTAINER_ID = 2135
ESLURM_EMPTY_JOB_ID = 2136
ESLURM_INVALID_JOB_ID_ZERO = 2137
ESLURM_INVALID_JOB_ID_NEGATIVE = 2138
ESLURM_INVALID_JOB_ID_TOO_LARGE = 2139
ESLURM_INVALID_JOB_ID_NON_NUMERIC = 2140
ESLURM_EMPTY_JOB_ARRAY_ID = 2141
ESLURM_INVALID_JOB_ARRAY_ID_NEGATIVE = 2142
ESLURM_INVALID_JOB_ARRAY_ID_TOO_LARGE = 2143
ESLURM_INVALID_JOB_ARRAY_ID_NON_NUMERIC = 2144
ESLURM_EMPTY_HET_JOB_COMP = 2146
ESLURM_INVALID_HET_JOB_COMP_NEGATIVE = 2147
ESLURM_INVALID_HET_JOB_COMP_TOO_LARGE = 2148
ESLURM_EMPTY_STEP_ID = 2150
ESLURM_INVALID_STEP_ID_NEGATIVE = 2151
ESLURM_INVALID_STEP_ID_TOO_LARGE = 2152
ESLURM_INVALID_STEP_ID_NON_NUMERIC = 2153
ESLURM_EMPTY_HET_STEP = 2154
ESLURM_INVALID_HET_STEP_ZERO = 2155
ESLURM_INVALID_HET_STEP_NEGATIVE = 2156
ESLURM_INVALID_HET_STEP_TOO_LARGE = 2157
ESLURM_INVALID_HET_STEP_NON_NUMERIC = 2158
ESLURM_INVALID_HET_STEP_JOB = 2159
ESLURM_JOB_TIMEOUT_KILLED = 2160
ESLURM_JOB_NODE_FAIL_KILLED = 2161
ESLURM_EMPTY_LIST = 2162
ESLURM_GROUP_ID_INVALID = 2163
ESLURM_GROUP_ID_UNKNOWN = 2164
ESLURM_USER_ID_INVALID = 2165
ESLURM_USER_ID_UNKNOWN = 2166
ESLURM_INVALID_ASSOC = 2167
ESLURM_NODE_ALREADY_EXISTS = 2168
ESLURM_NODE_TABLE_FULL = 2169
ESLURM_INVALID_RELATIVE_QOS = 2170
ESLURM_INVALID_EXTRA = 2171
ESLURM_JOB_SIGNAL_FAILED = 2172
ESLURM_INVALID_JOB_STATE = 2181
ESLURM_INVALID_SLUID = 2185
ESLURM_STEP_QUEUED = 2188
ESLURM_INVALID_EXTERNAL_JOB = 2189
ESLURMD_KILL_TASK_FAILED = 4001
ESLURMD_INVALID_ACCT_FREQ = 4003
ESLURMD_INVALID_JOB_CREDENTIAL = 4004
ESLURMD_CREDENTIAL_EXPIRED = 4007
ESLURMD_CREDENTIAL_REVOKED = 4008
ESLURMD_CREDENTIAL_REPLAYED = 4009
ESLURMD_CREATE_BATCH_DIR_ERROR = 4010
ESLURMD_SETUP_ENVIRONMENT_ERROR = 4014
ESLURMD_SET_UID_OR_GID_ERROR = 4016
ESLURMD_EXECVE_FAILED = 4020
ESLURMD_IO_ERROR = 4021
ESLURMD_PROLOG_FAILED = 4022
ESLURMD_EPILOG_FAILED = 4023
ESLURMD_TOOMANYSTEPS = 4025
ESLURMD_STEP_EXISTS = 4026
ESLURMD_STEP_NOTRUNNING = 4027
ESLURMD_STEP_SUSPENDED = 4028
ESLURMD_STEP_NOTSUSPENDED = 4029
ESLURMD_INVALID_SOCKET_NAME_LEN = 4030
ESLURMD_CONTAINER_RUNTIME_INVALID = 4031
ESLURMD_CPU_BIND_ERROR = 4032
ESLURMD_CPU_LAYOUT_ERROR = 4033
ESLURMD_STEPD_PROXY_FAILED = 4035
ESLURM_DB_CONNECTION = 7000
ESLURM_MISSING_TIME_LIMIT = 8000
