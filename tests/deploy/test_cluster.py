"""From sshd's on loopback to a cluster and back, with the real daemons."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.deploy.conftest import Admin, newer_tree
from tests.deploy.sshd import Host, needs_sshd
from tests.kit import processes
from tests.kit.waiting import until

pytestmark = [needs_sshd, pytest.mark.ours, pytest.mark.xdist_group("deploy")]


def pid_in(file: Path) -> int:
    try:
        return int(file.read_text())
    except (FileNotFoundError, ValueError):
        return 0


def left_behind(admin: Admin) -> list[str]:
    """Files in the hosts' homes."""
    return [str(path) for host in admin.hosts for path in host.home.rglob("*")]


def failing_hosts(admin: Admin, known: Host) -> dict[Host, str]:
    """Hosts that cannot be used, and what is to be said of them."""
    changed, closed, strange = admin.host("changed"), admin.host("closed"), admin.host("strange", known=False)
    file = admin.ssh / "known_hosts"
    file.write_text(file.read_text().replace(changed.known.split()[2], known.known.split()[2]))
    (closed.directory / "authorized").write_text("")
    gone = admin.host("gone")
    gone.stop()
    return {
        changed: "its host key has changed", closed: "may not log in there (tried ", strange: "is not known; compare it",
        gone: "Connection refused",
    }  # fmt: skip


def test_three_hosts_and_back(plain_admin: Admin) -> None:
    """No root: up beside hosts that fail, again, a job across, a daemon and its keeper killed, one more, one less, down."""
    admin = plain_admin
    one, two, three = (admin.host(name) for name in ("n1", "n2", "n3"))
    failing = failing_hosts(admin, one)
    done = admin.up(one, two, *failing)
    assert "2 of 2 nodes in service (2 idle)" in done.out, done
    assert done.status == 1  # since some failed, each for its own reason, which does not spoil the others
    for host, words in failing.items():
        assert any(line.startswith(f"{host.word}: FAILED: ") and words in line for line in done.lines), (words, done)
    assert "mgpu_sbatch" in done.out  # what to do next
    assert admin.states(one) == ["n1 idle", "n2 idle"]
    for path, mode in (("etc/mgpu.key", 0o600), ("etc/mgpu.conf", 0o600), ("state", 0o700), (".", 0o700)):
        assert (one.base / path).stat().st_mode & 0o777 == mode, path

    again = admin.run("up").ok()
    assert "nothing to do" in again.out
    assert "copying" not in again.out

    ran = admin.suite(one, "srun", "-N2", "-l", "sh", "-c", "echo $SLURMD_NODENAME").ok()
    assert sorted(ran.lines) == ["0: n1", "1: n2"]

    node = two.base / "nodes/n2"
    before, keeper = pid_in(node / "node.pid"), pid_in(node / "keeper.pid")
    os.kill(before, signal.SIGKILL)
    until(lambda: pid_in(node / "node.pid") not in (0, before), "the node daemon comes back")
    os.kill(keeper, signal.SIGKILL)
    processes.wait_gone(keeper)
    assert processes.alive(pid_in(node / "node.pid"))  # it does without its keeper
    looked = admin.run("status")
    assert "stopped" in looked.out
    admin.run("up").ok()
    assert pid_in(node / "keeper.pid") != keeper
    assert "running (keeper)" in admin.run("status").ok().out

    added = admin.run("add", three.word).ok()
    assert "n1: copying" not in added.out
    assert admin.states(one) == ["n1 idle", "n2 idle", "n3 idle"]
    assert admin.suite(one, "srun", "-N3", "hostname").ok().lines == [os.uname().nodename] * 3

    assert "n3: [" in admin.run("logs", "--lines=3").ok().out
    following = admin.start("logs", "-f", "n3")
    assert following.stdout is not None
    next(line for line in following.stdout if "node n3 started" in line)
    following.send_signal(signal.SIGINT)
    following.communicate(timeout=30)
    removed = admin.run("remove", "n3").ok()
    assert "n3: removed" in removed.out
    assert admin.states(one) == ["n1 idle", "n2 idle"]
    assert list(three.home.rglob("*")) == []

    admin.run("down").ok()
    assert left_behind(admin) == []
    assert admin.daemons() == []
    assert not (admin.home / ".config/mgpu/clusters").exists()
    assert "there is no cluster" in admin.run("status").err


def test_dry_run_does_nothing(admin: Admin) -> None:
    host = admin.host("n1")
    done = admin.up(host, more=("--dry-run",)).ok()
    for words in ("copy and unpack release", "write the cluster's key (0600)", "start controller and node daemon"):
        assert words in done.out
    head = admin.host("head")
    apart = admin.up(host, more=("--dry-run", "--controller", head.word)).ok().lines
    lines = {line.partition(":")[0]: at for at, line in enumerate(apart)}
    assert apart[lines["head"]].endswith("(controller)")
    starts = [line.partition("(")[0] for line in apart if "    start " in line]
    assert sorted(starts) == ["    start controller ", "    start node daemon "]
    assert left_behind(admin) == []
    assert not (admin.home / ".config/mgpu/clusters").exists()
    assert admin.daemons() == []


def test_a_cluster_of_somebody_else_is_left_alone(admin: Admin) -> None:
    host = admin.host("n1")
    for place in ("etc", "nodes/theirs"):
        (host.base / place).mkdir(parents=True)
    (host.base / "etc/mgpu.key").write_text("another key\n")
    done = admin.up(host)
    assert done.status == 1
    assert "was set up from elsewhere; take another name with --name" in done.out
    assert sorted(path.name for path in host.base.iterdir()) == ["etc", "nodes"]


def test_a_wrong_setting_is_refused_before_anything_is_started(admin: Admin) -> None:
    host = admin.host("n1")
    done = admin.up(host, more=("--set", "SlurmctldTimeout=soon"))
    assert done.status == 1
    assert "SlurmctldTimeout" in done.err
    assert admin.daemons() == []
    wrong = admin.up(host, more=("--set", "NoSuchKey=1"))
    assert "NoSuchKey is no key" in wrong.err
    assert left_behind(admin) == []
    assert "there is no cluster" in admin.run("status").err


@pytest.mark.slow
def test_a_controller_that_runs_no_jobs(admin: Admin) -> None:
    """A host that only --controller names is no node, until it is added; and there is no other way to move the controller."""
    head, one = admin.host("head"), admin.host("n1")
    refused = admin.up(one, more=("--controller", "127.0.0.1:1"))
    assert "127.0.0.1:1 was to run the controller, nothing is started" in refused.err
    assert left_behind(admin) == []
    done = admin.up(one, more=("--controller", head.word)).ok()
    assert "1 of 1 nodes in service (1 idle)" in done.out
    assert f"Log in and use it:  ssh -p {head.port}" in done.out
    assert admin.states(one) == admin.states(head) == ["n1 idle"]
    assert sorted(file.name for file in (head.base / "nodes/head").glob("*.pid")) == ["controller.pid", "keeper.pid"]
    assert not (one.base / "nodes/n1/controller.pid").exists()
    looked = admin.run("status").ok()
    assert [line.split()[2:4] for line in looked.lines[1:3]] == [["controller", "no"], ["node", "idle"]], looked
    assert "the same machine" not in looked.out
    assert "nothing to do" in admin.run("up").ok().out
    for name, words in (("n1", "it moves only with its state"), ("head", "nothing to do")):
        again = admin.run("up", "--controller", name)
        assert words in again.out + again.err
    assert "head" in admin.run("add", head.word).ok().out
    assert admin.states(one) == ["head idle", "n1 idle"]
    admin.run("remove", "n1").ok()
    assert admin.states(head) == ["head idle"]
    run_dirs = list(Path(f"/tmp/mgpu-{os.getuid()}").glob(f"{admin.name}-*")) or list(Path("/run/mgpu").glob(f"{admin.name}-*"))
    assert [sorted(file.name for file in place.iterdir()) for place in run_dirs] == [["controller.sock", "node.head.sock"]]
    admin.run("down").ok()
    assert left_behind(admin) == []
    assert admin.daemons() == []


@pytest.mark.slow
def test_upgrade_keeps_a_running_job(admin: Admin, tmp_path: Path) -> None:
    one, two = admin.host("n1"), admin.host("n2")
    admin.up(one, two).ok()
    go = tmp_path / "go"
    script = f"srun sh -c 'echo begun; while [ ! -e {go} ]; do sleep 0.1; done; echo done'"
    out = tmp_path / "out"
    admin.suite(one, "sbatch", "-N2", "-o", str(out), "--wrap", script).ok()
    until(lambda: out.exists() and out.read_text().count("begun") == 2, "the job runs on both nodes")
    tree = newer_tree(tmp_path)
    kept = admin.run("up", tree=tree).ok()
    assert "`mgpu_cluster upgrade` brings it" in kept.out  # up alone changes no version
    done = admin.run("upgrade", tree=tree).ok()
    assert "2 of 2 nodes in service (2 mixed)" in done.out or "2 allocated" in done.out
    assert admin.suite(two, "squeue", "--version").status == 0
    assert (one.base / "current").readlink().name.startswith("99.0-")
    assert admin.suite(one, "squeue", "-h", "-o", "%T").lines == ["RUNNING"]
    go.touch()
    until(lambda: out.read_text().count("done") == 2, "the job ends")
    until(lambda: admin.suite(one, "squeue", "-h").lines == [], "the queue is empty")
    assert "nothing to do" in admin.run("upgrade", tree=tree).ok().out
    admin.run("down").ok()
    assert left_behind(admin) == []


@pytest.mark.slow
def test_remove_and_down_do_not_end_jobs_unasked(admin: Admin, tmp_path: Path) -> None:
    one, two = admin.host("n1"), admin.host("n2")
    admin.up(one, two).ok()
    admin.suite(one, "sbatch", "-w", "n2", "-o", "/dev/null", "--wrap", "sleep 300").ok()
    until(lambda: admin.suite(one, "squeue", "-h", "-o", "%T").lines == ["RUNNING"], "the job runs")
    refused = admin.run("remove", "n2")
    assert refused.status == 1
    assert "job 1 runs there" in refused.out
    assert "n2 draining" in admin.states(one)
    assert admin.run("remove", "n1").err.endswith("`mgpu_cluster down` ends the whole cluster\n")
    kept = admin.run("down")
    assert kept.status == 1
    assert "1 jobs run or wait" in kept.err
    admin.run("remove", "--force", "n2").ok()
    assert admin.states(one) == ["n1 idle"]
    assert list(two.home.rglob("*")) == []
    admin.suite(one, "sbatch", "-o", "/dev/null", "--wrap", "true").ok()
    admin.run("down", "--wait", "--keep-state").ok()
    assert admin.daemons() == []
    assert not (one.base / "current").exists()
    admin.run("up").ok()
    assert admin.suite(one, "sbatch", "-o", "/dev/null", "--wrap", "true").ok().out == "Submitted batch job 3\n"  # ids go on
    admin.run("down", "--force").ok()
    assert left_behind(admin) == []
    assert admin.daemons() == []


@pytest.mark.slow
def test_killed_in_the_middle_and_run_again(admin: Admin) -> None:
    """At whatever moment it dies, the next run comes to the same end."""
    one, two = admin.host("n1"), admin.host("n2")
    words = ["up", "-v", "--no-links", "-d", "~/cluster", one.word, two.word]
    for moment in ("copying packages", "unpacking", "write the cluster's key", "start controller"):
        killed = admin.start(*words)
        assert killed.stdout is not None
        for line in killed.stdout:
            if moment in line:
                killed.kill()
                break
        killed.communicate()
    done = admin.run(*words).ok()
    assert "2 of 2 nodes in service (2 idle)" in done.out
    assert not list((one.base / "parts").iterdir())
    assert "nothing to do" in admin.run(*words).ok().out
    killed = admin.start("down", "-v")
    assert killed.stdout is not None
    next(line for line in killed.stdout if "stopping the daemons" in line)
    killed.kill()
    killed.communicate()
    admin.run("down", "--force").ok()
    assert left_behind(admin) == []
    assert admin.daemons() == []


@pytest.mark.slow
def test_hosts_that_cannot_be_entered_are_remembered(admin: Admin) -> None:
    one, two, three = (admin.host(name) for name in ("n1", "n2", "n3"))
    admin.up(one, two, three).ok()
    admin.suite(one, "scontrol", "update", "NodeName=n2", "State=DRAIN", "Reason=test").ok()
    drained = admin.run("up").ok()  # nothing to wait for
    assert "n2: is drained" in drained.out
    three.stop()
    up = admin.run("up", "--timeout=5")
    assert up.status == 1
    assert "n3: FAILED: 127.0.0.1 port" in up.out
    refused = admin.run("remove", "n3")
    assert refused.status == 1
    assert "with --force it is forgotten" in refused.out
    assert admin.run("down").status == 1
    assert "there is no cluster" not in admin.run("status").err
    three.start()
    admin.run("down", "--force").ok()
    assert left_behind(admin) == []
    assert admin.daemons() == []


@pytest.mark.slow
def test_the_binary(admin: Admin) -> None:
    """A host without Python gets dist/mgpu, which brings its own."""
    from mgpu_slurm.deploy import bundle

    if bundle.binary_folder() is None:
        pytest.skip("packaging/build has not made dist/mgpu")
    one, two, old = (admin.host(name) for name in ("n1", "n2", "old"))
    (old.directory / "bin/getconf").write_text('#!/bin/sh\n[ "$1" = GNU_LIBC_VERSION ] && echo glibc 2.17\n')
    (old.directory / "bin/getconf").chmod(0o755)
    done = admin.up(one, two, old, more=("--with", "binary"))
    assert done.status == 1
    assert "copying binary" in done.out
    assert re.search(r"^old: FAILED: the binary needs glibc 2\.\d+ or later, it has glibc 2\.17 \(", done.out, re.M), done
    assert list(old.home.rglob("*")) == [], "nothing was copied there"
    assert "2 of 2 nodes in service (2 idle)" in done.out
    assert not list((one.base / "current/").rglob("mgpu_slurm/*.py"))
    assert sorted(admin.suite(two, "srun", "-N2", "sh", "-c", "echo $SLURMD_NODENAME").ok().lines) == ["n1", "n2"]
    assert "nothing to do" in admin.run("up", "--with", "binary").ok().out
    admin.run("down").ok()
    assert left_behind(admin) == []


@pytest.mark.slow
def test_hosts_that_share_their_directory(admin: Admin) -> None:
    """As with a home directory on NFS: each has its own node there, and the last one takes the rest away."""
    one, two = admin.host("n1"), admin.host("n2")
    shared = admin.directory / "shared"
    shared.mkdir()
    words = ["up", "--no-links", "-d", str(shared / "cluster"), one.word, two.word]
    assert "2 of 2 nodes in service (2 idle)" in admin.run(*words).ok().out
    assert "nothing to do" in admin.run(*words).ok().out
    assert sorted(path.name for path in (shared / "cluster/nodes").iterdir()) == ["n1", "n2"]
    admin.run("remove", "n2").ok()
    assert "running" in admin.run("status").ok().out
    admin.run("down").ok()
    assert list(shared.iterdir()) == []
    assert admin.daemons() == []


@pytest.mark.slow
def test_interrupted_by_the_user(admin: Admin) -> None:
    host = admin.host("n1")
    started = admin.start("up", "--no-links", "-d", "~/cluster", host.word)
    assert started.stdout is not None
    next(line for line in started.stdout if "unpacking" in line)
    started.send_signal(signal.SIGINT)
    _, err = started.communicate(timeout=30)
    assert started.returncode == -signal.SIGINT
    assert "Traceback" not in err
    assert "1 of 1 nodes in service" in admin.run("up").ok().out
    admin.run("down").ok()


@pytest.mark.slow
def test_a_copy_that_was_broken_off_is_taken_up(admin: Admin) -> None:
    """What has arrived is not sent again; what is damaged is."""
    host = admin.host("n1")
    admin.up(host).ok()
    release = (host.base / "current").readlink().name
    admin.run("down", "--keep-state").ok()
    parts = host.base / "parts"
    parts.mkdir()
    cache = admin.home / ".cache/mgpu/bundles"
    archives = {file.name.partition("-")[0]: file for file in cache.glob("*.gz")}
    for name, spoiled in (("program", False), ("packages", True)):
        data = archives[name].read_bytes()[:100_000]
        digest = archives[name].with_suffix(".sha256").read_text()
        piece = name if name == "program" else archives[name].name.rpartition("-")[0]
        (parts / f"n1.{piece}.{digest[:16]}").write_bytes(b"x" + data[1:] if spoiled else data)
    done = admin.run("up").ok()
    assert "1 of 1 nodes in service" in done.out
    copied = [line for line in done.lines if "copying" in line]
    assert [line.endswith("0.1 MB of it are there)") for line in copied] == [True, False], copied
    assert (host.base / "releases" / release / ".complete").exists()
    admin.run("down").ok()


@pytest.mark.slow
def test_a_disk_that_is_full(admin: Admin) -> None:
    """Found before copying where the free space tells, and while copying where it did not; the others go on."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    good, small, few = admin.host("good"), admin.host("small"), admin.host("few")
    for host, options in ((small, "size=4m"), (few, "size=400m,nr_inodes=300")):
        host.base.mkdir()
        if os.spawnlp(os.P_WAIT, "mount", "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(host.base)) != 0:
            pytest.skip("may not mount here")
    try:
        done = admin.up(good, small, few)
        assert done.status == 1
        assert "1 of 1 nodes in service" in done.out or "1 of 2" in done.out
        assert "small: FAILED:" in done.out
        assert "MB are free" in done.out
        assert "few: FAILED: unpacking:" in done.out
        assert "No space left on device" in done.out
        assert admin.states(good) == ["good idle"]
    finally:
        admin.run("down", "--force")
        for host in (small, few):
            os.spawnlp(os.P_WAIT, "umount", "umount", str(host.base))
