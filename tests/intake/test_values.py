"""Values as real Slurm 22.05.8 took them (scontrol show job), table by table."""

from __future__ import annotations

import pytest

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.facts import options
from mgpu_slurm.intake import submit, values, words

OLD = (22, 5)


def request(*argv: str, compat: tuple[int, int] = OLD, environ: dict[str, str] | None = None) -> dict:
    return submit.parse("sbatch", [*argv, "--wrap=x"], environ or {}, "/home/u", compat=compat, now=1.79e9).requests[0]


TIMES = {
    "30": 30, "30:15": 31, "1:30:15": 91, "00:00:30": 1, "1-": 1440, "1-2": 1560, "1-2:3": 1563, "1-2:3:4": 1564, "0": -1,
    "-1": -1, "infinite": -1, "UNLIMITED": -1, "120:00": 120, "00:61:00": 61, "0:0": -1, "0-0": -1, "1-0:0:1": 1441,
    "5m": None, "1:2:3:4": None, "abc": None, "": None, ":30": None, "1:": None, "-": None, "1::2": None, "1-2-3": None,
    "-5": 2**32 - 7199, "-0": -1, "99999999": 28417211, "4294967301": 5, "-5x": None, "-5-1": None,
    "1:2-3": None, " 5": None, "5 ": None, "1-:3": None, "+5": None, "inf": None, "--": None, "0x5": None, "-1:0": None,
}  # fmt: skip
SIZES = {
    "100": 100, "1K": 1, "1500K": 2, "10M": 10, "2G": 2048, "2GB": 2048, "2gb": 2048, "1T": 1 << 20, "0": 0, "0G": 0, " 5": 5,
    "+5": 5, "1023K": 1, "1.5G": None, "2Gi": None, "10MiB": None, "4P": None, "-5": None, "5B": None, "1 K": None,
    "5 ": None,
    "0x10": None, "5MBB": None, "": None,
}  # fmt: skip
NODES = {
    "2": (2, 2), "0-3": (0, 3), "1k": (1024, 1024), "2K-3k": (2048, 3072), "+2": (2, 2), " 2": (2, 2), "2 ": (2, 2),
    "3-3": (3, 3), "2m": (2 << 20, 2 << 20), "0": (0, 0), "-1": (1, 1), "2-": None, "1.5": None, "-": None, "2--3": None,
    "0x2": None, "-3-4": None, "1-2-3": None, "": None, "x": None, "2,3": None,
}  # fmt: skip
SIGNALS = {
    "USR1": (10, 60, ""), "sigusr1": (10, 60, ""), "10": (10, 60, ""), "64": (64, 60, ""), "USR1@30": (10, 30, ""),
    "USR1@0": (10, 0, ""), "B:USR1@120": (10, 120, "B"), "b:10@5": (10, 5, "B"), "RB:USR2@5": (12, 5, "BR"),
    "BR:USR1": (10, 60, "BR"),
    "BUSR1": (10, 60, "B"), "USR1@65535": (10, 65535, ""), "R:TERM@10": (15, 10, "R"), "FOO": None, "WINCH": None, "0": None,
    "USR1@x": None, "B:": None, "BB:USR1": None, "X:USR1": None, "": None, "TERM@-1": None, "SIG10": None, "USR1@99999": None,
}  # fmt: skip
MAIL = {
    "none": "NONE", "END,,FAIL": "END,FAIL", "end": "END", "BEGIN,NONE": "NONE", "END ,FAIL": "FAIL", "BEGIN,foo": "BEGIN",
    "ALL": "INVALID_DEPEND,BEGIN,END,FAIL,REQUEUE,STAGE_OUT",
    "END,TIME_LIMIT_90,ARRAY_TASKS": "ARRAY_TASKS,END,TIME_LIMIT_90",
    "ALL,TIME_LIMIT": "INVALID_DEPEND,BEGIN,END,FAIL,REQUEUE,STAGE_OUT,TIME_LIMIT", "": None, "foo": None, "END END": None,
}  # fmt: skip
NICE = {"=100": 100, "=-100": -100, "=0": 0, "=+5": 5, "=5x": 5, "=x": 0, "=": 100, "": 100, "=2147483646": None}
DISTRIBUTIONS = {
    "block": ("block", None), "plane=4": ("plane", 4), "PLANE=4": ("plane", 4),
    "block:cyclic:fcyclic": ("block:cyclic:fcyclic", None),
    "*:block": ("block:block", None), "*": ("block", None), "block,NoPack": ("block,nopack", None), "Pack": ("pack", None),
    "hostfile": ("arbitrary", None), "block:": ("block", None), "block:fcyclic:block": ("block:fcyclic:block", None),
    "*:*:*": ("block:cyclic:cyclic", None), "cyclic:*": ("cyclic:cyclic", None), "block::cyclic": ("block:cyclic", None),
    ":cyclic:block": ("cyclic:block", None), "block,": ("block", None), "arbitrary:": ("arbitrary", None),
    ",pack": None, "block,,pack": None, ":": None, "plane=2,": None,
    "foo": None, "block:foo": None, "block:block:block:block": None, "fcyclic": None, "plane=0": None, "plane": None,
    "cyc": None,
    "plane:4": None, "block,pack,nopack": None, "plane=4,pack": None, "": None, "no": None, "arbitrary:block": None,
}  # fmt: skip
TOPOLOGIES = {
    "": (None, None, None), "1": (1, None, None), "1-2": (1, None, None), "*": (None, None, None), "0": (0, None, None),
    "1:2:3:4": (1, 2, 3), "1::2": (1, None, 2), ":2": (None, 2, None), "2-1": (2, None, None),
    "1-x": None, "1-": None, "x": None,
}  # fmt: skip


def check(read, wanted) -> None:
    if wanted is None:
        with pytest.raises(UsageError):
            read()
    else:
        assert read() == wanted


@pytest.mark.parametrize("text", TIMES)
def test_time_limit(text: str) -> None:
    check(lambda: request("-t", text)["time_limit"], TIMES[text])


@pytest.mark.parametrize("text", SIZES)
def test_memory(text: str) -> None:
    check(lambda: request("--mem", text)["mem_per_node"], SIZES[text])


@pytest.mark.parametrize("text", NODES)
def test_node_count(text: str) -> None:
    def read() -> tuple[int, int]:
        found = request("-N", text)
        return found["min_nodes"], found["max_nodes"]

    check(read, NODES[text])


def test_node_sizes_are_a_list_in_newer_versions() -> None:
    found = request("-N", "1,3,5-9:2", compat=(26, 5))
    assert (found["min_nodes"], found["max_nodes"], found["other"]["nodes"]) == (1, 9, "1,3,5-9:2")


@pytest.mark.parametrize("text", SIGNALS)
def test_signal(text: str) -> None:
    def read() -> tuple[int, int, str]:
        found = request("--signal", text)
        return found["signal"], found["signal_time"], found["signal_flags"]

    check(read, SIGNALS[text])


@pytest.mark.parametrize("text", MAIL)
def test_mail_type(text: str) -> None:
    check(lambda: request("--mail-type", text)["mail_type"], MAIL[text])


@pytest.mark.parametrize("text", NICE)
def test_nice(text: str) -> None:
    check(lambda: request("--nice" + text)["nice"], NICE[text])


@pytest.mark.parametrize("text", DISTRIBUTIONS)
def test_distribution(text: str) -> None:
    def read() -> tuple[str, int | None]:
        found = request("-m", text, "-w", "n0")
        return found["distribution"], found.get("plane_size")

    check(read, DISTRIBUTIONS[text])


@pytest.mark.parametrize("text", TOPOLOGIES)
def test_extra_node_info(text: str) -> None:
    def read() -> tuple[object, ...]:
        found = request("-B", text)
        return tuple(found.get(field) for field in ("sockets_per_node", "cores_per_socket", "threads_per_core"))

    check(read, TOPOLOGIES[text])


@pytest.mark.parametrize(
    ("option", "field", "value"),
    [
        ("--exclusive", "exclusive", "exclusive"),
        ("--exclusive=USER", "exclusive", "user"),
        ("--exclusive=oversubscribe", "oversubscribe", True),
        ("--open-mode=trunc", "open_mode", "t"),
        ("--no-kill", "no_kill", True),
        ("--no-kill=OFF", "no_kill", False),
        ("--kill-on-invalid-dep=YES", "kill_on_invalid_dep", True),
        ("--switches=2@10:00", "switches_wait", 600),
        ("--switches=2@10", "switches_wait", 600),
        ("--priority=top", "priority", 4294967293),
        ("--requeue", "requeue", True),
        ("--no-requeue", "requeue", False),
        ("--get-user-env=10L", "get_user_env", True),
        ("--uid=root", "as_uid", 0),
        ("--gid=7", "as_gid", 7),
        ("--begin=now+60", "begin", 1.79e9 + 60),
        ("-Dsub", "work_dir", "/home/u/sub"),
    ],
)
@pytest.mark.usefixtures("as_root")
def test_other_values(option: str, field: str, value: object) -> None:
    assert request(option)[field] == value


def test_a_host_file_becomes_a_comma_list() -> None:
    reading = values.Reading("sbatch", "sbatch", {}, "/home/u", 0, OLD, lambda path: b"n1 # first\n# none\nn2*2,n[3-4]\n")
    reading.row = next(row for row in options.of("sbatch") if row.name == "nodelist")
    assert words.node_names("./hosts", reading) == "n1,n2,n2,n[3-4]"


GEOMETRY = [
    # words, tasks, cores per socket, threads per core, hint: as Slurm 22.05.8 recorded them with the job
    ("--hint=nomultithread", None, None, 1, "nomultithread"),
    ("-N2 --hint=nomultithread", 2, None, 1, "nomultithread"),
    ("-N2 --hint=memory_bound", 2, 1, 1, "memory_bound"),
    ("-N1-2 --hint=memory_bound", None, 1, 1, "memory_bound"),
    ("--hint=compute_bound --cores-per-socket=2", None, None, 1, "compute_bound"),
    ("-N2 --hint=multithread", None, None, None, "multithread"),
    ("-N2 --hint=memory_bound --ntasks-per-core=1", None, None, None, None),
    ("--hint=nosuch --threads-per-core=1", None, None, 1, None),
    ("--hint=nomultithread --threads-per-core=1", None, None, 1, None),
    ("-B 1:1:1 --hint=nomultithread", 1, 1, 1, None),
    ("-B 1:2:1", 2, 2, 1, None),
    ("-N2 -B 1:4:1", 8, 4, 1, None),
    ("-N2 --cores-per-socket=3", 6, 3, None, None),
    ("-w n0,n1 --sockets-per-node=1", 2, None, None, None),
    ("--cores-per-socket=3", None, 3, None, None),
    ("-N2 -n3 --hint=compute_bound", 3, None, 1, "compute_bound"),
]


@pytest.mark.parametrize(("line", "tasks", "cores", "threads", "hint"), GEOMETRY)
def test_tasks_of_a_geometry(line: str, tasks: int | None, cores: int | None, threads: int | None, hint: str | None) -> None:
    found = request(*line.split())
    names = ("ntasks", "cores_per_socket", "threads_per_core", "hint")
    assert [found.get(name) for name in names] == [tasks, cores, threads, hint]
