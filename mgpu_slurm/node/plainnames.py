"""The directory of plain names (`srun`, `squeue`, ...) that stands first on PATH in every job of this node's cluster."""

from __future__ import annotations

import os

from mgpu_slurm import boot

NAMES = (
    "srun", "sbatch", "salloc", "squeue", "scancel", "sinfo", "scontrol", "sacct", "sstat", "sprio", "sdiag", "sattach", "sbcast",
    "sacctmgr", "sshare", "sreport",
)  # fmt: skip


def write(spool: str, cluster: str) -> str:
    """Write the files into `spool`/bin and return it. `cluster`: what boot.py takes, a path or "embedded:DIR". OSError."""
    directory = os.path.join(spool, "bin")
    os.makedirs(directory, 0o755, exist_ok=True)
    os.chmod(directory, 0o755)
    for name in NAMES:
        text = boot.plain_name_text(name, cluster)
        path = os.path.join(directory, name)
        try:
            with open(path, "rb") as file:
                if file.read() == text:
                    continue
        except FileNotFoundError:
            pass
        # A script may be executing the old one.
        draft = os.path.join(directory, f".{name}.{os.getpid()}")
        with open(draft, "wb") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o755)
        os.rename(draft, path)
    return directory
