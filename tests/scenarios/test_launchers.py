"""The way from a file in bin/ to a program: launchers of a small copy of the tree around commands that tell what they got."""

from __future__ import annotations

import ast
import configparser
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mgpu_slurm import boot
from mgpu_slurm.__main__ import PROGRAMS, plain_name, shown_name

ROOT = Path(__file__).resolve().parents[2]
SLURM_NAMES = ["srun", "sbatch", "salloc", "squeue", "scancel", "sinfo", "scontrol"]
SLURM_NAMES += ["sacct", "sstat", "sprio", "sdiag", "sattach", "sbcast", "sacctmgr", "sreport", "sshare"]
OWN_NAMES = ["master", "node", "client", "queue", "cancel", "doctor", "cluster"]

# What every program of the copied tree does: its first argument says what.
TELLER = """
import json, os, sys
from mgpu_slurm.base.errors import ConfigError, SlurmError, UsageError

def run(argv, environ, cwd, streams, cluster="-"):
    what, rest = argv[0], argv[1:]
    if what == "tell":
        told = {"argv": rest, "environ": environ, "cwd": cwd, "cluster": cluster, "prefix": sys.prefix,
                "executable": sys.executable, "modules": sorted(sys.modules), "flags": [sys.flags.isolated, sys.flags.no_site]}
        streams.out.write(json.dumps(told))
        return 0
    if what == "print":
        streams.out.write(rest[0])
        streams.err.write("to err\\n")
        return 3
    if what == "flood":
        while True:
            streams.out.write("x" * 65536)
    if what == "closed":
        os.write(int(rest[0]), b"%d" % os.open("/dev/null", os.O_RDONLY))
        return 0
    raise eval(rest[0])

client = queue = cancel = doctor = cluster = run
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root of its own: the launchers, the rim, the error kinds, and commands that are tellers."""
    root = tmp_path_factory.mktemp("launch") / "a tree"
    shutil.copytree(ROOT / "bin", root / "bin", symlinks=True)
    package = root / "mgpu_slurm"
    package.mkdir()
    for name in ("__init__.py", "__main__.py", "boot.py"):
        shutil.copy(ROOT / "mgpu_slurm" / name, package)
    shutil.copytree(ROOT / "mgpu_slurm/base", package / "base", ignore=shutil.ignore_patterns("__pycache__"))
    for module, _ in PROGRAMS.values():
        file = root / (module.replace(".", "/") + ".py")
        file.parent.mkdir(exist_ok=True)
        (file.parent / "__init__.py").touch()
        file.write_text(TELLER)
    (root / "setup.cfg").write_text("[options]\ninstall_requires =\n\n[options.extras_require]\ntest =\n")
    return root


def call(words: list[str | Path], **options: object) -> subprocess.CompletedProcess[bytes]:
    options = {"capture_output": True, "timeout": 30, "stdin": subprocess.DEVNULL, **options}
    return subprocess.run(words, **options)  # type: ignore[call-overload, no-any-return]


def told(words: list[str | Path], **options: object) -> dict:  # type: ignore[type-arg]
    done = call(words, **options)
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_every_program_has_its_launchers_of_one_text() -> None:
    assert sorted(PROGRAMS) == sorted(SLURM_NAMES + OWN_NAMES)
    launchers = [ROOT / f"bin/mgpu_{name}" for name in PROGRAMS] + [ROOT / f"bin/slurm/{name}" for name in SLURM_NAMES]
    assert len({file.read_bytes() for file in launchers}) == 1
    assert all(os.access(file, os.X_OK) and not file.is_symlink() for file in launchers)
    first = launchers[0].read_text().split("\n")[0]
    assert boot.SYSTEM_PATH in first
    assert len(first) < 128  # longer ones are cut by older kernels
    assert sorted(file.name for file in (ROOT / "bin/slurm").iterdir()) == sorted(SLURM_NAMES)


def test_pip_installs_the_same_programs() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    scripts = dict(line.split(" = ") for line in setup["options.entry_points"]["console_scripts"].split("\n") if line)
    oldest = ["simple_master", "simple_node", "simple_client"]  # what the first releases called them
    assert scripts == {f"mgpu_{name}": "mgpu_slurm.__main__:main" for name in [*PROGRAMS, *oldest]}


@pytest.mark.parametrize(
    "way", ["absolute", "relative", "symlink", "two symlinks", "PATH", "dot on PATH", "linked directory", "plain", "other python"]
)
def test_found_by_any_way(tree: Path, tmp_path: Path, way: str) -> None:
    bin_ = tree / "bin"
    words: list[str | Path] = [bin_ / "mgpu_squeue"]
    environ, cwd = dict(os.environ), tmp_path
    if way == "relative":
        words, cwd = ["./mgpu_squeue"], bin_
    elif way in ("symlink", "two symlinks"):
        (tmp_path / "squeue").symlink_to(bin_ / "mgpu_squeue")
        (tmp_path / "q").symlink_to("squeue")
        words = [tmp_path / ("squeue" if way == "symlink" else "q")]
    elif way == "PATH":
        words, environ["PATH"] = ["mgpu_squeue"], f"{bin_}:{environ['PATH']}"
    elif way == "dot on PATH":
        words, environ["PATH"], cwd = ["sh", "-c", 'mgpu_squeue "$@"', "sh"], f".:{environ['PATH']}", bin_
    elif way == "linked directory":
        (tmp_path / "commands").symlink_to(bin_)
        words = [tmp_path / "commands/mgpu_squeue"]
    elif way == "plain":
        words = [bin_ / "slurm/squeue"]
    elif way == "other python":
        # a client's own environment stands first on PATH, with an interpreter that knows nothing of this suite
        for name in ("python3", "python", "env"):
            (tmp_path / name).write_text("#!/bin/sh\nexit 66\n")
            (tmp_path / name).chmod(0o755)
        environ["PATH"] = f"{tmp_path}:{environ['PATH']}"
    answer = told([*words, "tell", "a b", "", "$x"], env=environ, cwd=cwd)
    assert answer["argv"] == ["a b", "", "$x"]
    assert (answer["cwd"], answer["cluster"]) == (str(cwd), "-")
    assert answer["environ"]["PATH"] == environ["PATH"]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"PATH": "/nowhere:/usr/bin", "HOME": "/x"},
        {"PATH": "/usr/bin", "BASH_FUNC_module%%": "() {  echo hi\n}", "a.b": "1", "f": "2", "root": "3", "PWD": "/stale"},
        {"PATH": "/usr/bin", "LANG": "C"},
        {"PATH": "/usr/bin", "LC_CTYPE": "C.UTF-8", "PYTHONPATH": "/y", "PYTHONHOME": "/z", "PYTHONSTARTUP": "/q"},
        {"PATH": "/usr/bin", "LC_ALL": "POSIX", "BYTES": b"\xff\xfe".decode(errors="surrogateescape")},
    ],
)
@pytest.mark.parametrize("name", ["mgpu_sbatch", "generated"])
def test_environment_arrives_as_it_was(tree: Path, tmp_path: Path, environ: dict[str, str], name: str) -> None:
    words: list[str | Path] = [tree / "bin/mgpu_sbatch"]
    if name == "generated":
        words = [generated(tree, tmp_path, "sbatch", "/etc/a.conf")]
    assert told([*words, "tell"], env=environ)["environ"] == environ


def generated(tree: Path, place: Path, program: str, cluster: str) -> Path:
    """A plain name as a cluster writes it, made by the copied tree's own boot."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from mgpu_slurm import boot; "
    code += "sys.stdout.buffer.write(boot.plain_name_text(sys.argv[2], sys.argv[3]))"
    file = place / program
    file.write_bytes(call(["/usr/bin/env", sys.executable, "-I", "-c", code, tree, program, cluster]).stdout)
    file.chmod(0o755)
    return file


@pytest.mark.parametrize("cluster", ["-", "/etc/mgpu/my.conf", "embedded:/home/o'hara ü/.local/\\state"])
def test_plain_names_of_a_cluster_know_it(tree: Path, tmp_path: Path, cluster: str) -> None:
    answer = told([generated(tree, tmp_path, "srun", cluster), "tell", "x"])
    assert (answer["cluster"], answer["argv"]) == (cluster, ["x"])


def test_bytes_that_are_not_utf8_pass_through(tree: Path) -> None:
    done = call([os.fsencode(tree / "bin/mgpu_srun"), b"print", b"\xff\xc3\xa9\n"], env={"LC_ALL": "C"})  # type: ignore[list-item]
    assert (done.returncode, done.stdout, done.stderr) == (3, b"\xff\xc3\xa9\n", b"to err\n")


def test_commands_start_light(tree: Path) -> None:
    answer = told([tree / "bin/mgpu_squeue", "tell"])
    assert answer["flags"] == [1, 1]
    heavy = {"site", "typing", "re", "enum", "signal", "asyncio", "dataclasses", "pathlib", "logging", "subprocess", "argparse"}
    assert heavy.isdisjoint(set(answer["modules"]) - {"re", "enum"})  # json, which the teller itself needs, imports these two
    assert not any(name.startswith("importlib.") for name in answer["modules"])
    assert list((tree / "mgpu_slurm/__pycache__").glob("__main__.*.pyc"))


@pytest.mark.parametrize(
    ("program", "error", "status", "text"),
    [
        ("srun", "UsageError('no such thing')", 255, "srun: error: no such thing\n"),
        ("sbatch", "UsageError([('fatal', 'a'), 'b', ('', 'c: d')], 1)", 1, "sbatch: fatal: a\nsbatch: error: b\nc: d\n"),
        ("squeue", "SlurmError(2017)", 1, "squeue: error: Invalid job id specified\n"),
        ("scancel", "SlurmError(1, 'our words')", 1, "scancel: error: our words\n"),
        ("sinfo", "ConfigError('/etc/x.conf', 7, 'no such key')", 1, "sinfo: fatal: /etc/x.conf:7: no such key\n"),
        ("salloc", "FileNotFoundError(2, 'No such file', '/a/b')", 1, "salloc: error: /a/b: No such file\n"),
        ("scontrol", "SystemExit(9)", 9, ""),
        ("client", "SystemExit('away')", 1, "mgpu_client: error: away\n"),
        ("queue", "KeyboardInterrupt()", -signal.SIGINT, ""),
        ("cancel", "KeyError('k')", 1, "mgpu_cancel: error: internal error: KeyError: 'k' (MGPU_DEBUG=1 shows where)\n"),
    ],
)
def test_what_is_raised_ends_in_a_line_and_a_status(tree: Path, program: str, error: str, status: int, text: str) -> None:
    done = call([tree / f"bin/mgpu_{program}", "raise", error])
    assert (done.returncode, done.stdout, done.stderr.decode()) == (status, b"", text)


def test_debug_adds_the_traceback(tree: Path) -> None:
    done = call([tree / "bin/mgpu_squeue", "raise", "KeyError('k')"], env={"MGPU_DEBUG": "1"})
    assert done.returncode == 1
    assert done.stderr.startswith(b"Traceback")
    assert done.stderr.endswith(b"squeue: error: internal error: KeyError: 'k'\n")


def test_unknown_program(tree: Path) -> None:
    done = call([sys.executable, "-m", "mgpu_slurm", "sprint"], cwd=tree)
    assert done.returncode == 1
    assert done.stderr.startswith(b"mgpu: error: no such program: sprint")
    assert (plain_name("/a/mgpu_srun"), shown_name("mgpu_srun"), shown_name("/b/node")) == ("srun", "srun", "mgpu_node")


def test_reader_that_leaves_ends_a_command_as_it_ends_a_c_program(tree: Path) -> None:
    with subprocess.Popen([tree / "bin/mgpu_squeue", "flood"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as flood:
        assert flood.stdout is not None
        assert flood.stderr is not None
        assert flood.stdout.read(10) == b"x" * 10
        flood.stdout.close()
        assert flood.stderr.read() == b""
        assert flood.wait(30) == -signal.SIGPIPE


def test_full_disk_is_said(tree: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = call([tree / "bin/mgpu_squeue", "tell"], stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert (done.returncode, done.stderr) == (1, b"squeue: error: write error: No space left on device\n")


def test_closed_descriptors_are_not_given_to_sockets(tree: Path) -> None:
    read, write = os.pipe()
    command = f'exec "{tree}/bin/mgpu_squeue" closed {write} <&- >&- 2>&-'
    call(["sh", "-c", command], pass_fds=(write,))
    os.close(write)
    with os.fdopen(read) as result:
        assert int(result.read()) > 2


def test_directory_that_is_gone(tree: Path, tmp_path: Path) -> None:
    command = f'mkdir "{tmp_path}/gone" && cd "{tmp_path}/gone" && rmdir "$PWD" && exec "{tree}/bin/$0" tell'
    submit, query = call(["sh", "-c", command, "mgpu_sbatch"]), call(["sh", "-c", command, "mgpu_squeue"])
    assert (submit.returncode, submit.stderr) == (255, b"sbatch: error: getcwd failed: No such file or directory\n")
    assert json.loads(query.stdout)["cwd"] == "/"


def test_daemons_run_in_a_virtual_environment_that_is_made_once(tree: Path) -> None:
    bare = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    words: list[str | Path] = [tree / "bin/mgpu_master", "tell"]
    first = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=bare) for _ in range(2)]
    results = [process.communicate(timeout=60) for process in first]
    for out, _ in results:
        answer = json.loads(out)
        assert answer["prefix"] == str(tree / ".venv")
        assert answer["flags"] == [1, 0]
        assert answer["environ"] == bare
    said = sorted(err.decode() for _, err in results)
    assert sum("making the virtual environment" in text for text in said) == 1
    assert told(words, env=bare)["prefix"] == str(tree / ".venv")  # and silently from then on

    (tree / "setup.cfg").touch()  # a later date with the same content: looked at, nothing done
    assert told(words, env=bare)["prefix"] == str(tree / ".venv")
    (tree / ".venv/bin/python").unlink()  # as when the system's Python went away
    again = call(words, env=bare)
    assert again.returncode == 0
    assert b"making the virtual environment" in again.stderr


def test_a_tree_of_somebody_else_is_refused_with_advice(tree: Path) -> None:
    become: list[str | Path] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []
    if become and shutil.which("setpriv") is None:
        pytest.skip("root without setpriv can write everywhere")
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        other = Path(place, "tree")
        shutil.copytree(tree, other, ignore=shutil.ignore_patterns(".venv", "__pycache__"), symlinks=True)
        other.chmod(0o555)
        done = call([*become, other / "bin/mgpu_node", "tell"])
        other.chmod(0o755)
    assert done.returncode == 1
    assert b"is not yours to write" in done.stderr
    assert done.stderr.endswith(b"mgpu: error: the virtual environment of the daemons could not be made, see above\n")


def test_older_pythons_can_read_what_looks_for_another() -> None:
    for file in ("bin/mgpu_srun", "mgpu_slurm/boot.py", "mgpu_slurm/__init__.py"):
        ast.parse((ROOT / file).read_text(), feature_version=(3, 6))
