"""The options table itself, who goes first, heterogeneous jobs, and what comes out at the end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.facts import options
from mgpu_slurm.facts.option import OPTIONAL
from mgpu_slurm.intake import submit
from mgpu_slurm.intake.readers import READERS
from mgpu_slurm.records.request import JobRequest, StepRequest

SCRIPT = "#!/bin/sh\n{}\ntrue\n"


def parse(argv: list[str], environ: dict[str, str] | None = None, head: str = "", command: str = "sbatch", compat=(26, 5)):
    data = SCRIPT.format(head).encode()
    return submit.parse(command, argv, environ or {}, "/home/u", lambda name: (f"/home/u/{name}", data), compat, now=1.79e9)


@pytest.mark.parametrize("command", ["sbatch", "srun", "salloc"])
def test_table(command: str) -> None:
    rows = options.of(command)
    names = [row.name for row in rows]
    letters = [row.letter for row in rows if row.letter]
    assert len(names) == len(set(names))
    assert len(letters) == len(set(letters))
    fields = set(JobRequest.__struct_fields__)
    for row in rows:
        assert row.kind in READERS or row.kind in ("count", "help", "usage", "version", "autocomplete")
        assert row.group == "hidden" or row.group in dict(options.GROUPS)
        for field in row.sets.split(","):
            assert field in ("", "other", "ntasks_per_tres") or field.startswith(".") or field in fields
        assert row.help
        assert not row.help.endswith(".")
        if row.arg == OPTIONAL:
            assert row.name not in ("time", "mem")


BINDINGS = [
    (["--tres-bind=gres/gpu:single:2"], {}, "single:2"),
    (["--tres-bind=gres/nic:closest+gres/gpu:verbose,per_task:1"], {}, "verbose,per_task:1"),
    (["--tres-bind=gres/gpu:closest", "--gpu-bind=none"], {}, "none"),
    (["--gpu-bind=none", "--tres-bind=gres/gpu:closest"], {}, "closest"),
    (["--gpu-bind=none"], {"SLURM_TRES_BIND": "gres/gpu:closest"}, "none"),
    ([], {"SLURM_TRES_BIND": "gres/gpu:closest"}, "closest"),
    (["--tres-bind=gres/nic:closest"], {}, None),
]


@pytest.mark.parametrize(("words", "environ", "wanted"), BINDINGS)
def test_tres_bind_of_gpus_is_gpu_bind(words: list[str], environ: dict[str, str], wanted: str | None) -> None:
    assert parse([*words, "true"], environ, command="srun").requests[0].get("gpu_bind") == wanted


def test_variables_of_later_versions_are_not_read() -> None:
    environ = {"SLURM_TRES_BIND": "junk"}
    assert "gpu_bind" not in parse(["true"], environ, command="srun", compat=(22, 5)).requests[0]
    with pytest.raises(UsageError):
        parse(["true"], environ, command="srun")


def test_daemons_of_another_launcher_hold_nothing() -> None:
    component = parse(["--external-launcher", "-c4", "true"], {"SLURM_JOB_ID": "1"}, command="srun").components[0]
    request = submit.step(component, 1)
    assert (request["overlap"], request["exclusive"]) == (True, False)
    assert (request["cpus_per_task"], request["cpu_bind"]) == (None, "none")


WHO_WINS = [
    ("-t5", "", "", 5),
    ("", "6", "", 6),
    ("", "", "#SBATCH -t 7", 7),
    ("-t5", "6", "#SBATCH -t 7", 5),
    ("", "6", "#SBATCH -t 7", 6),
    ("-t5 -t8", "", "", 8),
    ("", "", "#SBATCH -t 7\n#SBATCH --time=9", 9),
]


@pytest.mark.parametrize(("words", "variable", "head", "wanted"), WHO_WINS)
def test_precedence(words: str, variable: str, head: str, wanted: int) -> None:
    environ = {"SBATCH_TIMELIMIT": variable} if variable else {}
    assert parse([*words.split(), "x.sh"], environ, head).requests[0]["time_limit"] == wanted


FLAGS = {"": True, "yes": True, "YES": True, "1": True, "2": True, "-1": True, "0": False, "no": False, "true": False, "x": False}


@pytest.mark.parametrize("text", FLAGS)
def test_flags_from_the_environment(text: str) -> None:
    found = parse(["x.sh"], {"SBATCH_SPREAD_JOB": text}, "#SBATCH --spread-job").requests[0]
    assert found.get("spread_job", False) is FLAGS[text]


def test_memory_of_the_user_beats_memory_of_the_environment() -> None:
    found = parse(["--mem=1", "x.sh"], {"SBATCH_MEM_PER_CPU": "5"}).requests[0]
    assert (found["mem_per_node"], found.get("mem_per_cpu")) == (1, None)
    found = parse(["x.sh"], {"SBATCH_MEM_PER_CPU": "5"}, "#SBATCH --mem=2").requests[0]
    assert (found["mem_per_node"], found.get("mem_per_cpu")) == (2, None)
    found = parse(["x.sh"], {"SBATCH_MEM_PER_NODE": "5"}, "#SBATCH --mem=2").requests[0]
    assert found["mem_per_node"] == 5


def test_verbosity() -> None:
    assert parse(["-vvv", "x.sh"], {"SBATCH_DEBUG": "1"}).client["verbose"] == 3
    assert parse(["x.sh"], {"SBATCH_DEBUG": "2"}, "#SBATCH -vvvv").client["verbose"] == 2


def test_later_variables_are_stronger() -> None:
    found = parse(["x"], {"SLURM_NPROCS": "3", "SLURM_NTASKS": "4", "SRUN_OUTPUT": "b", "SLURM_STDOUTMODE": "a"}, command="srun")
    assert found.requests[0]["ntasks"] == 4
    assert found.client["output"] == "b"


def test_cpus_per_task_changed_its_variable() -> None:
    both = {"SLURM_CPUS_PER_TASK": "3", "SRUN_CPUS_PER_TASK": "4"}
    assert parse(["x"], both, command="srun", compat=(22, 5)).requests[0]["cpus_per_task"] == 4
    assert parse(["x"], both, command="srun").requests[0]["cpus_per_task"] == 3


def test_parsing_stops_at_the_script() -> None:
    found = parse(["-n2", "x.sh", "-n3", "--foo"])
    assert found.operands == ["x.sh", "-n3", "--foo"]
    assert found.requests[0]["argv"] == ["/home/u/x.sh", "-n3", "--foo"]
    assert found.requests[0]["ntasks"] == 2


def test_clusters_of_letters_and_optional_arguments() -> None:
    found = parse(["-OHn4", "-k", "x.sh"]).requests[0]
    assert found["overcommit"]
    assert found["hold"]
    assert found["ntasks"] == 4
    assert found["no_kill"]
    assert parse(["-lI5", "-K0", "-W3", "--pty", "cat"], command="srun").client == {
        "label": True, "immediate": 5, "kill_on_bad_exit": 0, "wait": 3, "pty": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "name"),
    [(["x.sh"], "x.sh"), (["a/b.sh"], "b.sh"), (["--wrap=x"], "wrap"), ([], "sbatch"), (["-Jme", "x"], "me")],
)
def test_names(argv: list[str], name: str) -> None:
    assert parse(argv).requests[0]["name"] == name


def test_wrap() -> None:
    lines = parse(["--wrap", "echo $A"]).requests[0]["script"].split("\n")
    assert (lines[0], lines[1][0], lines[2:]) == ("#!/bin/sh", "#", ["", "echo $A", ""])


def test_het_job() -> None:
    found = parse(["-n2", ":", "-n3", "x.sh", "a"], {}, "#SBATCH -t 5\n#SBATCH hetjob\n#SBATCH -t 6 -c2")
    assert [(one["ntasks"], one["time_limit"], one.get("cpus_per_task")) for one in found.requests] == [(2, 5, None), (3, 6, 2)]
    assert [one["argv"] for one in found.requests] == [["/home/u/x.sh", "a"]] * 2
    found = parse(["-n2", "a", "1", ":", "-n3", "b"], {"SLURM_MEM_PER_NODE_HET_GROUP_1": "7"}, command="srun")
    assert [component.operands for component in found.components] == [["a", "1"], ["b"]]
    assert [one.get("mem_per_node") for one in found.requests] == [None, 7]


def test_pbs_lines() -> None:
    head = "#PBS -l nodes=2:ppn=4,walltime=1:00:00,mem=2gb\n#PBS -N me\n#PBS -m ae\n#SBATCH -J you"
    found = parse(["x.sh"], {}, head).requests[0]
    wanted = {"min_nodes": 2, "ntasks": 8, "time_limit": 60, "mem_per_node": 2048, "name": "me", "mail_type": "END,FAIL"}
    assert {field: found[field] for field in wanted} == wanted
    assert "ntasks" not in parse(["--ignore-pbs", "x.sh"], {}, head).requests[0]


def test_step() -> None:
    found = parse(["--jobid=7", "--exact", "-n2", "--gres=none", "-r1", "--cpu-bind=cores", "-K", "x"], command="srun")
    request = submit.step(found.components[0], 7)
    decoded = msgspec.convert(request, StepRequest)
    assert decoded.exclusive
    assert decoded.kill_on_bad_exit
    assert (decoded.gres, decoded.relative, decoded.cpu_bind, decoded.ntasks) == ("none", 1, "cores", 2)


# Alone they are refused: they need a second option that says how many GPUs or sockets there are.
NEED_MORE = ("gpus-per-task", "gpus-per-socket", "mem-per-gpu", "ntasks-per-gpu", "ntasks-per-tres")


@pytest.mark.usefixtures("as_root")
def test_requests_are_job_requests() -> None:
    """Every option of sbatch with some good value gives a request that the controller can decode, without unknown fields."""
    samples = {
        "positive": "2", "natural": "1", "minutes": "5", "delay": "5", "memory": "1G", "instant": "now+1hour", "nodes": "2",
        "sct": "1:2:1", "distribution": "block", "signal": "USR1@5", "mail_type": "END", "exclusive": "user",
        "open_mode": "append",
        "no_kill": "off", "yes_no": "yes", "zero_one": "1", "nice": "5", "priority": "5", "profile": "task",
        "propagate": "CORE",
        "switches": "1@5", "uid": "0", "gid": "0", "hosts": "n1", "resv_ports": "1", "mem_bind": "local",
        "gpu_bind": "closest",
        "tres_bind": "gres/gpu:closest", "gpu_freq": "low", "cpu_freq": "low", "hint": "multithread",
        "gres_flags": "enforce-binding",
        "acctg_freq": "5", "gres": "gpu:1", "gpus": "1", "tres_per_task": "cpu=1", "requeue": "expedite", "user_env": "",
    }  # fmt: skip
    fields = set(JobRequest.__struct_fields__)
    for row in options.of("sbatch"):
        if row.kind in ("help", "usage", "version", "autocomplete", "file", "nodefile") or row.name in ("wrap", "wait"):
            continue
        word = f"--{row.name}" if row.arg == 0 else f"--{row.name}={samples.get(row.kind, 'text')}"
        try:
            found = parse([word, "--wrap=x"]).requests[0]
        except UsageError:
            assert row.name in NEED_MORE
            continue
        assert set(found) <= fields, row.name
        msgspec.convert(found, JobRequest)


@pytest.mark.parametrize(
    ("argv", "status", "start"),
    [
        (["--help"], 0, "Usage: sbatch"),
        (["-V"], 0, "slurm 26.05"),
        (["--usage"], 0, "Usage: sbatch"),
        (["--gres=help", "x"], 0, "Valid gres options are:\ngpu"),
        (["--autocomplete=gpus-per"], 0, "--gpus-per-node\n"),
    ],
)
def test_texts(argv: list[str], status: int, start: str) -> None:
    with pytest.raises(submit.Finished) as end:
        parse(argv)
    assert end.value.status == status
    assert end.value.text.startswith(start)


def test_reading_a_command_line_imports_little() -> None:
    heavy = ["re", "typing", "dataclasses", "collections", "enum", "asyncio", "msgspec", "logging"]
    code = f"""
import sys
sys.path.insert(0, sys.argv[1])
from mgpu_slurm.intake import submit
submit.parse("sbatch", ["--wrap=x"], {{}}, "/", now=0.0)
print(*sorted(set({heavy}) & sys.modules.keys()))
"""
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, root], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("words", "kept", "told"),
    [
        ("-N2 -n4 --ntasks-per-node=2", 2, False),
        ("-N2 -n4 --ntasks-per-node=1", None, True),
        ("-N2 -n3 --ntasks-per-node=1", 1, False),  # as many as the first node can have of them
        ("-N2 -n5 --ntasks-per-node=3", None, True),
        ("-N2 -n4 --ntasks-per-node=4", None, False),
        ("-n4 --ntasks-per-node=1", 1, False),
    ],
)
def test_tasks_of_a_node_that_do_not_fit_the_tasks(words: str, kept: int | None, told: bool) -> None:
    """Recorded from srun of Slurm 22.05.8; sbatch and salloc leave it to the controller."""
    found = parse([*words.split(), "true"], command="srun", compat=(22, 5))
    assert found.requests[0].get("ntasks_per_node") == kept
    assert any("can't honor --ntasks-per-node" in line for line in found.warnings) == told
    assert parse([*words.split(), "true"], command="salloc").requests[0]["ntasks_per_node"]


def test_a_step_is_named_after_its_program_and_shares_with_a_bare_overlap() -> None:
    environ = {"SLURM_JOB_ID": "5", "SLURM_JOB_NAME": "around"}
    found = parse(["--overlap", "/bin/true"], environ, command="srun")
    made = submit.step(found.components[0], 5)
    assert (made["name"], made["overlap"]) == ("true", True)
    assert submit.step(parse(["-J", "own", "true"], environ, command="srun").components[0], 5)["name"] == "own"
