"""sacctmgr, sshare and sreport: the forms that clients use to look accounts up, with what Slurm's own print for them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.kit.cluster import Cluster

NO_DATABASE = "You are not running a supported accounting_storage plugin\nOnly 'accounting_storage/slurmdbd' is supported.\n"
ASSOCIATED = "Cluster|Account|Partition|Share|Priority|MaxJobs|MaxNodes|MaxCPUs|MaxSubmit|MaxWall|MaxCPUMins|QOS|Def QOS\n"
TRES = "cpu||1\nmem||2\nenergy||3\nnode||4\nbilling||5\nfs|disk|6\nvmem||7\npages||8\ngres|gpu|1001\n"
SHARES = (
    "Account                    User  RawShares  NormShares    RawUsage  EffectvUsage  FairShare \n"
    "-------------------- ---------- ---------- ----------- ----------- ------------- ---------- \n"
)
FORMS = [
    (["sacctmgr", "-n", "list", "clusters", "format=cluster"], 0, "      test \n", ""),
    (["sacctmgr", "-nP", "show", "cluster", "other"], 0, "", ""),
    (["sacctmgr", "list", "cluster", "where", "cluster=test", "-n", "-P", "format=cluster,share"], 0, "test|1\n", ""),
    (["sacctmgr", "-n", "-s", "list", "user", "root", "format=account%256"], 0, "", ""),
    (["sacctmgr", "-n", "show", "assoc", "user=root", "format=account"], 0, "", ""),
    (["sacctmgr", "-P", "show", "account"], 0, "Account|Descr|Org\n", ""),
    (["sacctmgr", "-p", "show", "user"], 0, "User|Def Acct|Admin|\n", ""),
    (["sacctmgr", "-P", "show", "qos", "format=name,maxwall"], 0, "Name|MaxWall\n", ""),
    (["sacctmgr", "-nP", "show", "tres"], 0, TRES, ""),
    (["sacctmgr", "-P", "show", "user", "WithAssoc"], 0, "User|Def Acct|Admin|" + ASSOCIATED, ""),
    (["sacctmgr", "-Ps", "show", "user"], 0, "User|Def Acct|Admin|" + ASSOCIATED, ""),
    (["sacctmgr", "-P", "show", "qos", "format=Name,MaxTRESPerUser,MaxTRESPerJob,MaxSubmitJobsPerUser,MaxJobsPerAccount"], 0,
     "Name|MaxTRESPU|MaxTRES|MaxSubmitPU|MaxJobsPA\n", ""),
    (["sacctmgr", "show", "tres", "where", "type=energy"], 0,
     f"    Type            Name     ID \n-------- --------------- ------ \n  energy {'':15}      3 \n", ""),
    (["sacctmgr", "show", "runaway"], 0, "Runaway Jobs: No runaway jobs found on cluster test\n", ""),
    (["sacctmgr", "show", "user", "format=user,bogus"], 1, "", "Unknown field 'bogus'\n"),
    (["sacctmgr", "-i", "add", "account", "x"], 1, "", NO_DATABASE),
    (["sacctmgr", "bogus"], 1, "", "invalid keyword: bogus\n"),
    (["sshare"], 0, SHARES, ""),
    (["sshare", "-U", "--format", "Account%256", "--noheader"], 0, "", ""),
    (["sshare", "-nPo", "account,fairshare"], 0, "", ""),
    (["sshare", "-o", "bogus"], 1, "", 'sshare: error: Invalid field requested: "bogus"\n'),
    (["sreport", "cluster", "utilization"], 1, "", NO_DATABASE),
    (["sacctmgr", "--version"], 0, "slurm 22.05.8\n", ""),
]


@pytest.fixture(scope="module")
def counted() -> Iterator[Cluster]:
    with Cluster.up(1, 1) as cluster:
        yield cluster


@pytest.mark.parametrize(("words", "status", "out", "err"), FORMS, ids=["-".join(form[0]) for form in FORMS])
def test_form(counted: Cluster, words: list[str], status: int, out: str, err: str) -> None:
    done = counted.run(*words)
    assert (done.status, done.out, done.err) == (status, out, err)


@pytest.mark.parametrize(
    ("words", "key", "expected"),
    [
        (["qos"], "qos", []),
        (["assoc", "user=root"], "associations", []),
        (["tres", "type=gres"], "TRES", [{"type": "gres", "name": "gpu", "id": 1001, "count": 0}]),
    ],
)
def test_lists_as_documents(counted: Cluster, words: list[str], key: str, expected: list[object]) -> None:
    document = json.loads(counted.run("sacctmgr", "show", *words, "--json").ok().out)
    assert document[key] == expected
    assert document["meta"]["slurm"]["cluster"] == "test"
    assert counted.run("sacctmgr", "--yaml", "show", *words).ok().out.startswith(f"%YAML 1.1\n--- !!map\n!!str {key}: !!seq")
