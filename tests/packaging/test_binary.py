"""The binary as a user meets it: what lies in dist/, and the first generation's test."""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgpu_slurm.__main__ import PROGRAMS
from mgpu_slurm.node.plainnames import NAMES
from tests.kit import processes
from tests.kit.cluster import Cluster, readable
from tests.kit.commands import ROOT, Done, clean_environment, finish, popen
from tests.kit.users import User
from tests.kit.waiting import until
from tests.packaging import building

pytestmark = [pytest.mark.xdist_group("packaging"), pytest.mark.ours]

APART = [sys.executable, str(Path(__file__).with_name("apart.py"))]


def test_what_lies_in_dist(dist: Path) -> None:
    folder = dist / "mgpu"
    links = {file.name: os.readlink(file) for file in folder.iterdir() if file.is_symlink()}
    assert links == {f"mgpu_{name}": "mgpu" for name in (*PROGRAMS, *building.OLDEST)}
    plain = {file.name: os.readlink(file) for file in (folder / "slurm").iterdir()}
    assert plain == dict.fromkeys(NAMES, "../mgpu")
    beside = {file.name: os.readlink(file) for file in dist.iterdir() if file.is_symlink()}
    assert beside == {f"mgpu_{name}": f"mgpu/mgpu_{name}" for name in building.BESIDE}


def test_manual_pages_and_completions_lie_in_it(dist: Path) -> None:
    share = dist / "mgpu/share"
    pages = {page.name for page in (ROOT / "man").glob("*.[1-8]")}
    assert pages <= {page.name for page in (share / "man").glob("man[1-8]/*")}
    for kind, ending in (("bash-completion/completions", ""), ("fish/vendor_completions.d", ".fish")):
        if (share / kind).exists():
            assert {file.name for file in (share / kind).iterdir()} == {f"mgpu_{name}{ending}" for name in PROGRAMS}
    assert (ROOT / "packaging/completions").exists() == (share / "bash-completion").exists()
    assert all(file.exists() for file in share.rglob("*"))  # no link leads nowhere


def test_the_terms_of_what_is_inside_lie_in_it(dist: Path) -> None:
    names = {place.name.lower() for place in (dist / "mgpu/licenses").iterdir()}
    assert {"sqlalchemy", "alembic", "msgspec", "psutil", "pyinstaller"} <= names


@pytest.mark.parametrize("name", [*PROGRAMS, *building.OLDEST])
def test_every_program_starts(dist: Path, name: str) -> None:
    done = finish(popen([str(dist / "mgpu" / f"mgpu_{name}"), "--help"], clean_environment(), "/"))
    assert done.status == 0, repr(done)
    assert done.out, repr(done)


class FirstGeneration:
    """Programs of dist/ as a user who has nothing but a home, in a network of their own: the port is always 8080."""

    def __init__(self, dist: Path, user: User) -> None:
        self.dist = dist
        self.user = user

    def shell(self, script: str) -> Done:
        """Run a script in the user's home with the directory above dist/ in $tree; what it leaves running is ended."""
        user = self.user
        words = [
            "unshare", "--net", "--", *APART, "setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups",
            "sh", "-c", script,
        ]  # fmt: skip
        environ = clean_environment(user, tree=str(self.dist.parent))
        try:
            return finish(popen(words, environ, user.home), 90)
        finally:
            processes.kill(processes.of_user(user.uid))


@pytest.fixture
def first(dist: Path, alice: User) -> Iterator[FirstGeneration]:
    yield FirstGeneration(dist, alice)
    shutil.rmtree(alice.home / ".local", ignore_errors=True)
    for file in alice.home.glob("slurm-*.out"):
        file.unlink()


ENDED = """
for _ in $(seq 600); do grep -q . slurm-1.out 2>/dev/null && break; sleep 0.1; done
cat slurm-1.out
"""


@pytest.mark.parametrize(
    ("master", "node", "client"),
    [
        ("mgpu_master", "mgpu_node --node-id test", "mgpu_client"),
        ("mgpu_simple_master", "mgpu_simple_node --node-id test --host 127.0.0.1", "mgpu_simple_client"),
    ],
)
def test_the_first_generations_test(first: FirstGeneration, master: str, node: str, client: str) -> None:
    script = f"""
"$tree"/dist/{master} >master.log 2>&1 &
"$tree"/dist/{node} >node.log 2>&1 &
"$tree/dist/{client}" submit "echo test" || exit 3
{ENDED}
"$tree/dist/{client}" queue
"""
    done = first.shell(script)
    lines = done.ok().lines
    assert lines[:2] == ["Submitted batch job 1", "test"], (done, readable(first.user.home / "master.log"))
    assert lines[2].split()[0] == "JOBID"
    # it ran on the master that was started, not on a cluster of the user's own
    assert "link test: connected" in readable(first.user.home / "node.log")
    assert not list((first.user.home / ".local/state/mgpu").glob("*/controller.sock"))


def test_the_first_generations_test_in_one_line(first: FirstGeneration) -> None:
    """Nothing waits for anything: the client comes before the master listens."""
    script = f"""
"$tree"/dist/mgpu_master >m 2>&1 & "$tree"/dist/mgpu_node --node-id test >n 2>&1 & "$tree"/dist/mgpu_client submit "echo test"
{ENDED}
"""
    done = first.shell(script)
    assert done.ok().lines == ["Submitted batch job 1", "test"], (done, readable(first.user.home / "m"))
    assert not list((first.user.home / ".local/state/mgpu").glob("*/controller.sock"))


class Binary(Cluster):
    """A cluster whose daemons and commands are a binary's."""

    def __init__(self, folder: Path, **more: object) -> None:
        self.folder = folder
        super().__init__(1, 0, **more)  # type: ignore[arg-type]

    def launch(self, name: str) -> subprocess.Popen[bytes]:
        conf = str(self.conf)
        words = ["mgpu_master", "-f", conf] if name == "controller" else ["mgpu_node", "-f", conf, "-N", name]
        return self.launch_words(name, [str(self.folder / words[0]), *words[1:]])

    def program(self, name: str) -> str:
        return str(self.folder / f"mgpu_{name}")


@pytest.fixture(scope="module")
def cluster(dist: Path) -> Iterator[Binary]:
    with Binary(dist / "mgpu") as made:
        made.boot()
        yield made


TELL = "env -0 | sort -z | tr '\\0\\n' '\\n?'"


@pytest.mark.parametrize("given", ["/opt/one:/opt/two", ":/opt/behind/an/empty/one", None])
def test_a_job_gets_the_users_own_environment(cluster: Binary, here: Path, given: str | None) -> None:
    """The loader of the binary has an LD_LIBRARY_PATH and variables of its own; no task may see them."""
    more = {"PYTHONPATH": "/nowhere", "LD_LIBRARY_PATH_ORIG": "mine", "MINE": "1"}
    if given is not None:
        more["LD_LIBRARY_PATH"] = given
        del more["LD_LIBRARY_PATH_ORIG"]
    cluster.run("sbatch", "--wait", "-o", str(here / "batch"), "--wrap", TELL, env=more).ok()
    seen = {
        "srun": cluster.run("srun", "sh", "-c", TELL, env=more).ok().lines,
        "sbatch": (here / "batch").read_text().splitlines(),
        "salloc": cluster.run("salloc", "-Q", "sh", "-c", TELL, env=more).ok().lines,
    }
    for command, lines in seen.items():
        told = dict(line.partition("=")[::2] for line in lines)
        own = {name: value for name, value in told.items() if name.startswith(("LD_", "PYTHON", "_PYI", "_MEI", "MINE", "LC_"))}
        assert own == {**more, "LC_ALL": "C"}, command


def test_plain_names_work_inside_a_job(cluster: Binary, here: Path) -> None:
    script = """#!/bin/sh
command -v srun
srun -n2 -l sh -c 'echo $SLURM_PROCID' | sort
squeue -h -j $SLURM_JOB_ID -o %T
scontrol show hostnames n[1-2]
env -i "$(command -v sinfo)" -h -o %D
"""
    cluster.run("sbatch", "--wait", "-n2", "-o", str(here / "out"), stdin=script).ok()
    lines = (here / "out").read_text().splitlines()
    assert lines == [f"{cluster.directory}/spool/n0/bin/srun", "0: 0", "1: 1", "RUNNING", "n1", "n2", "1"]


def test_a_folder_with_a_blank_in_its_name(dist: Path, here: Path) -> None:
    with building.folder() as place:
        folder = place / "a folder of some length, with blanks in its name, so that no first line could hold it" / "mgpu"
        shutil.copytree(dist / "mgpu", folder, symlinks=True)
        with Binary(folder) as cluster:
            cluster.boot()
            done = cluster.run("srun", "sh", "-c", "scontrol show hostnames n[1-2]; echo ${LD_LIBRARY_PATH-none}").ok()
            assert done.lines == ["n1", "n2", "none"]


def test_running_jobs_need_the_programs_files_no_more(dist: Path) -> None:
    """As in an upgrade, which replaces every file: supervisors go on, and a daemon of the new ones finds them."""
    with building.folder() as place:
        folder = place / "mgpu"
        shutil.copytree(dist / "mgpu", folder, symlinks=True)
        with Binary(folder) as cluster:
            cluster.boot()
            go, out = cluster.directory / "work/go", cluster.directory / "work/out"
            script = f"#!/bin/sh\necho begun\nwhile [ ! -e {go} ]; do sleep 0.05; done\necho ended\nexit 5\n"
            job = cluster.submit("-o", str(out), script=script)
            until(lambda: readable(out) == "begun\n", "the job begins")
            cluster.kill9("n0")
            (folder / "_internal").rename(place / "gone")
            go.touch()
            until(lambda: readable(out) == "begun\nended\n", "the job ends")
            until(lambda: not cluster.supervisors(job), "no task is left")
            (place / "gone").rename(folder / "_internal")
            cluster.restart("n0")
            cluster.wait_state(job, "FAILED")
            assert cluster.job(job)["ExitCode"] == "5:0"


def seconds(words: list[str], environ: dict[str, str]) -> float:
    """How long a whole process takes."""
    began = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    pid = os.posix_spawn(words[0], words, environ, file_actions=quiet)
    status = os.waitpid(pid, 0)[1]
    took = time.perf_counter() - began
    assert status == 0, words
    return took


@pytest.mark.parametrize(
    ("line", "runs"),
    [("mgpu_srun --version", 31), ("mgpu_squeue", 31), ("mgpu_client --help", 31), ("mgpu_srun true", 9), ("mgpu_node -V", 15)],
)
def test_it_starts_in_at_most_twice_the_time_of_a_command_that_pip_installed(
    cluster: Binary, installed: Path, line: str, runs: int, record_property: pytest.RecordProperty
) -> None:
    environ = cluster.environment()
    program, *args = line.split()
    took: dict[Path, list[float]] = {cluster.folder: [], installed: []}
    for _ in range(runs):  # in turn, so that what else runs here slows both
        for place, times in took.items():
            times.append(seconds([str(place / program), *args], environ))
    binary, pip = (statistics.median(times) for times in took.values())
    record_property("milliseconds", f"binary {binary * 1e3:.1f}, pip {pip * 1e3:.1f}")
    assert binary <= 2 * pip, f"{line}: binary {binary * 1e3:.1f} ms, pip {pip * 1e3:.1f} ms"


def test_it_dies_of_signals_as_a_c_program_does(cluster: Binary) -> None:
    process = popen([cluster.program("squeue"), "-i", "1"], cluster.environment(), "/")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == -signal.SIGINT
    process.communicate()
