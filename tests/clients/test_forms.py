"""The commands that some forty clients call, in exactly their form, cut up by the clients' own rules.

One cluster and one set of jobs for all forms, looked at by root and by an ordinary user. Words in braces are filled in: {R} a
job that runs, {H} held, {A} an array of which two tasks run and two wait, {F} failed with code 3, {C} cancelled while it ran,
{D} done, {X} an id that nobody has, {U} the user.
"""

from __future__ import annotations

import csv
import json
import os
import pwd
import re
from collections.abc import Iterator
from typing import Any

import pytest

from mgpu_slurm.commands import yaml_text
from tests.kit import users
from tests.kit.cluster import Cluster
from tests.kit.commands import Done
from tests.kit.users import User

pytestmark = pytest.mark.ours

LONG = re.compile(
    "PENDING|RUNNING|SUSPENDED|COMPLETING|COMPLETED|CONFIGURING|CANCELLED|FAILED|TIMEOUT|NODE_FAIL|OUT_OF_MEMORY|PREEMPTED|"
    "BOOT_FAIL|DEADLINE|REVOKED|SPECIAL_EXIT|STOPPED|REQUEUED|RESIZING|SIGNALING|STAGE_OUT|RESV_DEL_HOLD|REQUEUE_FED|REQUEUE_HOLD"
)
COMPACT = re.compile("PD|R|S|CG|CD|CF|CA|F|TO|NF|OOM|PR|BF|DL|RV|SE|ST|RQ|RS|SI|SO|RD|RF|RH")
INVALID = "slurm_load_jobs error: Invalid job id specified\n"


class Jobs:
    """A user's jobs, and what is said about them."""

    def __init__(self, cluster: Cluster, user: User | None) -> None:
        self.cluster = cluster
        self.user = user
        name = user.name if user else pwd.getpwuid(os.geteuid()).pw_name
        self.ids: dict[str, Any] = {"X": 999999, "U": name}
        self.ids["R"] = self.submit("-J", "run", "--gres=gpu:1", "-t", "10", "--comment=c d", "--wrap", "srun sleep 300")
        self.ids["H"] = self.submit("-J", "held", "-H", "-N2", "-t", "5", "--wrap", "true")
        self.ids["A"] = self.submit("-J", "many", "--array=0-3%2", "--wrap", "sleep 300")
        self.ids["F"] = self.submit("-J", "bad", "--wrap", "exit 3")
        self.ids["D"] = self.submit("-J", "good", "--wrap", "true")
        self.ids["C"] = self.submit("-J", "cut", "--wrap", "sleep 300")
        cluster.wait_state(self.ids["C"], "RUNNING")
        self.run("scancel", str(self.ids["C"]))
        for key, state in (("R", "RUNNING"), ("F", "FAILED"), ("D", "COMPLETED"), ("C", "CANCELLED")):
            cluster.wait_state(self.ids[key], state)
        tasks = lambda: sorted(cluster.states(self.ids["A"]).values())  # noqa: E731 - looked at again and again
        cluster.until(lambda: tasks() == ["PENDING"] * 2 + ["RUNNING"] * 2, "two tasks run")
        cluster.until(lambda: self.run("squeue", "-hs", "-j", str(self.ids["R"]), "-o", "%i").out.count(".0"), "the step runs")

    def submit(self, *words: str) -> int:
        return self.cluster.submit(*words, user=self.user)

    def ask_node(self, which: str) -> str:
        """Where a job runs."""
        return self.run("squeue", "-h", "-j", which, "-o", "%N").ok().out.strip()

    def fill(self, text: str) -> str:
        return re.sub(r"\{([A-Z])\}", lambda found: str(self.ids[found[1]]), text)

    def run(self, program: str, *words: str, **more: Any) -> Done:
        return self.cluster.run(program, *[self.fill(word) for word in words], user=self.user, **more)


@pytest.fixture(scope="module")
def two() -> Iterator[Cluster]:
    with Cluster.up(2, 4) as cluster:
        yield cluster


@pytest.fixture(scope="module", params=["root", "alice"])
def jobs(request: pytest.FixtureRequest, two: Cluster) -> Iterator[Jobs]:
    if request.param == "root":
        yield Jobs(two, None)
        return
    reason = users.why_not()
    if reason:
        pytest.skip(reason)
    with users.temporary_user() as user:
        made = Jobs(two, user)
        yield made
        made.run("scancel", "-u", user.name)
        two.until(lambda: not two.ask("squeue", "-h", "-u", user.name, "-o", "%A").split(), "the user's jobs end")


# --- forms that a line or a pattern says all about ------------------------------------------------------------------

Form = tuple[str, list[str], str]
FORMS: list[Form] = [
    ("submitit", ["sacct", "-o", "JobID,State,NodeList", "--parsable2", "-j", "{R}", "-j", "{A}"],
     r"JobID\|State\|NodeList\n{R}\|RUNNING\|n[01]\n{R}\.batch\|RUNNING\|n[01]\n{R}\.0\|RUNNING\|n[01]\n"
     r"{A}_0\|RUNNING\|n[01]\n{A}_0\.batch\|.*\n{A}_1\|RUNNING\|n[01]\n{A}_1\.batch\|.*\n"
     r"{A}_\[2-3%2\]\|PENDING\|None assigned\n"),
    ("parsl", ["squeue", "--noheader", "--format=%i %t", "--job={R}"], r"{R} R\n"),
    ("parsl", ["sacct", "-X", "--noheader", "--format=jobid,state%20", "--job", "{C},{D}"],
     r"{D} +COMPLETED \n{C} +CANCELLED by \d+ \n"),
    ("nextflow", ["squeue", "--noheader", "-o", "%i %t", "-t", "all", "-u", "{U}"],
     r"(?s).*{F} F\n.*"),
    ("nextflow", ["squeue", "--noheader", "-o", "%i %t", "-t", "all", "-p", "gpu", "-u", "{U}"], r"(?s).*{R} R\n.*"),
    ("streamflow", ["squeue", "-h", "-j", "{R},{F}", "-t", "PENDING,RUNNING,SUSPENDED,COMPLETING,CONFIGURING,RESIZING,REVOKED,"
                    "SPECIAL_EXIT", "-O", "JOBID"], r"{R} +\n"),
    ("streamflow", ["scontrol", "show", "-o", "job", "{F}"], r".* ExitCode=3:0 .* StdOut=/dev/null .*\n"),
    ("experimaestro", ["sacct", "-n", "-p", "--format=JobID,State,Start,End", "-j", "{F}"],
     r"{F}\|FAILED\|[\dT:-]+\|[\dT:-]+\|\n{F}\.batch\|FAILED\|[\dT:-]+\|[\dT:-]+\|\n"),
    ("clusterfutures", ["squeue", "--noheader", "--format=%i %T", "--jobs", "{R},{F}", "--states=all"],
     r"{F} FAILED\n{R} RUNNING\n|{R} RUNNING\n{F} FAILED\n"),
    ("pysqa", ["squeue", "--format", "%A|%u|%t|%.15j|%Z", "--noheader", "-j", "{R}"], r"{R}\|{U}\|R\| {12}run\|/.*\n"),
    ("cluster_utils", ["sacct", "--jobs", "{F},{D}", "-X", "--parsable2", "--format=JobID,NodeList,State,ExitCode", "--noheader"],
     r"{F}\|n[01]\|FAILED\|3:0\n{D}\|n[01]\|COMPLETED\|0:0\n"),
    ("fractal", ["scontrol", "-a", "show", "-o", "nodes", "n1"], r"NodeName=n1 Arch=.* State=\S+ .*\n\n?"),
    ("myqueue", ["sinfo", "--noheader", "-O", "CPUs,Memory,Partition"], r"(8 {19}16000 {15}\S+ +\n)+"),
    ("clusterscope", ["sinfo", "-o", "%100m,%100P", "--noconvert", "--noheader"], r"(16000 {95},(gpu\* {96}|debug {95})\n)+"),
    ("cromwell", ["squeue", "-j", "{R}"], r" +JOBID PARTITION.*NODELIST\(REASON\)\n +{R} .* R .* n[01]\n"),
    ("snakemake", ["sacct", "-X", "--parsable2", "--clusters", "all", "--noheader", "--format=JobIdRaw,State", "--starttime",
                   "2020-11-23T10:00", "--endtime", "now", "--name", "bad"], r"(?s).*{F}\|FAILED\n.*"),
    ("snakemake", ["squeue", "--format", "%i|%T", "--states", "all", "--noheader", "--name", "good"],
     r"(?s).*{D}\|COMPLETED\n.*"),
    ("psij", ["squeue", "-O", "JobArrayID,StateCompact,Reason", "-t", "all", "--me", "-j", "{F},{R}"],
     r"JOBID {15}ST {18}REASON {14}\n{F} +F +NonZeroExitCode +\n{R} +R +None +\n"),
    ("psij", ["squeue", "-O", "jobid,statecompact,reason", "-t", "all", "-h", "--me", "--job={C}"], r"{C} +CA +\S+ +\n"),
    ("batchspawner", ["squeue", "-h", "-j", "{R}", "-o", "%T %B"], r"(?:RUNNING|COMPLETING) n[01]\n"),
    ("batchspawner", ["squeue", "-h", "-j", "{H}", "-o", "%T %B"], r"(?:PENDING|CONFIGURING) n/a\n"),
    ("turm", ["squeue", "--array", "--noheader", "--Format",
              "jobid:###turm###,name:###turm###,state:###turm###,username:###turm###,timeused:###turm###,stdout:###turm###",
              "--job={R}"], r"{R}###turm###run###turm###RUNNING###turm###{U}###turm###\d+:\d\d###turm###/dev/null###turm###\n"),
    ("exporter", ["squeue", "-a", "-r", "-h", "-o", "%A|%u|%T|%C", "-j", "{R}"], r"{R}\|{U}\|RUNNING\|1\n"),
    ("exporter", ["sinfo", "-h", "-o", "%C"], r"\d+/\d+/\d+/16\n"),
    ("exporter", ["sinfo", "-h", "-o", "%D %T"], r"(\d+ [a-z]+\n)+"),
    ("exporter", ["sinfo", "-h", "-N", "-O", "NodeList,AllocMem,Memory,CPUsState,StateLong"],
     r"(?:n[01] +\d+ +16000 +\d+/\d+/\d+/8 +(?:mixed|allocated|idle) +\n)+"),
    ("exporter", ["sacct", "-a", "-X", "--format=AllocTRES", "--state=RUNNING", "--noheader", "--parsable2"],
     r"(?s).*billing=1,cpu=1,gres/gpu=1,mem=100M,node=1\n.*"),
    ("toil", ["sinfo", "-a", "-o", "%P %G %l %p %c %m"],
     r"PARTITION GRES TIMELIMIT PRIO_TIER CPUS MEMORY\n"
     r"gpu\* gpu:a100:4 infinite 1 8 16000\ndebug gpu:a100:4 1:00:00 1 8 16000\n"),
    ("toil", ["sacct", "-n", "-j", "{F}", "--format", "JobIDRaw,State,ExitCode", "-P", "-S", "1970-01-01"],
     r"{F}\|FAILED\|3:0\n{F}\.batch\|FAILED\|3:0\n"),
    ("reframe", ["squeue", "-h", "-j", "{R},{H}", "-o", "%%i|%%T|%%N|%%r"],
     r"{H}\|PENDING\|\|JobHeldUser\n{R}\|RUNNING\|n[01]\|None\n"),
    ("reframe", ["sacct", "-S", "2020-01-01", "-P", "-j", "{C}", "-o", "jobid,state,exitcode,end,nodelist", "-n", "-X"],
     r"(?P<jobid>{C})\|(?P<state>\S+)([^\|]*)\|(?P<exitcode>\d+)\:(?P<signal>\d+)\|(?P<end>\S+)\|(?P<nodespec>n[01])\n"),
    ("reframe", ["sacct", "-P", "-j", "{R}", "-o", "end,exitcode", "-n", "-X"], r"Unknown\|0:0\n"),
    ("metaflow", ["squeue", "-j", "{R}", "-h", "-o", "%T"], r"RUNNING\n"),
    ("vscode", ["squeue", "--job={R}", "--noheader", "-o%P"], r"gpu\n"),
    ("blank kept", ["squeue", "-h", "-j", "{R}", "-o", " %A|%T"], r" {R}\|RUNNING\n"),
    ("one word", ["sinfo", "-h", "-o%P"], r"gpu\*\ndebug\n"),
    ("two ids", ["squeue", "-h", "-j", "{X},999998"], r""),
    ("the same id twice", ["squeue", "-h", "--jobs={X},{X}"], r""),
    ("many ids", ["squeue", "-h", "-o", "%i", "-j", "{R},{X}"], r"{R}\n"),
    ("time", ["squeue", "-h", "-j", "{R}", "-o", "%l %m"], r"10:00 100M\n"),
    ("relative", ["sacct", "-n", "-X", "-P", "-j", "{D}", "-S", "now-1hour", "-E", "now", "-o", "state"], r"COMPLETED\n"),
    ("account guess", ["sacct", "-nu", "{U}", "-o", "Account%256"], r"(?: {257}\n)+"),
    ("hostnames", ["scontrol", "show", "hostnames", "n[0-2],m"], r"n0\nn1\nn2\nm\n"),
    ("hostnames", ["scontrol", "show", "hostnames=n[0-2]"], r"n0\nn1\nn2\n"),
    ("hostnames", ["scontrol", "show", "hostname", "None"], r"None\n"),
    ("version", ["srun", "--version"], r"slurm(-wlm)? \d+\.\d+\.\d+\n"),
    ("version", ["sinfo", "-V"], r"slurm(-wlm)? \d+\.\d+\.\d+\n"),
    ("version", ["scontrol", "--version"], r"slurm(-wlm)? \d+\.\d+\.\d+\n"),
    ("unset", ["squeue", "-h", "-j", "{H}", "-o", "%a %k %q %v %N."], r"\(null\) \(null\) \(null\) \(null\) \.\n"),
    ("array", ["squeue", "-h", "-j", "{A}", "-t", "PD", "-o", "%i %K %A"], r"{A}_\[2-3%2\] 2-3%2 {A}\n"),
    ("array", ["squeue", "-h", "-r", "-j", "{A}", "-t", "PD", "-o", "%i"], r"{A}_2\n{A}_3\n"),
    ("no array", ["squeue", "-h", "-j", "{R}", "-o", "%K %F"], r"N/A {R}\n"),
    ("reason", ["squeue", "-h", "-t", "all", "-j", "{F}", "-o", "%r|%R|%N|%B"],
     r"NonZeroExitCode\|\(NonZeroExitCode\)\|n[01]\|n[01]\n"),
    ("scancel", ["scancel", "{X}"], r""),
    ("scancel", ["scancel", "-Q", "{F}"], r""),
]  # fmt: skip


FORM_NAMES = [f"{number}-{form[0]}" for number, form in enumerate(FORMS)]


@pytest.mark.parametrize(("words", "pattern"), [form[1:] for form in FORMS], ids=FORM_NAMES)
def test_form(jobs: Jobs, words: list[str], pattern: str) -> None:
    done = jobs.run(*words)
    assert (done.status, done.err) == (0, "")
    assert re.fullmatch(jobs.fill(pattern), done.out), done.out


REFUSED: list[tuple[list[str], int, str]] = [
    (["squeue", "-h", "-j", "{X}"], 1, INVALID),
    (["scontrol", "show", "job", "{X}"], 1, INVALID),
    (["sacct", "-nu", "{U}", "-o", "Account%256", "|", "tail", "-1"], 1, "sacct: invalid option -- '1'\n"),
    (["sacct", "--format=Allocgres"], 1, "sacct: fatal: AllocGRES has been removed, please use AllocTRES\n"),
    (["scancel"], 1, "scancel: error: No job identification provided\n"),
    (["scancel", "abc"], 1, "scancel: error: Invalid job id abc\n"),
    (["scontrol", "requeue", "{X}"], 1, "Invalid job id specified for job {X}\n"),
    (["scontrol", "hold", "{X}"], 1, "Invalid job id specified for job {X}\nslurm_suspend error: Invalid job id specified\n"),
    (["sbatch", "-p", "nope", "--wrap", "true"], 1,
     "sbatch: error: invalid partition specified: nope\n"
     "sbatch: error: Batch job submission failed: Invalid partition name specified\n"),
    (["sbatch", "--gres=gpu:99", "--wrap", "true"], 1,
     "sbatch: error: Batch job submission failed: Requested node configuration is not available\n"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "status", "text"), REFUSED, ids=[f"{n}-{row[0][0]}" for n, row in enumerate(REFUSED)])
def test_refusal(jobs: Jobs, words: list[str], status: int, text: str) -> None:
    done = jobs.run(*words)
    assert (done.status, done.out, done.err) == (status, "", jobs.fill(text))


# --- forms that are cut up ------------------------------------------------------------------------------------------


def test_submission_line_is_cut_six_ways(jobs: Jobs) -> None:
    script = "#!/bin/bash\n#SBATCH --nodes=1   # number of nodes\ntrue\n"
    out = jobs.run("sbatch", "-H", "-o", "/dev/null", "-J", "x", stdin=script).ok().out
    numbers = {
        re.search(r"job (?P<id>[0-9]+)", out)["id"], re.match(r"Submitted batch job (?P<id>\S*)", out)["id"],  # type: ignore[index]
        re.match(r"(.*:\s*)?([Gg]ranted job allocation|[Ss]ubmitted batch job)\s+(?P<jobid>\d+)", out)["jobid"],  # type: ignore[index]
        re.search(r"(?P<job_id>\d+)", out)["job_id"], out.split()[-1], out.split()[3],  # type: ignore[index]
    }  # fmt: skip
    (number,) = numbers
    parsable = jobs.run("sbatch", "--parsable", "-H", "--wrap", "true").ok().out.strip()
    assert parsable.isdecimal()
    assert jobs.run("scancel", number, parsable, "--signal", "KILL").out == ""
    jobs.run("scancel", number, parsable)


def test_aiida_asks_for_every_field(jobs: Jobs) -> None:
    names = jobs.run("sacct", "--helpformat").out.split()
    assert len(names) > 90
    rows = jobs.run("sacct", f"--format={','.join(names)}", "--parsable", "--jobs={C}").ok().out.splitlines()
    assert rows[0].rstrip("|").split("|") == names
    assert [row.count("|") for row in rows] == [len(names)] * 3
    fields = ("%i", "%t", "%r", "%B", "%u", "%D", "%C", "%R", "%P", "%l", "%M", "%S", "%j", "%V")
    standard = {"SLURM_TIME_FORMAT": "standard"}
    done = jobs.run("squeue", "--noheader", "-o", "^^^".join(fields), "--jobs={R},{R}", env=standard).ok()
    values = done.out.strip().split("^^^")
    assert len(values) == len(fields)
    assert values[:6] == [str(jobs.ids["R"]), "R", "None", values[3], jobs.ids["U"], "1"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", values[11])


def test_qtoolkit_and_toil_cut_records_at_blanks(jobs: Jobs) -> None:
    line = jobs.run("scontrol", "show", "job", "-o", "{H}", env={"SLURM_TIME_FORMAT": "standard"}).ok().out
    assert line.count("\n") == 1
    words = line.split()
    assert all("=" in word for word in words), [word for word in words if "=" not in word]
    record = dict(word.split("=", 1) for word in words)
    needed = "JobId JobName UserId JobState Reason ExitCode NumNodes NumCPUs CPUs/Task TimeLimit Partition NodeList StdOut StdErr"
    assert set(needed.split()) <= set(record)
    assert "MinMemoryCPU" in record
    assert re.fullmatch(r"\w+\(\d+\)", record["UserId"])
    assert (record["ExitCode"], record["JobState"]) == ("0:0", "PENDING")
    lines = jobs.run("scontrol", "show", "job", "{F}").ok().out.split()
    assert dict(word.split("=", 1) for word in lines if "=" in word)["ExitCode"] == "3:0"
    named = jobs.run("squeue", "--noheader", "-o", "%i<><> %t<><> %r<><> %j<><> %u", "--jobs={H},{H}").out.strip().split("<><> ")
    assert named == [str(jobs.ids["H"]), "PD", "JobHeldUser", "held", jobs.ids["U"]]


def test_reframe_reads_nodes(jobs: Jobs) -> None:
    for line in jobs.run("scontrol", "-a", "show", "-o", "nodes").ok().out.splitlines():
        for key in ("NodeName", "State", "Partitions", "ActiveFeatures"):
            assert re.search(rf"(?:^|\s){key}=(\S+)", line), key
        assert set(re.search(r"State=(\S+)", line)[1].split("+")) <= {"IDLE", "MIXED", "ALLOCATED"}  # type: ignore[index]
    parts = jobs.run("scontrol", "-a", "show", "-o", "partitions").ok().out
    assert re.findall(r"PartitionName=(\S+)", parts) == ["gpu", "debug"]
    config = jobs.run("scontrol", "show", "config").ok().out
    for key, form in (("MaxArraySize", r"\d+"), ("MinJobAge", r"\d+ sec"), ("ClusterName", r"test"), ("SLURM_VERSION", r"\S+")):
        assert re.search(rf"^{key}\s*= {form}$", config, re.MULTILINE), key


def test_simple_slurm_reads_a_csv(jobs: Jobs) -> None:
    words = ["squeue", "--me", "-j", "{R}", "-o", '"%i","%j","%t","%M","%L","%D","%C","%m","%b","%R"']
    rows = list(csv.DictReader(jobs.run(*words).ok().out.splitlines()))
    assert [(row["JOBID"], row["NAME"], row["ST"], row["TRES_PER_NODE"]) for row in rows] == [
        (str(jobs.ids["R"]), "run", "R", "gres:gpu:1")
    ]


def test_states_are_of_the_vocabulary(jobs: Jobs) -> None:
    for row in jobs.run("squeue", "-a", "-h", "-t", "all", "-o", "%T %t %r").ok().out.splitlines():
        long, short, reason = row.split(" ", 2)
        assert LONG.fullmatch(long)
        assert COMPACT.fullmatch(short)
        assert (short, reason) != ("F", "None")
    for row in jobs.run("sacct", "-a", "-n", "-P", "-o", "state", "-S", "2020-01-01").ok().out.split("\n")[:-1]:
        assert LONG.fullmatch(row.split()[0]), row


def number(value: Any) -> Any:
    assert set(value) == {"set", "infinite", "number"}
    return value["number"] if value["set"] else None


def test_objects_of_json(jobs: Jobs) -> None:
    """slurmtop, exporters, NeMo Run, torchx and PRRTE read the shape of Slurm 23.11 and later."""
    both = (jobs.run("squeue", "--json", "-j", "{R}"), jobs.run("scontrol", "show", "job", "{R}", "--json"))
    for done in both:
        (job,) = json.loads(done.ok().out)["jobs"]
        who = (job["job_id"], job["job_state"], job["name"], job["user_name"])
        assert who == (jobs.ids["R"], ["RUNNING"], "run", jobs.ids["U"])
        assert (number(job["time_limit"]), number(job["node_count"]), number(job["cpus"]), number(job["tasks"])) == (10, 1, 1, 1)
        assert number(job["end_time"]) == number(job["start_time"]) + 600
        assert job["state_reason"] == "None"
        assert job["job_resources"]["nodes"]["list"] == job["nodes"] == job["batch_host"]
        assert re.search(r"gres/gpu(:a100)?[:=]1", job["tres_per_node"] + job["tres_alloc_str"])
        assert job["exit_code"]["return_code"] == {"set": True, "infinite": False, "number": 0}
    (failed,) = json.loads(jobs.run("squeue", "--json", "-t", "all", "-j", "{F}").ok().out)["jobs"]
    assert (failed["job_state"], number(failed["exit_code"]["return_code"])) == (["FAILED"], 3)
    tasks = json.loads(jobs.run("squeue", "--json", "-j", "{A}").ok().out)["jobs"]
    (waiting,) = [job for job in tasks if job["array_task_string"]]
    assert waiting["job_resources"] == {}  # runrunner looks for its keys
    assert (waiting["array_task_string"], number(waiting["array_job_id"]), waiting["hold"]) == ("2-3%2", jobs.ids["A"], False)
    document = json.loads(jobs.run("sinfo", "--json").ok().out)
    entries = document["sinfo"]
    # exporters for Slurm up to 23.02 read every node by plain numbers and words
    older = {node["name"]: (node["state"], node["alloc_cpus"] + node["idle_cpus"]) for node in document["nodes"]}
    assert older.keys() == {"n0", "n1"}
    assert older[jobs.ask_node("{R}")] == ("mixed", 8)
    assert document["meta"]["Slurm"]["version"]["major"] == int(document["meta"]["slurm"]["version"]["major"])
    assert {entry["partition"]["name"] for entry in entries} == {"gpu", "debug"}
    assert sum(entry["cpus"]["total"] for entry in entries if entry["partition"]["name"] == "gpu") == 16
    assert all(isinstance(entry["node"]["state"], list) for entry in entries)
    nodes = json.loads(jobs.run("scontrol", "show", "nodes", "--json").ok().out)["nodes"]
    assert [(node["name"], node["cpus"], node["gres"]) for node in nodes] == [("n0", 8, "gpu:a100:4"), ("n1", 8, "gpu:a100:4")]
    (told,) = json.loads(jobs.run("sacct", "--json", "-j", "{C}").ok().out)["jobs"]
    assert told["state"]["current"] == ["CANCELLED"]
    assert [step["step"]["id"] for step in told["steps"]] == [f"{jobs.ids['C']}.batch"]
    assert json.loads(jobs.run("sdiag", "--json").ok().out)["statistics"]["jobs_submitted"] >= 6


def test_every_entity_as_an_object(jobs: Jobs) -> None:
    def asked(*words: str) -> Any:
        return json.loads(jobs.run(*words).ok().out)

    assert [node["name"] for node in asked("scontrol", "show", "node", "n1", "--json")["nodes"]] == ["n1"]
    assert [part["name"] for part in asked("scontrol", "show", "partition", "debug", "--json")["partitions"]] == ["debug"]
    steps = asked("scontrol", "show", "step", "{R}", "--json")["steps"]
    assert sorted(step["id"]["step_id"] for step in steps) == ["0", "batch"]
    assert asked("scontrol", "show", "reservation", "--json")["reservations"] == []
    assert [(one["pinged"], one["mode"]) for one in asked("scontrol", "ping", "--json")["pings"]] == [("UP", "primary")]
    document = asked("sinfo", "--json", "-p", "debug", "-n", "n0")
    entries = document["sinfo"]
    assert [node["name"] for node in document["nodes"]] == ["n0"]
    assert [(entry["partition"]["name"], entry["nodes"]["nodes"]) for entry in entries] == [("debug", ["n0"])]
    for nothing in (("-p", "nosuch"), ("-n", "nosuch"), ("-t", "down"), ("-R",), ("-d",)):
        document = asked("sinfo", "--json", *nothing)
        assert (document["sinfo"], document["nodes"]) == ([], []), nothing


def test_yaml_is_the_same_document(jobs: Jobs) -> None:
    text = jobs.run("squeue", "--json", "--yaml", "-j", "{R}").ok().out
    document = json.loads(jobs.run("squeue", "--yaml", "--json", "-j", "{R}").ok().out)
    document["last_update"] = {"set": True, "infinite": False, "number": 0}
    text = re.sub(r"(?s)(!!str last_update:.*?!!str number: !!int )\d+", r"\g<1>0", text)
    assert text == yaml_text.document(document)


def test_sdiag_is_read_by_its_words(jobs: Jobs) -> None:
    out = jobs.run("sdiag").ok().out
    keys = "Server thread count,Agent queue size,Jobs submitted,Jobs started,Jobs completed,Last cycle,Mean cycle"
    for key in keys.split(","):
        assert re.search(rf"^\s*{key}\s*:\s+\d+$", out, re.MULTILINE), key


def test_hostnames_of_the_job(jobs: Jobs) -> None:
    inside = {"SLURM_JOB_NODELIST": "n[0-1]", "SLURM_NODELIST": "n[0-1]"}
    assert jobs.run("scontrol", "show", "hostnames", env=inside).out == "n0\nn1\n"
    empty = jobs.run("scontrol", "show", "hostnames")
    assert (empty.status, empty.out, empty.err) == (0, "", "scontrol: error: host list is empty\n")


def test_time_format_of_the_environment(jobs: Jobs) -> None:
    seconds = jobs.run("sacct", "-n", "-X", "-P", "-j", "{D}", "-o", "start,end", env={"SLURM_TIME_FORMAT": "%s"}).ok().out
    assert re.fullmatch(r"\d{10}\|\d{10}\n", seconds)
    assert jobs.run("sacct", "-n", "-X", "-j", "{D}", env={"SACCT_FORMAT": "state%30"}).out == " " * 21 + "COMPLETED \n"
    assert jobs.run("squeue", "-h", "-j", "{R}", env={"SQUEUE_FORMAT": "%j"}).out == "run\n"
    assert jobs.run("sinfo", "-h", env={"SINFO_FORMAT": "%R"}).out == "gpu\ndebug\n"


def test_jobs_are_changed_in_the_clients_words(jobs: Jobs) -> None:
    """hold, release, update, requeue and cancel as operands and options come."""
    job = str(jobs.submit("-J", "mine", "-t", "7", "--requeue", "--wrap", "sleep 300"))
    jobs.cluster.wait_state(job, "RUNNING")
    jobs.run("scancel", job, "--signal", "USR1").ok()
    assert jobs.run("scontrol", "requeue", job).status == 0
    jobs.cluster.wait_state(job, "RUNNING")
    assert jobs.cluster.job(job)["Restarts"] == "1"
    done = jobs.run("scancel", "-v", job)
    assert (done.status, done.out, done.err.splitlines()[0]) == (0, "", f"scancel: Terminating job {job}")
    jobs.cluster.wait_state(job, "CANCELLED")
    held = str(jobs.submit("-H", "-J", "zz", "--wrap", "true"))
    jobs.run("scontrol", "update", f"jobid={held}", "timelimit=3").ok()
    jobs.run("scontrol", "release", held).ok()
    jobs.cluster.wait_state(held, "COMPLETED")
    other = str(jobs.submit("-H", "-J", "zz", "--wrap", "true"))
    jobs.run("scancel", "--me", "--jobname", "zz").ok()
    jobs.cluster.wait_state(other, "CANCELLED")
