"""Every example of the manual pages is run, on a cluster on which job 42 runs and has a step 0."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import processes
from tests.kit.cluster import Cluster, free_ports
from tests.kit.commands import BIN, ROOT
from tests.kit.waiting import until

pytestmark = pytest.mark.ours

DAEMONS = ("mgpu_master", "mgpu_node")
ELSEWHERE = ("mgpu_cluster",)
"""Programs whose examples name machines that are not here. They are counted, and their options are read all the same."""

FOLLOWS = {"mgpu_sattach 42.0": "tick"}
"""Examples that go on as long as the job does -> what they show."""

ON_TERMINAL = ("mgpu_salloc -N 2 --gres=gpu:2",)
"""Examples that give a shell, which is left at once."""

DRAIN, RESUME = "mgpu_scontrol update NodeName=n1 State=DRAIN Reason=fan", "mgpu_scontrol update NodeName=n1 State=RESUME"

BEFORE = {"mgpu_scontrol resume 42": "mgpu_scontrol suspend 42", RESUME: DRAIN}
"""What has to be done first."""

AFTER = {DRAIN: RESUME}
"""What undoes an example that would keep others from their nodes: they run in any order, in several processes."""


def examples(page: Path) -> list[str]:
    """The commands of a page's section EXAMPLES, as one would type them."""
    section = page.read_text().partition(".SH EXAMPLES\n")[2].partition(".SH")[0]
    blocks = re.findall(r"^\.nf\n(.*?)^\.fi$", section, re.M | re.S)
    lines = [line.replace("\\-", "-").replace("\\e", "\\") for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("mgpu_")]


EXAMPLES = [(page.name, line) for page in sorted((ROOT / "man").glob("*.[17]")) for line in examples(page)]


def test_every_program_has_examples() -> None:
    from mgpu_slurm.facts import programs

    assert {page for page, _ in EXAMPLES} == {*(f"mgpu_{name}.1" for name in programs.WHAT), "mgpu.7"}
    elsewhere = [line for _, line in EXAMPLES if line.startswith(ELSEWHERE)]
    assert len(elsewhere) == 4, "count them, so that no other example goes unnoticed among them"


@pytest.fixture(scope="module")
def stage() -> Iterator[tuple[Cluster, Path]]:
    """A cluster and a directory with the files that examples name."""
    with Cluster.up(2, 4, settings="FirstJobId=42", compat="") as cluster:
        place = cluster.directory / "work" / "examples"
        place.mkdir()
        for name in ("sweep.sh", "evaluate.sh", "simulate"):
            (place / name).write_text("#!/bin/sh\ntrue\n")
            (place / name).chmod(0o755)
        (place / "train.py").write_text("print('trained')\n")
        (place / "data.bin").write_bytes(bytes(1000))
        (place / "bin").mkdir()
        os.symlink(sys.executable, place / "bin" / "python")
        yield cluster, place


def run_42(cluster: Cluster, place: Path) -> None:
    """See to it that job 42 runs: after it was ended, by a requeue of the same number."""
    # with labels, output passes through the step's supervisor, where sattach hears it
    script = "trap : USR1\nsrun -l -n 1 sh -c 'trap : USR1; while :; do echo tick; sleep 0.05; done' > ticks.out"
    if cluster.state(42) == "":
        job = cluster.submit("--requeue", script=f"#!/bin/sh\n{script}\n", cwd=place)
        assert job == 42
    elif cluster.state(42) == "SUSPENDED":
        cluster.run("scontrol", "resume", "42").ok()
    elif cluster.state(42) != "RUNNING":
        cluster.until(lambda: cluster.run("scontrol", "requeue", "42").status == 0, "42 has ended and goes back into the queue")
    cluster.wait_state(42, "RUNNING")
    cluster.until(lambda: "42.0" in cluster.ask("squeue", "-h", "-s", "-o", "%i").split(), "step 42.0 runs")


def shell(line: str, place: Path, cluster: Cluster) -> subprocess.Popen[str]:
    environ = cluster.environment()
    environ["PATH"] = f"{place / 'bin'}:{BIN}:{BIN / 'slurm'}:{environ['PATH']}"
    pipe = subprocess.PIPE
    return subprocess.Popen(
        ["script", "-qec", line, "/dev/null"] if line in ON_TERMINAL else ["/bin/sh", "-c", f"exec {line}"],
        env=environ, cwd=place, stdin=pipe if line in ON_TERMINAL else subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("page", "line"), [one for one in EXAMPLES if not one[1].startswith((*DAEMONS, *ELSEWHERE))], ids=lambda text: str(text)
)
def test_example(stage: tuple[Cluster, Path], page: str, line: str) -> None:
    cluster, place = stage
    run_42(cluster, place)
    if line in BEFORE:
        shell(BEFORE[line], place, cluster).communicate(timeout=30)
    process = shell(line, place, cluster)
    if line in FOLLOWS:
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], 30)
            assert ready, f"{line} shows nothing"
            assert FOLLOWS[line] in process.stdout.readline()
        finally:
            process.terminate()
            process.communicate(timeout=30)
        return
    out, err = process.communicate("exit\n" if line in ON_TERMINAL else None, timeout=60)
    if line in AFTER:
        shell(AFTER[line], place, cluster).communicate(timeout=30)
    machine_may_fail = line.startswith("mgpu_doctor")  # a disk that is full here is no fault of the example
    assert process.returncode == 0 or (machine_may_fail and process.returncode == 1), (line, out, err)
    assert "error" not in err, (line, err)
    (place / "here.bin").unlink(missing_ok=True)


@pytest.mark.parametrize("line", [line for _, line in EXAMPLES if line.startswith(DAEMONS)])
def test_example_of_a_daemon(stage: tuple[Cluster, Path], line: str, tmp_path: Path) -> None:
    """Its paths and ports are those of a cluster that is not there yet; it serves until it is told to stop."""
    if line == "mgpu_node -C":
        assert "NodeName=" in subprocess.run([BIN / "mgpu_node", "-C"], capture_output=True, text=True, check=True).stdout
        return
    other = Cluster(1, 0)
    try:
        shutil.copy(other.conf, tmp_path / "mgpu.conf")
        text = other.conf.read_text().replace("n0", "gpu01")
        other.conf.write_text(text)
        port = free_ports(1)[0]
        there = {"/etc/mgpu/mgpu.conf": str(other.conf), "8080": str(port)}
        words = [there.get(word, word) for word in shlex.split(line)]
        if words[0] == "mgpu_node" and "-f" not in words:
            words += ["--master-port", str(port)]
        home = tmp_path / "home"
        home.mkdir()
        environ = {**other.environment(), "HOME": str(home), "PATH": f"{BIN}:{other.environment()['PATH']}"}
        del environ["MGPU_CONF"]
        log = tmp_path / "log"
        with log.open("w") as output:
            daemon = subprocess.Popen(words, env=environ, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            told = "serves cluster" if words[0] == "mgpu_master" else "waiting for the cluster key|node (gpu01|node001) started"
            until(lambda: re.search(told, log.read_text()), lambda: f"{words}: {log.read_text()}", 30)
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(30) == 0, log.read_text()
        finally:
            if daemon.poll() is None:
                daemon.kill()
                daemon.wait()
    finally:
        other.down(strict=False)
        processes.kill(processes.mentioning(str(other.directory)))


@pytest.mark.parametrize("line", [line for _, line in EXAMPLES if line.startswith(ELSEWHERE)])
def test_example_elsewhere_is_read(line: str) -> None:
    from mgpu_slurm.facts import programs
    from mgpu_slurm.intake import argv

    program, *words = shlex.split(line)
    parsed = argv.parse(programs.rows(program.removeprefix("mgpu_")), words, True, program)
    assert parsed.operands[0] in {left.split()[0] for left, _ in programs.verbs(program.removeprefix("mgpu_"))}
