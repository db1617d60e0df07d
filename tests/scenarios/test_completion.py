"""Completion in real shells: bash by its function and by a TAB key on a terminal, zsh by a TAB key, fish by its own question."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgpu_slurm.commands.session import open_session
from tests.kit.cluster import Cluster, Suite
from tests.kit.commands import BIN, ROOT, clean_environment

pytestmark = pytest.mark.ours

BASH = ROOT / "packaging/completions/mgpu.bash"
FISH = ROOT / "packaging/completions/mgpu.fish"

# What readline hands over: the line, and its words as bash parts them.
HARNESS = """
source "$1"; shift
COMP_LINE=$1 COMP_POINT=${#1}; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
compopt() { :; }
_mgpu
printf '%s\\n' "${COMPREPLY[@]}"
"""


def bash(line: str, suite: Suite | None = None, cwd: Path | str = "/") -> list[str]:
    words = re.findall(r"[^\s=:]+|[=:]+", line) + ([""] if line[-1:].isspace() else [])
    environ = suite.environment() if suite else clean_environment()
    environ["PATH"] = f"{BIN}:{environ['PATH']}"
    command = ["bash", "--norc", "-c", HARNESS, "bash", BASH, line, *words]
    done = subprocess.run(command, env=environ, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return [word for word in done.stdout.splitlines() if word]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("mgpu_sbatch --partit", ["--partition="]),
        ("mgpu_squeue --js", ["--json"]),
        ("mgpu_sbatch --mail-type=BEG", ["BEGIN"]),
        ("mgpu_sbatch --mail-type BEGIN,E", ["BEGIN,END"]),
        ("mgpu_sbatch --mail-type=BEGIN,E", ["BEGIN,END"]),
        ("mgpu_sbatch --gres=gpu:", ["1", "2", "4", "8"]),
        ("mgpu_srun --cpu-bind=map", ["map_cpu:"]),
        ("mgpu_squeue -t PENDING,RUN", ["PENDING,RUNNING"]),
        ("mgpu_scancel -t ", ["PENDING", "RUNNING", "SUSPENDED"]),
        ("mgpu_sacct -o JobID,Stat", ["JobID,State"]),
        ("mgpu_squeue -O JobArr", ["JobArrayId"]),
        ("mgpu_scontrol sho", ["show"]),
        ("mgpu_scontrol show nod", ["node"]),
        ("mgpu_scontrol update JobId=4 TimeL", ["TimeLimit="]),
        ("mgpu_scontrol update NodeName=a State=RES", ["RESUME"]),
        ("mgpu_client ", ["submit", "queue", "cancel"]),
        ("mgpu_cluster st", ["status"]),
        ("mgpu_squeue -o ", []),
        ("mgpu_srun -n ", []),
        ("mgpu_sbatch --no-such", []),
        ("mgpu_srun -n 2 printen", ["printenv"]),
        ("/some/where/mgpu_sinfo --summ", ["--summarize"]),
    ],
)
def test_bash(line: str, offered: list[str]) -> None:
    assert list(dict.fromkeys(bash(line))) == offered


def test_bash_offers_files_where_files_stand(tmp_path: Path) -> None:
    (tmp_path / "train.sh").touch()
    (tmp_path / "train.d").mkdir()
    for line in ("mgpu_sbatch tr", "mgpu_sbatch -o tr", "mgpu_sbatch --output=tr", "mgpu_srun -n 2 python tr", "mgpu_sbcast tr"):
        assert sorted(bash(line, cwd=tmp_path)) == ["train.d", "train.sh"], line
    assert bash("mgpu_sbatch -D tr", cwd=tmp_path) == ["train.d"]
    assert bash("mgpu_sbatch --chdir=tr", cwd=tmp_path) == ["train.d"]


@pytest.mark.parametrize("program", ["sbatch", "squeue", "scontrol", "doctor", "node", "queue"])
def test_bash_offers_every_option(program: str) -> None:
    from mgpu_slurm.intake import completion

    names = {f"--{name}" for entry in completion.entries(program) for name in entry.long}
    assert {word.rstrip("=") for word in bash(f"mgpu_{program} --")} == names


def test_bash_asks_the_cluster(cluster: Suite) -> None:
    job = cluster.submit("--wrap", "srun sleep 100")
    array = cluster.submit("--array=1-3", "--hold", "--wrap", "true")
    cluster.wait_state(job, "RUNNING")
    cluster.until(lambda: f"{job}.0" in cluster.ask("squeue", "-h", "-s", "-o", "%i").split(), "the step is there")
    assert {str(job), str(array)} <= set(bash("mgpu_scancel ", cluster))
    assert str(job) in bash("mgpu_squeue -j ", cluster)
    assert f"{array},{job}" in bash(f"mgpu_squeue -j {array},", cluster)
    assert f"{job}.0" in bash("mgpu_sattach ", cluster)
    assert set(bash("mgpu_sbatch -p ", cluster)) >= {"gpu", "debug", "small"}
    assert bash("mgpu_sbatch --partition=deb", cluster) == ["debug"]
    assert bash("mgpu_sbatch -w n0,n", cluster) == ["n0,n0", "n0,n1", "n0,n2", "n0,n3"]
    assert bash("mgpu_scontrol show node n", cluster) == ["n0", "n1", "n2", "n3"]
    assert bash("mgpu_scontrol update NodeName=n3", cluster) == ["n3"]
    assert str(job) in bash("mgpu_scontrol hold ", cluster)
    assert isinstance(cluster, Cluster)
    terms = [("StartTime", "now"), ("Duration", "10"), ("Users", "root"), ("Nodes", "n3")]
    with reservation(cluster, "tea", terms):
        shown = re.findall(r"^ReservationName=(\S+)", cluster.ask("scontrol", "-o", "show", "reservation"), re.M)
        assert bash("mgpu_sbatch --reservation=", cluster) == shown


@contextlib.contextmanager
def reservation(cluster: Cluster, name: str, terms: list[tuple[str, str]]) -> Iterator[None]:
    """A reservation that is there for a while."""
    session = open_session(cluster.environment())
    message = {"kind": "update", "what": "reservation", "name": name}
    session.call({**message, "changes": terms, "action": "create"})
    try:
        yield
    finally:
        session.call({**message, "changes": [], "action": "delete"})


def test_nobody_waits_for_a_controller_that_is_away() -> None:
    cluster = Cluster(1, 0)
    try:
        began = time.monotonic()
        assert bash("mgpu_scancel ", cluster) == []
        spent = time.monotonic() - began
        tried = time.monotonic()
        assert cluster.run("squeue").status == 1
        assert spent < time.monotonic() - tried, "a completion gives up before a command does"
    finally:
        cluster.down(strict=False)


class Terminal:
    """A shell on a terminal. `press` types and waits until the screen shows what is wanted."""

    def __init__(self, words: list[str], environ: dict[str, str]) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], words, environ)
        self.seen = ""

    def press(self, text: str, wanted: str, seconds: float = 60.0) -> str:
        """What came since; AssertionError unless `wanted` (a pattern) comes in time."""
        self.seen = ""
        os.write(self.fd, text.encode())
        end = time.monotonic() + seconds
        while not re.search(wanted, self.seen):
            ready, _, _ = select.select([self.fd], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"no {wanted!r} after {text!r}: {self.seen!r}"
            self.seen += os.read(self.fd, 65536).decode(errors="replace").replace("\a", "")
        return self.seen

    def complete(self, line: str, wanted: str) -> None:
        """Type a line and the TAB key; then take the line back, so that nothing runs."""
        self.press(f"{line}\t", re.escape(wanted))
        self.press("\x15\n", "READY")

    def close(self) -> None:
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@pytest.fixture
def environ(cluster: Suite) -> dict[str, str]:
    found = cluster.environment()
    return {**found, "PATH": f"{BIN}:{found['PATH']}", "TERM": "dumb", "PS1": "READY ", "HISTFILE": ""}


@pytest.fixture
def bash_terminal(environ: dict[str, str]) -> Iterator[Terminal]:
    terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], environ)
    terminal.press(f"bind 'set enable-bracketed-paste off'; source {BASH}; echo LOAD''ED\n", "LOADED")
    yield terminal
    terminal.close()


def test_bash_with_the_tab_key(bash_terminal: Terminal) -> None:
    bash_terminal.complete("mgpu_sinfo --summ", "--summarize ")
    bash_terminal.complete("mgpu_sbatch --partition=deb", "--partition=debug ")
    bash_terminal.complete("mgpu_sbatch --gpus-per-n", "--gpus-per-node=")
    bash_terminal.complete("mgpu_sbatch --gres=gpu:a,g", "--gres=gpu:a,gpu:")
    bash_terminal.complete("mgpu_scontrol show node n3", "node n3 ")


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_with_the_tab_key(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "srun").write_text("#!/bin/sh\n")
    (tmp_path / "srun").chmod(0o755)
    terminal = Terminal(["zsh", "-f", "-i"], {**environ, "PROMPT": "READY "})
    try:
        load = f"cd {tmp_path}; unsetopt zle_bracketed_paste; fpath=({BASH.parent} $fpath)"
        terminal.press(f"{load}; autoload -Uz compinit && compinit -u -D; echo LOAD''ED\n", "LOADED")
        terminal.complete("mgpu_sinfo --summ", "--summarize ")
        terminal.complete("mgpu_sbatch --partition=deb", "--partition=debug")
        terminal.complete("mgpu_sbatch -p deb", "-p debug")
        terminal.complete("mgpu_scontrol show nod", "show node ")
        terminal.complete("mgpu_sbatch --mail-type BEGIN,FA", "BEGIN,FAIL")
        terminal.complete("mgpu_scontrol update NodeName=n3 State=RES", "State=RESUME ")
        terminal.complete("mgpu_client su", "submit ")
        terminal.complete(f"{BIN}/slurm/sinfo --summ", "--summarize ")
        # a plain name on PATH: only where it is this suite's
        terminal.press(f"export PATH={tmp_path}:$PATH; rehash; touch only-a-file; echo DO''NE\n", "DONE")
        terminal.complete("srun --partition=deb\tX", "=debX")
        terminal.complete("srun only-a", "only-a-file ")
        terminal.press(f"export PATH={BIN}/slurm:$PATH; rehash; echo DO''NE\n", "DONE")
        terminal.complete("srun --partition=deb", "--partition=debug")
        terminal.complete("scontrol show nod", "show node ")
    finally:
        terminal.close()


def fish(line: str, environ: dict[str, str]) -> list[str]:
    command = f"source {FISH}; complete -C '{line}'"
    done = subprocess.run(["fish", "--no-config", "-c", command], env=environ, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return [word.partition("\t")[0] for word in done.stdout.splitlines()]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish(environ: dict[str, str]) -> None:
    assert fish("mgpu_sinfo --summ", environ) == ["--summarize"]
    assert fish("mgpu_sbatch --partition=deb", environ) == ["--partition=debug"]
    assert fish("mgpu_sbatch -p de", environ) == ["debug"]
    assert fish("mgpu_sbatch --mail-type BEGIN,FA", environ) == ["BEGIN,FAIL"]
    assert fish("mgpu_scontrol show nod", environ) == ["node"]
    assert fish("mgpu_scontrol show node n", environ) == ["n0", "n1", "n2", "n3"]
    assert "submit" in fish("mgpu_client ", environ)
