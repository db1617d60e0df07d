"""Parallel programs on a real cluster: what PMI tells their tasks, MPICH and Open MPI from the system's packages."""

from __future__ import annotations

import ctypes
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.kit import mpi
from tests.kit.cluster import Cluster, Suite, readable
from tests.kit.users import User

OPEN_MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_btl": "self,tcp"}
"""Its shared memory is named after the host and the rank within the node, so nodes that are one host must do without."""

KEYS = (
    mpi.TASK
    + """\
assert name == os.environ["PMI_JOBID"] == os.environ["SLURM_JOB_ID"] + "." + os.environ["SLURM_STEP_ID"].partition("+")[0]
for turn in range(3):
    ask(f"cmd=put kvsname={name} key={turn}-{rank} value={turn * 100 + rank}")
    assert ask("cmd=barrier_in") == "cmd=barrier_out rc=0"
    for other in range(size):
        answer = ask(f"cmd=get kvsname={name} key={turn}-{other}")
        assert answer == f"cmd=get_result rc=0 value={turn * 100 + other}", answer
assert ask("cmd=finalize") == "cmd=finalize_ack rc=0"
sys.stdout.write(f"{rank} of {size}\\n")
"""
)

SECOND = """\
import ctypes, sys
lib = ctypes.CDLL("libpmi2.so.0")
spawned, size, rank, app, length, found = (ctypes.c_int() for _ in range(6))
text = ctypes.create_string_buffer(1024)
by = ctypes.byref
assert lib.PMI2_Init(by(spawned), by(size), by(rank), by(app)) == 0
assert lib.PMI2_Job_GetId(text, 1024) == 0
job, r, n = text.value, rank.value, size.value
assert lib.PMI2_KVS_Put(b"key-%d" % r, b"a;b=%d" % r) == 0
if r == 0:
    assert lib.PMI2_Nameserv_publish(b"service", None, b"port 7") == 0
assert lib.PMI2_KVS_Fence() == 0
for other in range(n):
    assert lib.PMI2_KVS_Get(job, ctypes.c_int(-1), b"key-%d" % other, text, 1024, by(length)) == 0
    assert text.value == b"a;b=%d" % other
assert lib.PMI2_Nameserv_lookup(b"service", None, text, 1024) == 0 and text.value == b"port 7"
assert lib.PMI2_Info_GetJobAttr(b"PMI_process_mapping", text, 1024, by(found)) == 0 and found.value
mapping = text.value.decode()
assert lib.PMI2_Finalize() == 0
sys.stdout.write(f"{r} {mapping}\\n")
"""


def ranks(lines: list[str]) -> list[str]:
    """In the order of the ranks. Open MPI and MPICH leave no other lines than the program's own."""
    return sorted((line for line in lines if line), key=lambda line: int(re.findall(r"\d+", line)[0]))


def sums(count: int) -> list[str]:
    return [f"rank {rank} of {count}: sum {count * (count + 1) // 2}" for rank in range(count)]


# --- PMI itself -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [("-n1",), ("-n5", "-N1"), ("-n8", "-N4"), ("-n7", "-N3", "-m", "cyclic")])
@pytest.mark.ours
def test_keys_reach_every_task(cluster: Suite, here: Path, shape: tuple[str, ...]) -> None:
    (here / "keys.py").write_text(KEYS)
    done = cluster.run("srun", "--mpi=pmi2", *shape, sys.executable, "-IS", "keys.py", cwd=here).ok()
    count = int(shape[0][2:])
    assert ranks(done.lines) == [f"{rank} of {count}" for rank in range(count)]


@pytest.mark.ours
def test_the_second_version_by_slurms_own_library(cluster: Suite, here: Path) -> None:
    try:
        ctypes.CDLL("libpmi2.so.0")
    except OSError:
        pytest.skip("libpmi2 is not installed (apt-get install libpmi2-0)")
    (here / "second.py").write_text(SECOND)
    done = cluster.run("srun", "--mpi=pmi2", "-N2", "-n3", sys.executable, "-IS", "second.py", cwd=here).ok()
    assert sorted(done.lines) == [f"{rank} (vector,(0,1,2),(1,1,1))" for rank in range(3)]


def test_what_tasks_are_told(cluster: Suite) -> None:
    script = "echo $PMI_RANK $PMI_SIZE ${PMI_JOBID#*.} ${PMI_FD:+fd} ${SLURM_MPI_TYPE-none}"
    for words, wanted in (
        ((), ["none", "none"]),
        (("--mpi=none",), ["none", "none"]),
        (("--mpi=pmi2",), ["0 2 0 fd pmi2", "1 2 0 fd pmi2"]),
    ):
        done = cluster.run("srun", "-n2", *words, "sh", "-c", script).ok()
        assert sorted(line.strip() for line in done.lines) == wanted, words
    done = cluster.run("srun", "-n1", "sh", "-c", script, env={"SLURM_MPI_TYPE": "pmi2"}).ok()
    assert done.out == "0 1 0 fd pmi2\n"


def test_an_unknown_kind(cluster: Suite) -> None:
    last = "srun: error: Invalid MPI type 'nonsense', --mpi=list for acceptable types\n"
    for words, env in ((("--mpi=nonsense",), {}), ((), {"SLURM_MPI_TYPE": "nonsense"})):
        done = cluster.run("srun", *words, "true", env=env)
        assert done.status == 1
        assert done.err.endswith(last)
    done = cluster.run("srun", "--mpi=list")
    assert done.status == 0
    assert done.lines[0] == "MPI plugin types are..."
    assert {"\tnone", "\tpmi2", "\tpmix"} <= set(done.lines)


def test_words_that_are_not_pmi(cluster: Suite) -> None:
    script = """import os, socket
sock = socket.socket(fileno=int(os.environ["PMI_FD"]))
sock.sendall(b"garbage\\n")
print(sock.recv(99))
"""
    done = cluster.run("srun", "--mpi=pmi2", "-n1", sys.executable, "-ISc", script)
    assert "mpi/pmi2: invalid PMI1 init command: `garbage" in done.err
    assert done.out.startswith("b'cmd=response_to_init rc=1 pmi_version=2 pmi_subversion=0\\n'")


@pytest.mark.ours
def test_the_configuration_says_which(here: Path) -> None:
    with Cluster.up(1, 0, settings="MpiDefault=pmi2") as cluster:
        script = "echo $PMI_RANK ${SLURM_MPI_TYPE-unset}"
        assert cluster.run("srun", "sh", "-c", script).ok().out == "0 unset\n"
        assert cluster.run("srun", "--mpi=none", "sh", "-c", script).ok().out == "unset\n"


# --- MPICH ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tasks", "nodes"), [(1, 1), (2, 2), (8, 4), (32, 4)])
def test_mpich(cluster: Suite, here: Path, tasks: int, nodes: int) -> None:
    program = str(mpi.compiled("mpich", here))
    done = cluster.run("srun", "--mpi=pmi2", f"-n{tasks}", f"-N{nodes}", program, timeout=120).ok()
    assert ranks(done.lines) == sums(tasks)


def test_mpich_aborts(cluster: Suite, here: Path) -> None:
    program = str(mpi.compiled("mpich", here))
    done = cluster.run("srun", "--mpi=pmi2", "-n4", "-N2", program, "abort", "2", timeout=60)
    assert done.status == 137
    assert "application called MPI_Abort(MPI_COMM_WORLD, 7)" in done.err
    assert " CANCELLED AT " in done.err


def test_mpich_without_pmi_is_alone(cluster: Suite, here: Path) -> None:
    program = str(mpi.compiled("mpich", here))
    done = cluster.run("srun", "-n2", program, timeout=60).ok()
    assert [line for line in done.lines if line] == sums(1) * 2


@pytest.mark.ours
def test_a_task_that_fails_before_the_others_meet(cluster: Suite, here: Path) -> None:
    program = mpi.compiled("mpich", here)
    script = f"[ $SLURM_PROCID = 1 ] && exit 3; exec {program}"
    done = cluster.run("srun", "-K", "--mpi=pmi2", "-n3", "-N3", "sh", "-c", script, timeout=60)
    assert done.status != 0
    assert "task 1: Exited with exit code 3" in done.err


@pytest.mark.ours
@pytest.mark.parametrize("parts", [("-n2", ":", "-n1"), ("-N2", "-n2", ":", "-N1", "-n3")])
def test_one_program_of_several_parts(cluster: Suite, here: Path, parts: tuple[str, ...]) -> None:
    """srun a : b is one world of tasks, in a heterogeneous allocation of its own."""
    (here / "keys.py").write_text(KEYS)
    words: list[str] = []
    for group in " ".join(parts).split(" : "):
        words += [*([":"] if words else []), "--mpi=pmi2", *group.split(), sys.executable, "-IS", "keys.py"]
    count = sum(int(word[2:]) for word in parts if word.startswith("-n"))
    done = cluster.run("srun", *words, cwd=here, timeout=60).ok()
    assert ranks(done.lines) == [f"{rank} of {count}" for rank in range(count)]


@pytest.mark.ours
def test_hydras_mpiexec_starts_its_daemons_with_srun(cluster: Suite, here: Path) -> None:
    program = mpi.compiled("mpich", here)
    if shutil.which("mpiexec.hydra") is None:
        pytest.skip("mpiexec.hydra is not installed (apt-get install mpich)")
    job = f"mpiexec.hydra {program}"
    done = cluster.run("sbatch", "-W", "-N2", "-n4", "-o", "out", "--wrap", job, cwd=here, timeout=60)
    assert done.status == 0, readable(here / "out")
    assert ranks(readable(here / "out").splitlines()) == sums(4)


# --- Open MPI -------------------------------------------------------------------------------------------------------


@pytest.mark.ours
def test_open_mpis_mpirun_starts_its_daemons_with_srun(cluster: Suite, here: Path) -> None:
    program = mpi.compiled("openmpi", here)
    if shutil.which("mpirun.openmpi") is None:
        pytest.skip("mpirun.openmpi is not installed (apt-get install openmpi-bin)")
    if shutil.which("ssh") is None and shutil.which("rsh") is None:
        pytest.skip("Debian's mpirun wants to see an ssh, needed or not (apt-get install openssh-client)")
    job = f"mpirun.openmpi {program}"
    done = cluster.run("sbatch", "-W", "-N2", "-n4", "-o", "out", "--wrap", job, cwd=here, env=OPEN_MPI, timeout=60)
    assert done.status == 0, readable(here / "out")
    assert ranks(readable(here / "out").splitlines()) == sums(4)


# --- PMIx -----------------------------------------------------------------------------------------------------------


def without_pmix() -> str:
    """Why the library cannot be used, "" where it can."""
    try:
        ctypes.CDLL("libpmix.so.2").PMIx_Info_load  # noqa: B018
    except (OSError, AttributeError) as error:
        return f"no OpenPMIx 4.2 (apt-get install libpmix2): {error}"
    return ""


needs_pmix = pytest.mark.skipif(bool(without_pmix()), reason=without_pmix())


def left_of_pmix(job: str) -> list[Path]:
    return list(Path("/tmp").glob(f"mgpu-pmix-{job}.*"))


@needs_pmix
@pytest.mark.ours
@pytest.mark.parametrize("kind", ["pmix", "pmix_v4"])
def test_what_pmix_tells_tasks(cluster: Suite, kind: str) -> None:
    script = "echo $PMIX_RANK ${PMIX_NAMESPACE#slurm.pmix.} $SLURM_JOB_ID.$SLURM_STEP_ID $SLURM_MPI_TYPE ${PMIX_SERVER_URI4:+uri}"
    done = cluster.run("srun", f"--mpi={kind}", "-n3", "-N2", "sh", "-c", script).ok()
    words = sorted(line.split() for line in done.lines)
    assert [(row[0], row[3:]) for row in words] == [(str(rank), ["pmix", "uri"]) for rank in range(3)]
    assert all(row[1] == row[2] for row in words)
    assert left_of_pmix(words[0][1].partition(".")[0]) == []


@needs_pmix
@pytest.mark.ours
@pytest.mark.parametrize(("tasks", "nodes", "direct"), [(1, 1, "0"), (4, 1, "0"), (8, 4, "0"), (4, 2, "1")])
def test_open_mpi_by_pmix(cluster: Suite, here: Path, tasks: int, nodes: int, direct: str) -> None:
    """`direct`: each task's data is asked for when it is needed, instead of all being exchanged at the start."""
    program = str(mpi.compiled("openmpi", here))
    env = {**OPEN_MPI, "OMPI_MCA_pmix_base_async_modex": direct}
    done = cluster.run("srun", "--mpi=pmix", f"-n{tasks}", f"-N{nodes}", program, env=env, timeout=120).ok()
    assert ranks(done.lines) == sums(tasks)


@needs_pmix
@pytest.mark.ours
def test_one_program_of_several_parts_by_pmix(cluster: Suite, here: Path) -> None:
    program = str(mpi.compiled("openmpi", here))
    words = ["--mpi=pmix", "-n2", program, ":", "--mpi=pmix", "-n1", program]
    done = cluster.run("srun", *words, env=OPEN_MPI, timeout=120).ok()
    assert ranks(done.lines) == sums(3)


@needs_pmix
@pytest.mark.ours
def test_open_mpi_by_pmix_for_another_user(cluster: Suite, here: Path, alice: User) -> None:
    program = mpi.compiled("openmpi", here)
    program.chmod(0o755)
    done = cluster.run("srun", "--mpi=pmix", "-n2", "-N2", str(program), user=alice, env=OPEN_MPI, timeout=120).ok()
    assert ranks(done.lines) == sums(2)


@needs_pmix
@pytest.mark.ours
def test_open_mpi_aborts_by_pmix(cluster: Suite, here: Path) -> None:
    program = str(mpi.compiled("openmpi", here))
    done = cluster.run("srun", "--mpi=pmix", "-n4", "-N2", program, "abort", "2", env=OPEN_MPI, timeout=120)
    assert done.status == 137
    assert "MPI_ABORT was invoked on rank 2" in done.err
    assert " CANCELLED AT " in done.err


@needs_pmix
@pytest.mark.ours
def test_a_cancelled_step_leaves_nothing_of_pmix(cluster: Suite) -> None:
    srun = cluster.start("srun", "--mpi=pmix", "-N2", "-n2", "sh", "-c", "echo $SLURM_JOB_ID; exec sleep 100")
    assert srun.stdout is not None
    job = srun.stdout.readline().strip()
    assert left_of_pmix(job)
    cluster.run("scancel", job).ok()
    srun.communicate(timeout=30)
    cluster.until(lambda: not left_of_pmix(job), "its directories are removed")
