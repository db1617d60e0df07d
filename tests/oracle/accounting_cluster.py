"""A real Slurm that accounts its jobs: slurmdbd and MariaDB in the cluster's own directory, reached by sockets there."""

from __future__ import annotations

import shutil
import subprocess

from tests.kit.cluster import free_ports
from tests.kit.waiting import until
from tests.oracle import slurm_cluster
from tests.oracle.slurm_cluster import SEARCH, SlurmCluster

PACKAGES = ("slurmdbd", "slurm-wlm-mysql-plugin", "mariadb-server")
PROGRAMS = ("slurmdbd", "mariadbd", "mariadb-install-db", "mariadb", "sacctmgr", "sacct")
PASSWORD = "slurm"


def why_not() -> str:
    """Why there can be none here, "" when there can."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=SEARCH) is None]
    if missing:
        return f"no {', '.join(missing)} here: apt-get install --no-install-recommends {' '.join(PACKAGES)}"
    return slurm_cluster.why_not()


class AccountingCluster(SlurmCluster):
    """Every user's account is `acc`, as the cases name it."""

    besides = "AccountingStorageTRES=gres/gpu,gres/gpu:a100,license/lic\nAccountingStoreFlags=job_comment,job_env,job_script"

    def accounting(self) -> str:
        (port,) = free_ports(1)
        here = self.directory
        (here / "mysql").mkdir(mode=0o700)
        lines = [
            "DbdHost=localhost", "DbdAddr=127.0.0.1", f"DbdPort={port}", "SlurmUser=root", "AuthType=auth/munge",
            f"AuthInfo=socket={here}/munge/socket", "StorageType=accounting_storage/mysql", "StorageHost=localhost",
            "StorageUser=slurm", f"StoragePass={PASSWORD}", "StorageLoc=slurm_acct", f"LogFile={here}/log/slurmdbd.log",
            f"PidFile={here}/run/slurmdbd.pid", "DebugLevel=error",
        ]  # fmt: skip
        file = here / "slurmdbd.conf"
        file.touch(0o600)
        file.write_text("\n".join(lines) + "\n")
        return (
            "AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageHost=127.0.0.1\n"
            f"AccountingStoragePort={port}\n"
            # the socket of the cluster's own munged, not a password
            f"AccountingStoragePass={here}/munge/socket"
        )

    def start_accounting(self) -> None:
        here = self.directory
        data, socket = f"--datadir={here}/mysql", here / "run" / "mysql.sock"
        self._do(
            "mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--user=root", data,
            "--skip-test-db",
        )  # fmt: skip
        self._start(
            "mariadbd", "--no-defaults", "--user=root", data, f"--socket={socket}", f"--pid-file={here}/run/mariadb.pid",
            "--skip-networking", "--innodb-buffer-pool-size=32M", "--innodb-lock-wait-timeout=900",
            "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin",
        )  # fmt: skip
        until(lambda: socket.exists() and self._sql("select 1"), lambda: f"mariadbd answers\n{self.told()}", 60, 0.1)
        assert self._sql(f"create user 'slurm'@'localhost' identified by '{PASSWORD}'; grant all on *.* to 'slurm'@'localhost'")
        self._start("slurmdbd", "-D", MYSQL_UNIX_PORT=str(socket))
        until(lambda: self._manages("-n", "show", "cluster"), lambda: f"slurmdbd answers\n{self.told()}", 60, 0.1)
        self._manages("-i", "add", "cluster", "test")
        self._manages("-i", "add", "account", "acc", "cluster=test")
        self._manages("-i", "add", "user", "root", "account=acc", "defaultaccount=acc")

    def _sql(self, text: str) -> bool:
        return self._do("mariadb", "--no-defaults", "-uroot", "-S", str(self.directory / "run" / "mysql.sock"), "-e", text)

    def _manages(self, *words: str) -> bool:
        return self._do("sacctmgr", *words)

    def _do(self, name: str, *words: str) -> bool:
        program = shutil.which(name, path=SEARCH) or name
        done = subprocess.run(
            [program, *words], env=self.environment(), cwd="/", stdin=subprocess.DEVNULL, capture_output=True, check=False,
            timeout=120,
        )  # fmt: skip
        return done.returncode == 0
