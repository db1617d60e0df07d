"""Every message of mgpu_slurm, by who speaks to whom. The tag is the field `kind`; units are those of the records.

Clients build the same objects as plain dicts; daemons decode them into these types, so that an unknown kind, a missing
field or a wrong type is refused before any handler sees it. Who is asking is never a field: it comes from the credential
of the connection.
"""

from __future__ import annotations

import msgspec

from mgpu_slurm.records.allocation import Allocation
from mgpu_slurm.records.gpu import Gpu
from mgpu_slurm.records.request import JobRequest, StepRequest
from mgpu_slurm.records.step import StepLayout
from mgpu_slurm.records.usage import Use


class Message(msgspec.Struct, omit_defaults=True, kw_only=True, tag_field="kind"):
    """Base of all messages. What a log must not hold stays out of their text: see SECRET."""

    def __repr__(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in SECRET]
        return f"{type(self).__name__}({', '.join(shown)})"


SECRET = frozenset({"credential", "environment", "mac", "script"})
"""Fields with users' scripts and environments, which may hold passwords, and with what lets others act."""


# --- client -> controller -------------------------------------------------------------------------------------------


class SubmitJob(Message, tag="submit_job"):
    """sbatch. Several requests are the components of one heterogeneous job. Answer: JobSubmitted or JobTest."""

    requests: list[JobRequest]
    request_id: str = ""  # the same id is the same submission, however often it is sent
    test_only: bool = False


class Allocate(Message, tag="allocate"):
    """salloc and srun. Answer: AllocationState at once, then JobEvent pushes on the same connection, which marks the owner
    as alive: when it closes and is not followed by Attach within the grace time, the allocation is released."""

    requests: list[JobRequest]
    request_id: str = ""
    test_only: bool = False
    keep: bool = False  # salloc --no-shell: the allocation outlives the connection


class Attach(Message, tag="attach"):
    """Become (again) the owner connection of an allocation, or with `watch` only follow a job. Answer: AllocationState,
    then JobEvent pushes."""

    job_id: int
    watch: bool = False


class ReleaseJob(Message, tag="release_job"):
    """The owner of an allocation is done with it. `exit_code` is a wait status. Answer: Done."""

    job_id: int
    exit_code: int = 0


class WaitJob(Message, tag="wait_job"):
    """sbatch --wait: answered with JobEnded when the job (all elements of an array) has ended."""

    job_id: int


class CreateStep(Message, tag="create_step"):
    """srun in an allocation. Answer: StepCreated; where resources are busy and waiting is asked for, StepPending comes first.

    `others` are further parts of the same step: in other components of the heterogeneous job, or in the same job on nodes of
    their own. All are created together."""

    request: StepRequest
    others: list[StepRequest] = []
    request_id: str = ""
    src_host: str = ""
    src_pid: int = 0


class StepDone(Message, tag="step_done"):
    """srun has seen all tasks of its step end (or could not launch it: `failed`). Answer: Done."""

    job_id: int
    step_id: str
    exit_code: int = 0
    failed: bool = False


class CancelJobs(Message, tag="cancel_jobs"):
    """scancel. `ids` in the grammar of base/ids.py. Answer: Results, one per id."""

    ids: list[str]
    signal: int | None = None  # None: end the job (KILL)
    batch: bool = False  # only the batch shell
    full: bool = False  # the batch shell and all its children
    hurry: bool = False
    reason: str = ""


class JobAction(Message, tag="job_action"):
    """scontrol hold|uhold|release|requeue|requeuehold|suspend|resume|top; requeuehold_special is `requeuehold
    State=SpecialExit`. Answer: Results, one per id."""

    action: str
    ids: list[str]
    incomplete: bool = False


class NotifyJob(Message, tag="notify_job"):
    """scontrol notify: a line for the srun or salloc of a job, or for the output of its batch script. Answer: Done or Error."""

    job_id: int
    text: str


class Update(Message, tag="update"):
    """scontrol update: `changes` are (key, text) as typed, keys in any case. Answer: Results or Error."""

    what: str  # "job", "node", "partition", "step", "reservation"
    name: str
    changes: list[tuple[str, str]]
    action: str = "update"  # of partitions and reservations also "create" and "delete"


class Query(Message, tag="query"):
    """A listing. `columns` are names of records/columns.py; `filters` of controller/query.py. Answer: Table."""

    table: str  # "jobs", "steps", "nodes", "partitions", "config", "reservations", "licenses"
    columns: list[str]
    filters: dict[str, list[str]] = {}


class GetScript(Message, tag="get_script"):
    """scontrol write batch_script, sacct --batch-script and --env-vars. Answer: Script."""

    job_id: int
    past: bool = False  # also of jobs that only history knows
    environment: bool = False  # not the script, but what it was submitted with


class GetJobSetup(Message, tag="get_job_setup"):
    """What srun needs to know of the allocation it runs in (srun --jobid, nested srun). Answer: AllocationState.

    With `step_id` (sattach) its `layout` is that step's, which must be alive; with `transfer` (sbcast) it holds a signed
    order to copy a file to the nodes of the job, or of the step."""

    job_id: int
    step_id: str = ""
    transfer: bool = False


class Ping(Message, tag="ping"):
    """Answer: Pong."""


class Control(Message, tag="control"):
    """scontrol reconfigure|shutdown|takeover. Root or the owner of the cluster. Answer: Done."""

    action: str
    node: str = ""


# --- client -> any daemon on its own host ---------------------------------------------------------------------------


class Sign(Message, tag="sign"):
    """Make a credential for the caller (SO_PEERCRED) over the digest of a request. Unix sockets only. Answer: Signed."""

    digest: str


# --- controller -> client -------------------------------------------------------------------------------------------


class Error(Message, tag="error"):
    """Slurm's number and text."""

    code: int
    text: str = ""
    detail: str = ""


class Done(Message, tag="done"):
    pass


class JobSubmitted(Message, tag="job_submitted"):
    job_id: int
    cluster: str = ""
    warnings: list[str] = []


class JobTest(Message, tag="job_test"):
    """--test-only: when and where it could start."""

    job_id: int
    start_time: float
    cpus: int
    nodes: str
    partition: str
    components: list[JobTest] = []  # of a heterogeneous job, whose sum this is then


class AllocationState(Message, tag="allocation_state"):
    """An allocation as its owner must know it. `facts` is set once resources are allocated."""

    job_id: int
    state: str
    reason: str = ""
    facts: JobFacts | None = None
    node_addresses: dict[str, NodeAddress] = {}
    warnings: list[str] = []
    layout: StepLayout | None = None
    preparing: bool = False  # programs still run on its nodes, or for it: an event "ready" follows
    transfer: str = ""  # JSON text of FileOrder, the exact bytes that `mac` covers
    mac: str = ""


class JobEvent(Message, tag="job_event"):
    """Pushed to the owner: "started" (facts set; with `preparing` "ready" follows), "ready", "ended" (state, exit_code),
    "signal", "timeout", "node_fail", "suspended", "message" (a text for the user)."""

    job_id: int
    event: str
    state: str = ""
    exit_code: int = 0
    signal: int = 0
    text: str = ""
    preparing: bool = False
    facts: JobFacts | None = None
    node_addresses: dict[str, NodeAddress] = {}


class JobEnded(Message, tag="job_ended"):
    job_id: int
    state: str
    exit_code: int


class StepPending(Message, tag="step_pending"):
    code: int  # why, as a Slurm number
    text: str = ""
    job_id: int = 0  # the component that has no room


class StepCreated(Message, tag="step_created"):
    """Everything srun needs to start the step. `spec` is the signed launch order; srun hands it to each node unchanged."""

    step_id: str
    layout: StepLayout
    spec: str  # JSON text of StepSpec, the exact bytes that `mac` covers
    mac: str
    node_addresses: dict[str, NodeAddress] = {}
    others: list[StepPart] = []  # as in the request


class StepPart(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A further part of a step that spans several components, like StepCreated."""

    job_id: int
    step_id: str
    layout: StepLayout
    spec: str
    mac: str


class Results(Message, tag="results"):
    """One outcome per id asked for: [id, code, text]; code 0 = done."""

    rows: list[tuple[str, int, str]] = []


class Table(Message, tag="table"):
    """Columnar: arrays in the order of the columns asked for, all of one length."""

    columns: list[list[object]]
    now: float = 0.0


class Script(Message, tag="script"):
    text: str


class Pong(Message, tag="pong"):
    cluster: str
    hostname: str
    version: str
    started: float
    pid: int = 0
    mode: str = "primary"


class Signed(Message, tag="signed"):
    credential: dict[str, object]


# --- what a launch needs to know ------------------------------------------------------------------------------------


class NodeAddress(msgspec.Struct, omit_defaults=True, kw_only=True):
    """How to reach a node daemon. `unix_socket` works only on the host whose boot id is `boot_id`."""

    address: str
    port: int = 0
    unix_socket: str = ""
    boot_id: str = ""


class JobFacts(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What every launch of a job carries; the environment tables (facts/environ.py) read only this and the step's part."""

    job_id: int
    uid: int
    gid: int
    user_name: str
    group_name: str = ""
    name: str = ""
    partition: str = ""
    account: str = ""
    qos: str = ""
    reservation: str = ""
    cluster: str = ""
    conf_path: str = ""  # shown to jobs as SLURM_CONF
    compat: tuple[int, int] = (26, 5)
    allocation: Allocation
    tasks_per_node: list[int] = []
    attempt: int = 1
    restart_count: int = 0
    submit_time: float = 0.0
    start_time: float = 0.0
    end_time: float = 0.0  # of the time limit; 0 = unlimited
    array_job_id: int = 0
    array_task_id: int | None = None
    array_count: int = 0
    array_min: int = 0
    array_max: int = 0
    array_step: int = 1
    het_job_id: int = 0
    het_offset: int = 0
    het_size: int = 0
    components: list[JobFacts] = []  # of the first component of a heterogeneous job: all of them, itself included
    node_cpus: dict[str, int] = {}  # all CPUs of each node
    over_subscribe: str = ""  # as scontrol show job has it
    exclusive: str = ""  # NO, NODE, USER, MCS, TOPO
    request: JobRequest  # as asked for, script and environment emptied; memory defaults filled in


class WholeStep(msgspec.Struct, omit_defaults=True, kw_only=True):
    """All parts of a step that spans components, as each of its tasks sees it: nodes in order, with the tasks on each."""

    nodes: list[str]
    tasks: list[int]
    ranks: list[list[int]] = []  # of those tasks
    cpus: list[int] = []  # of the components' allocations, a number a node
    before: int = 0  # nodes of the parts before this one
    parts: int = 1


class StepSpec(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The launch order of a step as the controller signed it. `nonce` makes each order usable once per node."""

    job: JobFacts
    step_id: str
    layout: StepLayout
    request: StepRequest
    expires: float  # UTC seconds; nodes refuse later launches
    nonce: str
    time_limit_end: float = 0.0
    kill_wait: int = 30
    whole: WholeStep | None = None


class FileOrder(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag="file_order", tag_field="order"):
    """Leave to write one file on each of these nodes as this user, as the controller signed it."""

    job_id: int
    uid: int
    gid: int
    nodes: list[str]
    expires: float  # UTC seconds
    nonce: str


# --- srun -> node daemon, then the step's supervisor on the same connection -----------------------------------------


class LaunchTasks(Message, tag="launch_tasks"):
    """Start this node's tasks of a step. The daemon checks `mac` and the caller's identity, then hands the connection to
    the supervisor, which answers TasksStarted, pushes stdio channel frames and TaskExited, and ends with StepEnded.
    On a Unix socket descriptors may come with the frame: `passed` names them in order ("stdin", "stdout", "stderr")."""

    spec: str
    mac: str
    argv: list[str]
    environment: dict[str, str]
    work_dir: str
    umask: int = 0o022
    rlimits: dict[str, int] = {}
    std_in: str = ""  # "": through srun; "none"; "/path" patterns are opened on the node
    std_out: str = ""
    std_err: str = ""
    stdin_task: int | None = None  # only this task reads srun's input
    open_mode: str = "t"
    label: bool = False
    unbuffered: bool = False
    preserve_env: bool = False  # the counts of the surrounding environment stay as they are
    pty: bool = False
    pty_rows: int = 0
    pty_cols: int = 0
    multi_prog: str = ""  # text of the file
    task_prolog: str = ""
    task_epilog: str = ""
    kill_on_bad_exit: bool = False
    mpi: str = "none"
    debug: bool = False  # each task waits, stopped, for a debugger as soon as its program is loaded
    src_host: str = ""
    src_address: str = ""
    src_port: int = 0
    passed: list[str] = []


class ReceiveFile(Message, tag="receive_file"):
    """sbcast: write a file as the order's user. The daemon checks `mac` and the caller and hands the connection to a process
    of that user, which answers Done when it is ready for the file's channel frames (an empty one is the end) and Done or
    Error, with the number of the system's error, when the file is in place or cannot be."""

    order: str
    mac: str
    path: str  # absolute
    mode: int = 0o600
    force: bool = False  # replace a file that exists
    compressed: bool = False  # the frames make up one zlib stream
    times: tuple[int, int] | None = None  # of access and change, nanoseconds, to be kept
    make_directory: bool = False  # that the file lies in, where it is not there


class Attached(Message, tag="attached"):
    """The tasks of this node, in the order of their ranks: processes, and what was to be run."""

    pids: list[int] = []
    programs: list[str] = []


class AttachStep(Message, tag="attach_step"):
    """sattach: follow the output of a running step, and feed its input when `stdin` is set."""

    job_id: int
    step_id: str
    stdin: bool = False


class TasksStarted(Message, tag="tasks_started"):
    """As Attached."""

    node: str
    pids: list[int]
    programs: list[str] = []


class LaunchFailed(Message, tag="launch_failed"):
    node: str
    code: int
    text: str


class TaskExited(Message, tag="task_exited"):
    """Tasks of one node that ended alike. `status` is a wait status."""

    node: str
    tasks: list[int]
    status: int
    oom: bool = False


class StepText(Message, tag="step_text"):
    """A line for srun's standard error that no task wrote, e.g. the banner of a cancelled step. `limit`: it says that the
    time of the step itself is over."""

    text: str
    limit: bool = False


class StepEnded(Message, tag="step_ended"):
    node: str


class KeysFence(Message, tag="keys_fence"):
    """Supervisor -> srun: what this node's tasks of a parallel program have put, once all of them wait for those of the
    other nodes; srun -> supervisor: what all have put, when every node has said it. `more`: another piece follows.
    With PMIx several fences go on at a time: `name` tells which, `nodes` who takes part (none: all), by their numbers in
    the step."""

    pairs: dict[str, str]
    name: str = ""
    nodes: list[int] = []
    more: bool = False


class KeysName(Message, tag="keys_name"):
    """A task publishes, looks up or unpublishes a name (`action`), and srun's answer, where `found` says whether it could."""

    task: int
    action: str
    name: str = ""
    port: str = ""
    found: bool = False


class KeysAsk(Message, tag="keys_ask"):
    """Supervisor -> srun -> the supervisor of node `to`: what has this task put? Answer: KeysAnswer with the same `ask`."""

    node: int
    to: int
    task: int
    ask: int


class KeysAnswer(Message, tag="keys_answer"):
    """The way back. `status` is PMIx's, `data` bytes as characters; `more`: another piece follows."""

    node: int
    to: int
    ask: int
    status: int
    data: str
    more: bool = False


class OutputFailed(Message, tag="output_failed"):
    """What tasks have written could not be written to the descriptor that srun has passed; "": its reader has gone."""

    text: str


class StepAbort(Message, tag="step_abort"):
    """A task has called MPI_Abort: srun ends the step on all nodes."""

    task: int


class SignalTasks(Message, tag="signal_tasks"):
    """srun -> supervisor. `ending`: why, for the banner that goes before TERM and KILL; "": none."""

    signal: int
    ending: str = "CANCELLED"


class WindowSize(Message, tag="window_size"):
    rows: int
    cols: int


class EndInput(Message, tag="end_input"):
    """No more input for this task (None: for all)."""

    task: int | None = None


# --- node daemon -> controller (link) -------------------------------------------------------------------------------


class Hardware(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What a machine really has. Memory and disk in MiB."""

    cpus: int
    boards: int = 1
    sockets: int = 1
    cores_per_socket: int = 1
    threads_per_core: int = 1
    real_memory: int = 1
    tmp_disk: int = 0
    free_mem: int | None = None
    cpu_load: float = 0.0
    boot_time: float = 0.0
    boot_id: str = ""
    arch: str = ""
    os: str = ""
    hostname: str = ""


class LiveStep(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A step that a node still has: running, or ended with a result not yet confirmed."""

    job_id: int
    step_id: str
    attempt: int
    uid: int = 0
    ended: bool = False


class Register(Message, tag="register"):
    """First message of a node on each new link. Answer: Registered."""

    name: str
    hardware: Hardware
    gpus: list[Gpu] = []
    gres_text: str = ""  # declared on the node's own command line; "" = as configured or found
    address: str = ""
    port: int = 0
    unix_socket: str = ""
    version: str = ""
    start_time: float = 0.0
    steps: list[LiveStep] = []
    dynamic: bool = False  # --node-id: may join without being configured


class Heartbeat(Message, tag="heartbeat"):
    cpu_load: float = 0.0
    free_mem: int | None = None


class BatchStarted(Message, tag="batch_started"):
    job_id: int
    attempt: int
    pid: int = 0


class StepResult(Message, tag="step_result"):
    """A step (or batch script) is over on this node: no process of it lives. Sent until confirmed by ForgetStep."""

    node: str
    job_id: int
    step_id: str
    attempt: int
    exit_code: int = 0  # highest wait status of its tasks here, signal above exit codes
    ending: str = ""  # "", TIMEOUT, CANCELLED, OUT_OF_MEMORY, LAUNCH_FAILED, LOST
    text: str = ""
    started: float = 0.0
    ended: float = 0.0
    user_seconds: float = 0.0
    system_seconds: float = 0.0
    use: dict[str, Use] = {}  # by measure, of the tasks here


class LaunchRefused(Message, tag="launch_refused"):
    """A batch launch could not be carried out."""

    node: str
    job_id: int
    attempt: int
    code: int = 0
    text: str = ""


class JobGone(Message, tag="job_gone"):
    """Answer to TerminateJob: nothing of this attempt lives here. `failed`: its Epilog has."""

    node: str
    job_id: int
    attempt: int
    failed: bool = False


class PrologDone(Message, tag="prolog_done"):
    """The Prolog of a job has run here: the answer to RunProlog; one that has failed is told in any case."""

    node: str
    job_id: int
    attempt: int
    failed: bool = False
    status: int = 0  # wait status


class Usage(Message, tag="usage"):
    """Answer to GetUsage: one live step. One message of an answer has no `step_id` and says how many steps are answered for."""

    node: str
    ask: int
    job_id: int = 0
    step_id: str = ""
    pids: list[int] = []
    use: dict[str, Use] = {}
    count: int = 0


class Inspected(Message, tag="inspected"):
    """Answer to Inspect. Times are this node's UTC seconds, disk is MiB (-1 unknown)."""

    node: str
    ask: int
    received: float = 0.0
    said: float = 0.0
    version: str = ""
    uid: int = -1  # as which the daemon runs
    uids: dict[str, int] = {}
    unresolved: list[str] = []
    home: list[int] = []
    spool: str = ""
    spool_free: int = -1
    cgroup: str = ""  # why steps get no cgroup of their own; "" = they do
    gpus: int = 0
    notes: list[str] = []  # what was worth a line when GPUs were looked for


class GpuTrouble(Message, tag="gpu_trouble"):
    node: str
    gpus: list[Gpu]
    text: str


# --- controller -> node daemon (link) -------------------------------------------------------------------------------


class Registered(Message, tag="registered"):
    """`lease` seconds (0 = none) without contact end the node's jobs."""

    cluster: str
    lease: float
    heartbeat: float
    now: float


class LaunchBatch(Message, tag="launch_batch"):
    """Start a batch script. Confirmed by BatchStarted or LaunchRefused; sent again until then, harmlessly."""

    job: JobFacts
    script: str
    environment: dict[str, str]
    argv: list[str]
    deadline: float = 0.0
    kill_wait: int = 30


class SignalJob(Message, tag="signal_job"):
    """Send a signal without ending anything. `step_id` "" = all steps; "batch" the batch script."""

    job_id: int
    step_id: str = ""
    signal: int = 15
    shell_only: bool = False
    with_batch: bool = False
    full: bool = False


class TerminateJob(Message, tag="terminate_job"):
    """End a job, or one step, here: TERM, CONT, after `kill_wait` seconds KILL. Answer: JobGone when all is gone."""

    job_id: int
    attempt: int
    step_id: str = ""
    ending: str = "CANCELLED"  # CANCELLED, TIMEOUT, NODE_FAIL, PREEMPTED, REQUEUED, ENDED
    kill_wait: int = 30
    hurry: bool = False  # KILL at once
    epilog: JobFacts | None = None  # the Epilog is to run when all is gone, before the answer
    exit_code: int = 0  # of the job, for the Epilog
    derived_exit_code: int = 0


class RunProlog(Message, tag="run_prolog"):
    """Run the Prolog for a job that has been given this node. Answer: PrologDone; sent until then, and run once."""

    job: JobFacts


class CheckHealth(Message, tag="check_health"):
    """Run HealthCheckProgram=. Not answered."""


class ExtendJob(Message, tag="extend_job"):
    """The time limit has changed."""

    job_id: int
    deadline: float


class SayToJob(Message, tag="say_to_job"):
    """A line for the output of a batch script."""

    job_id: int
    text: str


class SuspendJob(Message, tag="suspend_job"):
    job_id: int
    resume: bool = False


class GetUsage(Message, tag="get_usage"):
    """What do the live steps of a job use here (`step_id` "" = all)? Answer: Usage for each step, with the same `ask`."""

    ask: int
    job_id: int
    step_id: str = ""


class Inspect(Message, tag="inspect"):
    """How does this machine look to mgpu_doctor? The ids of `users`, which of `hosts` have no address, and the home directory
    of `user`, who asks. Answer: Inspected with the same `ask`."""

    ask: int
    users: list[str] = []
    hosts: list[str] = []
    user: str = ""


class ForgetStep(Message, tag="forget_step"):
    """The result is on disk at the controller; the spool entry may go."""

    job_id: int
    step_id: str
    attempt: int


class Beat(Message, tag="beat"):
    now: float


class StopNode(Message, tag="stop_node"):
    """scontrol shutdown: the node daemon stops; steps of an embedded cluster are ended when `end_jobs` is set."""

    end_jobs: bool = False


FromClient = (
    SubmitJob
    | Allocate
    | Attach
    | ReleaseJob
    | WaitJob
    | CreateStep
    | StepDone
    | CancelJobs
    | JobAction
    | NotifyJob
    | Update
    | Query
    | GetScript
    | GetJobSetup
    | Ping
    | Control
    | Sign
)
ToClient = (
    Error
    | Done
    | JobSubmitted
    | JobTest
    | AllocationState
    | JobEvent
    | JobEnded
    | StepPending
    | StepCreated
    | Results
    | Table
    | Script
    | Pong
    | Signed
)
ToNodeFromClient = LaunchTasks | AttachStep | ReceiveFile | Ping | Sign
FromSrun = SignalTasks | WindowSize | EndInput | KeysFence | KeysName | KeysAsk | KeysAnswer
ToSrun = (
    TasksStarted | LaunchFailed | TaskExited | StepText | StepEnded | Error | Attached | KeysFence | KeysName | StepAbort
    | OutputFailed | KeysAsk | KeysAnswer
)
FromNode = (
    Register | Heartbeat | BatchStarted | StepResult | LaunchRefused | JobGone | GpuTrouble | Usage | Inspected | PrologDone
)
ToNode = (
    Registered
    | LaunchBatch
    | SignalJob
    | TerminateJob
    | ExtendJob
    | SuspendJob
    | SayToJob
    | ForgetStep
    | Beat
    | StopNode
    | GetUsage
    | Inspect
    | RunProlog
    | CheckHealth
)
