"""Roots that hold next to nothing: the binary where no Python is, and README's two commands on a bare Debian."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.kit.commands import ROOT
from tests.packaging import building, roots

pytestmark = [pytest.mark.xdist_group("packaging"), pytest.mark.ours, pytest.mark.slow]

FIRST = """
cd /root
dist() { exec /srv/dist/"$@"; }
dist MASTER >master.log 2>&1 &
dist NODE >node.log 2>&1 &
/srv/dist/CLIENT submit "echo test" || exit 3
for _ in $(seq 600); do grep -q . slurm-1.out 2>/dev/null && break; sleep 0.1; done
cat slurm-1.out
/srv/dist/CLIENT submit -o plain 'srun sh -c "echo \\$SLURM_STEP_ID" && squeue -h -o %T && env | grep ^LD_'
for _ in $(seq 600); do [ -z "$(/srv/dist/mgpu/mgpu_squeue -h -t pending,running,completing)" ] && break; sleep 0.1; done
cat plain
rm -rf .local .config slurm-1.out plain
"""


def test_the_binary_needs_no_python(dist: Path) -> None:
    why = roots.why_not()
    if why:
        pytest.skip(why)
    with roots.debian() as root:
        shutil.copytree(dist, root / "srv/dist", symlinks=True)
        assert roots.enter(root, "ls /usr/bin/python* /usr/local/bin/python* /usr/lib/python*").out == ""
        for master, node, client in (
            ("mgpu_master", "mgpu_node --node-id test", "mgpu_client"),
            ("mgpu_simple_master", "mgpu_simple_node --node-id test --host 127.0.0.1", "mgpu_simple_client"),
        ):
            script = FIRST.replace("MASTER", master).replace("NODE", node).replace("CLIENT", client)
            done = roots.enter(root, script)
            assert done.ok().lines == ["Submitted batch job 1", "test", "Submitted batch job 2", "0", "RUNNING"], done
        # and a cluster that starts itself
        assert roots.enter(root, "cd /root; /srv/dist/mgpu/mgpu_srun echo here").ok().out == "here\n"
        listed = roots.enter(root, "for name in /srv/dist/mgpu/mgpu_*; do $name --help >/dev/null || echo $name; done")
        assert listed.ok().out == ""
        # nothing was written beside the program, which may be read-only
        files = {file.relative_to(dist) for file in dist.rglob("*")}
        assert {file.relative_to(root / "srv/dist") for file in (root / "srv/dist").rglob("*")} == files


def test_the_two_commands_of_the_readme(tmp_path: Path) -> None:
    """In a root with apt and what debootstrap brings, from a clone; packages come from where this machine gets them."""
    why = roots.why_not()
    if why:
        pytest.skip(why)
    with roots.debian("ca-certificates") as root:
        clone = root / "root/mgpu_slurm"
        if (ROOT / ".git").exists():
            words = ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)]
            subprocess.run(words, check=True, timeout=120)
        else:
            building.copy_tree(clone)
        done = roots.enter(root, "cd /root/mgpu_slurm && bin/demo", network=True, timeout=900)
        assert done.status == 0, repr(done)
        assert "Done: job" in done.out
        assert "test accuracy" in done.out
        done = roots.enter(root, "cd /root/mgpu_slurm && bin/test tests/base", network=True, timeout=900)
        assert done.status == 0, repr(done)
        assert " passed" in done.out
