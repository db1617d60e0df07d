"""--verbose of squeue, sprio and sinfo: the settings as they were understood, before the listing."""

from __future__ import annotations

import pytest

from tests.kit.cluster import Suite

SQUEUE = """\
-----------------------------
all         = true
array       = false
federation  = false
format      = %i
iterate     = 0
job_flag    = 1
jobs        = 99998,99999
licenses    = (null)
local       = false
names       = (null)
nodes       =\x20
partitions  = gpu
priority    = false
reservation = (null)
sibling      = false
sort        = (null)
start_flag  = 0
states      = all
step_flag   = 0
steps       = (null)
users       = root
verbose     = 2
job_list[0] = 99998
job_list[1] = 99999
part_list[0] = gpu
state_list = all
user_list[0] = 0
-----------------------------


"""


@pytest.mark.ours
def test_what_was_understood(cluster: Suite) -> None:
    words = ["-vv", "-o", "%i", "-t", "all", "-h", "-j", "99998,99999", "-u", "root", "-p", "gpu"]
    head, _, rest = cluster.run("squeue", *words).ok().out.partition("last_update_time=")
    assert head[: len(SQUEUE)] == SQUEUE
    assert head[len(SQUEUE) :].count("\n") == 1  # the date
    assert rest.endswith(" records=0\n")
    assert "job_flag   = 1\njobs       = 1,2\n" in cluster.run("sprio", "-v", "-h", "-j", "1,2").out
    shown = cluster.run("sinfo", "-v", "-h", "-n", "n0", "-p", "gpu").out
    assert "filtering   = true\nformat      = partition:9 ,available:.5 ," in shown
    assert "avail_flag      = true\ncomment_flag    = false\n" in shown
    assert cluster.run("squeue", "-h", "-j", "99998,99999").out == ""
