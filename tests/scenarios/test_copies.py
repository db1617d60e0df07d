"""sbcast and sattach on a real cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.kit import processes
from tests.kit.cluster import Cluster, Suite, readable

pytestmark = pytest.mark.ours


def script(here: Path, body: str) -> Path:
    path = here / "job.sh"
    path.write_text("#!/bin/sh\n" + body)
    return path


def finished(cluster: Suite, here: Path, body: str, *options: str) -> str:
    """What a batch script wrote."""
    done = cluster.run("sbatch", "-W", "-o", "out", *options, str(script(here, body)), cwd=here)
    assert done.status == 0, done.err + readable(here / "out")
    return readable(here / "out")


def test_copy_is_whole_with_mode_and_times(cluster: Suite, here: Path) -> None:
    source = here / "source"
    content = os.urandom(3_000_000)
    source.write_bytes(content)
    source.chmod(0o751)
    os.utime(source, (1_500_000_000, 1_500_000_001))
    body = """sbcast source plain; sbcast -C source packed; sbcast -p source kept
sbcast source plain; echo $?; sbcast -f source plain; echo $?
"""
    assert finished(cluster, here, body).splitlines() == [
        f"sbcast: error: REQUEST_FILE_BCAST({node}): File exists" if node else text
        for node, text in ((cluster.nodes[0], ""), ("", "17"), ("", "0"))
    ]
    for name in ("plain", "packed", "kept"):
        assert (here / name).read_bytes() == content
        assert (here / name).stat().st_mode & 0o7777 == 0o751
    assert (here / "kept").stat().st_mtime == 1_500_000_001
    assert (here / "plain").stat().st_mtime != 1_500_000_001
    assert sorted(path.name for path in here.iterdir() if path.name.startswith(".")) == []


def test_srun_brings_its_program(cluster: Suite, here: Path) -> None:
    program = here / "prog"
    program.write_text("#!/bin/sh\necho $0 $1\n")
    program.chmod(0o755)
    there = here / "there"
    for _ in range(2):
        done = cluster.run("srun", "-n2", f"--bcast={there}", "./prog", "word", cwd=here).ok()
        assert done.lines == [f"{there} word"] * 2
    assert there.read_text() == program.read_text()
    done = cluster.run("srun", "-N2", "--bcast", "./prog", cwd=here).ok()
    assert sorted(line.rpartition("_")[2] for line in done.lines) == sorted(f"{node}" for node in cluster.nodes[:2])
    done = cluster.run("srun", "--bcast=/nodir/x", "./prog", cwd=here)
    assert done.status == 1
    assert "): No such file or directory\nsrun: fatal: Failed to broadcast '" in done.err


def test_libraries_go_along(cluster: Suite, here: Path) -> None:
    """The program finds its library beside it on the node, where the place that it was linked at is gone."""
    if shutil.which("cc") is None or shutil.which("ldd") is None:
        pytest.skip("cc and ldd are not installed (apt-get install gcc libc-bin)")
    (here / "lib").mkdir()
    (here / "seven.c").write_text("int seven(void) { return 7; }\n")
    (here / "main.c").write_text("int seven(void); int main(void) { return seven(); }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "lib/libseven.so", "seven.c"], cwd=here, check=True)
    line = ["cc", "-o", "prog", "main.c", "-Llib", "-lseven", f"-Wl,-rpath,{here}/lib"]
    subprocess.run(line, cwd=here, check=True)
    body = """sbcast --send-libs -v prog copy 2>&1 | grep -c Skipping; ls copy_libs
sbcast --send-libs=no prog alone; ls -d alone_libs 2> /dev/null
sbcast --send-libs --exclude=$PWD/lib prog other; ls other_libs | grep seven
srun -N1 -n1 --bcast=$PWD/brought --send-libs ./prog; echo $?; mv lib away; ./prog 2> /dev/null; echo $?
srun -N1 -n1 --bcast=$PWD/again --bcast-exclude=none --send-libs sh -c 'echo $LD_LIBRARY_PATH'
LD_LIBRARY_PATH=copy_libs srun -N1 -n1 copy; echo $?; sbcast --send-libs job.sh text; echo $?
"""
    lines = finished(cluster, here, body).splitlines()
    assert int(lines[0]) >= 1
    assert [line for line in lines[1:] if not line.startswith("srun: error")] == [
        "libseven.so", "7", "127", f"{here}/again_libs", "7",
        "sbcast: error: Cannot autodetect libraries for 'job.sh' with ldd command; still sending the file but ignoring send_libs",
        "0",
    ]  # fmt: skip
    assert (here / "brought_libs" / "libseven.so").read_bytes() == (here / "away" / "libseven.so").read_bytes()


def test_copy_says_what_is_wrong(cluster: Suite, here: Path) -> None:
    (here / "empty").touch()
    body = """for words in "nope x" "empty /nodir/x" "empty there/" "empty"; do sbcast $words; echo $?; done
sbcast -j 99999999 empty x; echo $?
"""
    said = finished(cluster, here, body)
    for text in (
        "sbcast: error: Can't open `nope`: No such file or directory\n255\n",
        f"REQUEST_FILE_BCAST({cluster.nodes[0]}): No such file or directory\n2\n",
        "sbcast: error: Target filename cannot be a directory.\n1\n",
        'Need two file names, have 1 names\nTry "sbcast --help" for more information\n1\n',
        "sbcast: error: Slurm job 99999999 lookup error: Invalid job id specified\n255\n",
    ):
        assert text in said
    outside = cluster.run("sbcast", "empty", "x", cwd=here)
    assert (outside.status, outside.err) == (
        1,
        "sbcast: error: Need a job id to run this command.  Run from within a Slurm job or use the --jobid option.\n",
    )


def test_follow_a_step(cluster: Suite, here: Path) -> None:
    body = """srun -l -n2 -N2 sh -c 'while [ ! -e go ]; do sleep 0.05; done; echo from $SLURM_PROCID; exit 3' &
wait
"""
    job = cluster.submit("-N2", "-n2", "-o", "out", str(script(here, body)), cwd=here)
    cluster.until(lambda: f"{job}.0" in cluster.ask("squeue", "-s", "-h", "-o", "%i"), "the step runs")
    layout = cluster.run("sattach", "--layout", f"{job}.0").ok().out
    first, second = cluster.nodes[:2]
    assert layout.splitlines()[3:] == [f"\tNode 0 ({first}), 1 task(s): 0 ", f"\tNode 1 ({second}), 1 task(s): 1 "]
    assert layout.startswith("Job step layout:\n\t2 tasks, 2 nodes (")
    follower = cluster.start("sattach", "-l", f"{job}.0")
    cluster.until(lambda: follower.poll() is not None or attached(follower.pid), "sattach is connected")
    (here / "go").touch()
    out, err = follower.communicate(timeout=15)
    assert sorted(out.splitlines()) == ["0: from 0", "1: from 1"], err
    assert sorted(err.splitlines()) == [f"sattach: error: task {task} exited with exit code 3" for task in (0, 1)]
    assert follower.returncode == 3


@pytest.mark.parametrize("ends", ["", "> file", "> file 2>&1", "| cat > file", "> /dev/null"])
def test_follow_a_step_that_writes_to_its_sruns_own_files(cluster: Suite, here: Path, ends: str) -> None:
    body = f"""srun -n2 -N2 sh -c 'echo up $SLURM_PROCID; while [ ! -e go ]; do sleep 0.05; done
echo out $SLURM_PROCID; echo err $SLURM_PROCID >&2' {ends}
echo done
"""
    job = cluster.submit("-N2", "-n2", "-o", "out", str(script(here, body)), cwd=here)
    if "file" in ends or not ends:
        cluster.until(lambda: readable(here / ("file" if ends else "out")).count("up") == 2, "both tasks run")
    else:
        cluster.until(lambda: f"{job}.0" in cluster.ask("squeue", "-s", "-h", "-o", "%i"), "the step runs")
    follower = cluster.start("sattach", "-l", f"{job}.0")
    cluster.until(lambda: follower.poll() is not None or attached(follower.pid), "sattach is connected")
    (here / "go").touch()
    out, err = follower.communicate(timeout=15)
    said = sorted(line for line in (out + err).splitlines() if " up " not in line)
    assert said == ["0: err 0", "0: out 0", "1: err 1", "1: out 1"]
    assert follower.returncode == 0
    cluster.wait_state(job, "COMPLETED")
    lines = (readable(here / "file") if "file" in ends else "").splitlines() + readable(here / "out").splitlines()
    wanted = ["done", *(f"{word} {rank}" for word in ("up", "out", "err") for rank in (0, 1))]
    if ends == "> /dev/null":
        wanted = ["done", "err 0", "err 1"]
    assert sorted(lines) == sorted(wanted), "the files have everything, too"


def test_input_of_who_follows(cluster: Suite, here: Path) -> None:
    srun = cluster.start("srun", "-n1", "sh", "-c", "while read line; do echo got $line; done; echo end", stdin=subprocess.PIPE)
    assert srun.stdin is not None
    srun.stdin.write("one\n")
    srun.stdin.flush()
    assert srun.stdout is not None
    assert srun.stdout.readline() == "got one\n"
    step = cluster.ask("squeue", "-s", "-h", "-o", "%i").split()[0]
    follower = cluster.start("sattach", step, stdin=subprocess.PIPE)
    assert follower.stdin is not None
    follower.stdin.write("two\n")
    follower.stdin.flush()
    assert srun.stdout.readline() == "got two\n"
    assert follower.stdout is not None
    assert follower.stdout.readline() == "got two\n"
    out, err = srun.communicate(timeout=15)
    assert out == "end\n", err
    assert srun.returncode == 0
    assert follower.communicate(timeout=15)[0] == "end\n"


def test_streams_to_one_file_keep_their_order(cluster: Suite, here: Path) -> None:
    body = "srun sh -c 'for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done' > both 2>&1\n"
    finished(cluster, here, body)
    assert readable(here / "both").splitlines() == [f"{word} {i}" for i in range(1, 10) for word in ("out", "err")]


def test_a_reader_that_does_not_read_costs_no_memory_and_no_process(cluster: Suite, here: Path) -> None:
    """Its pipe is full, so are the task's; then srun is killed, and the step ends although nobody ever reads."""
    read, write = os.pipe()
    srun = cluster.start("srun", "-n1", "sh", "-c", "echo $SLURM_JOB_ID > job; exec yes", cwd=here, stdout=write)
    cluster.until(lambda: readable(here / "job").strip(), "the task runs")
    job = int(readable(here / "job"))
    assert isinstance(cluster, Cluster)
    (supervisor,) = cluster.supervisors(job)

    def written() -> int:
        io = Path(f"/proc/{supervisor}/io").read_text()
        return int(next(line.split()[1] for line in io.splitlines() if line.startswith("rchar")))

    before = -1

    def stands_still() -> bool:
        nonlocal before
        now = written()
        same, before = now == before, now
        return same

    cluster.until(stands_still, "nothing is read from the task any more", every=0.3)
    status = Path(f"/proc/{supervisor}/status").read_text()
    resident = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))
    assert resident < 80_000, "KiB"
    srun.kill()
    srun.wait()
    processes.wait_gone(supervisor)
    os.close(read)
    os.close(write)


def test_a_full_disk_is_told(cluster: Suite, here: Path) -> None:
    body = "srun sh -c 'echo word; sleep 0.2; echo again' > /dev/full; echo status $?\n"
    said = finished(cluster, here, body)
    assert "srun: error: write error: No space left on device" in said
    assert "status 0" not in said


def attached(pid: int) -> bool:
    """Whether it waits for two nodes: two sockets of its own."""
    try:
        names = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return sum(name.startswith("socket:") for name in names) >= 2


def test_follow_refusals(cluster: Suite) -> None:
    usage = "Usage: sattach [options] <jobid.stepid>\n"
    for words, text in (
        ((), "sattach: error: too many parameters\n"),
        (("1",), "sattach: error: Failed to parse stepid from command line options\n"),
        (("1.x",), "sattach: fatal: Bad step specified: 1\n"),
        (("abc.def",), "sattach: fatal: Bad step specified: abc\n"),
        (("99999999.0",), "sattach: error: Could not get job step info: Invalid job id specified\n"),
        (("--pty", "99999999.0"), "sattach: error: Could not get job step info: Invalid job id specified\n"),
    ):
        done = cluster.run("sattach", *words)
        assert (done.status, done.out, done.err) == (1, usage if words in ((), ("1",)) else "", text)
