"""sinfo against what Slurm 22.05.8 printed with the same jobs running."""

from __future__ import annotations

import pytest

from mgpu_slurm.commands import sinfo
from tests.commands.fake import FakeSession, call

SHOWN = [
    ([], """\
PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST
gpu*         up   infinite      2    mix n[0-1]
gpu*         up   infinite      2   idle n[2-3]
debug        up    1:00:00      1    mix n0
"""),
    (["-s"], """\
PARTITION AVAIL  TIMELIMIT   NODES(A/I/O/T) NODELIST
gpu*         up   infinite          2/2/0/4 n[0-3]
debug        up    1:00:00          1/0/0/1 n0
"""),
    (["-R"], "REASON               USER      TIMESTAMP           NODELIST\n"),
    (["-p", "debug"], """\
PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST
debug        up    1:00:00      1    mix n0
"""),
    (["-p", "nope"], "PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST\n"),
    (["-t", "idle", "-h"], """\
gpu*         up   infinite      2   idle n[2-3]
debug        up    1:00:00      0    n/a \n"""),
    (["-t", "alloc,mix", "-h"], """\
gpu*         up   infinite      2    mix n[0-1]
debug        up    1:00:00      1    mix n0
"""),
    (["-n", "zz", "-h"], """\
gpu*         up   infinite      0    n/a \n\
debug        up    1:00:00      0    n/a \n"""),
    (["-h", "-o", "%P %G %l %p %c %m"], "gpu* gpu:a100:4 infinite 1 8 16000\ndebug gpu:a100:4 1:00:00 1 8 16000\n"),
    (["-S", "P,-t", "-o", "%P %t %n"], "PARTITION STATE HOSTNAMES\ndebug mix vm\ngpu* mix vm\ngpu* idle vm\n"),
    (["-o", "%n %t %C"], "HOSTNAMES STATE CPUS(A/I/O/T)\nvm mix 4/12/0/16\nvm idle 0/16/0/16\n"),
    (["-o", "%C"], "CPUS(A/I/O/T)\n4/28/0/32\n"),
    (["-o", "%C %P"], "CPUS(A/I/O/T) PARTITION\n4/28/0/32 gpu*\n3/5/0/8 debug\n"),
    (["-h", "-o", "%R %F %A %D"], "gpu 2/2/0/4 2/2 4\ndebug 1/0/0/1 1/0 1\n"),
    (["-O", "gresused,nodelist"], """\
GRES_USED           NODELIST            \n\
gpu:a100:1(IDX:0)   n[0-1]              \n\
gpu:a100:0(IDX:N/A) n[2-3]              \n"""),
    (["-h", "-o", "%t %N"], "mix n[0-1]\nidle n[2-3]\n"),
    (["-h", "-o", "%T %D %N", "-p", "gpu"], "mixed 2 n[0-1]\nidle 2 n[2-3]\n"),
    (["-h", "-o", "%N"], "n[0-3]\n"),
    (["-h", "-o", "%a|%D"], "up|4\n"),
    (["-h", "-o", "%l|%D"], "infinite|4\n1:00:00|1\n"),
    (["-h", "-o", "%g %h %r %s %S %M %B %L"], "all NO no 1-infinite all OFF UNLIMITED n/a\n"),
    (["-h", "-o", "%E|%H|%v|%w|%z|%X|%Y|%Z|%O|%e"], "none|Unknown|22.05.8|1|1:8:1|1|8|1|0.11|23630\n"),
    (["-O", "partition:5,nodelist:.3,cpus:6"], "PARTINODELISTCPUS  \ngpu* n[08     \ndebug n08     \n"),
    (["-o", "%10n|%.3N|"], "HOSTNAMES |NODELIST|\nvm        |n[0|\n"),
    (["-N"], """\
NODELIST   NODES PARTITION STATE \n\
n0             1      gpu* mix   \n\
n0             1     debug mix   \n\
n1             1      gpu* mix   \n\
n2             1      gpu* idle  \n\
n3             1      gpu* idle  \n"""),
    (["-T"], "No reservations in the system\n"),
]  # fmt: skip


@pytest.mark.parametrize(("argv", "expected"), SHOWN)
def test_shown(session: FakeSession, argv: list[str], expected: str) -> None:
    result = call(sinfo, session, *argv)
    assert (result.out, result.err, result.status) == (expected, "", 0)


LONG = """\
PARTITION AVAIL  TIMELIMIT   JOB_SIZE ROOT OVERSUBS     GROUPS  NODES       STATE NODELIST
gpu*         up   infinite 1-infinite   no       NO        all      2       mixed n[0-1]
gpu*         up   infinite 1-infinite   no       NO        all      2        idle n[2-3]
debug        up    1:00:00 1-infinite   no       NO        all      1       mixed n0
"""
NODES_LONG = """\
NODELIST   NODES PARTITION       STATE CPUS    S:C:T MEMORY TMP_DISK WEIGHT AVAIL_FE REASON              \n\
n1             1      gpu*       mixed 8       1:8:1  16000        0      1   (null) none                \n"""


def test_long(session: FakeSession) -> None:
    assert call(sinfo, session, "-l").out.partition("\n")[2] == LONG
    assert call(sinfo, session, "-N", "-l", "-n", "n1").out.partition("\n")[2] == NODES_LONG
    session.compat = (26, 5)
    assert " STATE RESERVATION NODELIST" in call(sinfo, session, "-l").out


REFUSED = [
    (["-a", "-p", "gpu"], 1, "sinfo: error: Conflicting options, -a and -p, specified. Please choose one or the other.\n"),
    (["-l", "-o", "%P"], 1,
     "sinfo: fatal: Options -o(--format) and -l(--long) are mutually exclusive. Please remove one and retry.\n"),
    (["-i", "abc"], 1, "sinfo: error: Error: invalid entry for --iterate=abc\n"),
    (["-h", "-o", "%Q|%P", "-p", "gpu"], 0, "Invalid node format specification: Q\n"),
    (["-h", "-O", "foo"], 0, "sinfo: error: Invalid job format specification: foo\n"),
]  # fmt: skip


@pytest.mark.parametrize(("argv", "status", "text"), REFUSED)
def test_refusals(session: FakeSession, argv: list[str], status: int, text: str) -> None:
    result = call(sinfo, session, *argv)
    assert (result.status, result.err) == (status, text)


def test_wrong_state(session: FakeSession) -> None:
    result = call(sinfo, session, "-t", "foo")
    assert result.err.startswith('sinfo: error: Bad state string: "foo"\nsinfo: error: valid states: unknown,down,idle,')
    assert result.status == 1


def test_reasons(session: FakeSession) -> None:
    node = session.state.nodes["n2"]
    node.flags, node.reason, node.reason_time = ["DRAIN"], "bad fan", 1795478411.0
    assert call(sinfo, session, "-R", "-h").out == "bad fan              root      2026-11-24T00:00:11 n2\n"
    assert call(sinfo, session, "-h", "-o", "%t %N %C", "-n", "n2", "-p", "gpu").out == "drain n2 0/0/8/8\n"


def test_nodes_that_differ_are_merged_unless_exact(session: FakeSession) -> None:
    session.state.nodes["n3"].cpus = 16
    assert call(sinfo, session, "-h", "-o", "%c", "-p", "gpu").out == "8+\n"
    assert call(sinfo, session, "-h", "-e", "-o", "%c %N", "-p", "gpu").out == "8 n[0-2]\n16 n3\n"
