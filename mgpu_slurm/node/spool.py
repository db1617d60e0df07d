"""What survives the daemon: a directory per step, `steps/JOB.STEP.ATTEMPT/`, and the scripts of batch jobs.

    spec.json      who it is (0600)
    control.sock   where its supervisor listens
    pid, log       of the supervisor
    result.json    how it ended, once nothing of it lives

Only the daemon's user enters these directories. Scripts lie in `jobNNNNN/slurm_script`, readable by their owner alone.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator

import msgspec

from mgpu_slurm.node.core import Key


class Entry(msgspec.Struct, kw_only=True):
    """What spec.json says."""

    job_id: int
    step_id: str
    attempt: int
    uid: int
    tag: str
    boot_id: str = ""

    @property
    def key(self) -> Key:
        return self.job_id, self.step_id, self.attempt


class Spool:
    """The spool directory of one node. OSError: it cannot be made or belongs to somebody else."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.steps = os.path.join(root, "steps")
        os.makedirs(root, 0o755, exist_ok=True)
        os.makedirs(self.steps, 0o700, exist_ok=True)
        for path, mode in ((root, 0o755), (self.steps, 0o700)):
            status = os.stat(path, follow_symlinks=False)
            if status.st_uid != os.geteuid():
                raise PermissionError(13, f"belongs to uid {status.st_uid}, not to the daemon's uid {os.geteuid()}", path)
            if status.st_mode & 0o022 or status.st_mode & mode != mode:
                os.chmod(path, mode)

    def directory(self, key: Key) -> str:
        return os.path.join(self.steps, f"{key[0]}.{key[1]}.{key[2]}")

    def add(self, entry: Entry) -> str:
        """Make the step's directory; returns it. OSError: also when there is one already."""
        path = self.directory(entry.key)
        os.mkdir(path, 0o700)
        data = msgspec.json.encode(entry)
        descriptor = os.open(os.path.join(path, "spec.json"), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
        return path

    def entries(self) -> Iterator[Entry]:
        """Every step that is there; directories without a readable spec.json were never launched, and go."""
        for name in sorted(os.listdir(self.steps)):
            path = os.path.join(self.steps, name)
            try:
                with open(os.path.join(path, "spec.json"), "rb") as file:
                    yield msgspec.json.decode(file.read(), type=Entry)
            except (FileNotFoundError, msgspec.DecodeError):
                shutil.rmtree(path, ignore_errors=True)

    def remove(self, key: Key) -> None:
        """The step's directory, and for a batch job its script."""
        shutil.rmtree(self.directory(key), ignore_errors=True)
        if key[1] == "batch":
            shutil.rmtree(self._job_directory(key[0]), ignore_errors=True)

    def _job_directory(self, job_id: int) -> str:
        return os.path.join(self.root, f"job{job_id:05d}")

    def write_script(self, job_id: int, uid: int, gid: int, text: str) -> str:
        """The batch script, executable and readable by its owner only; returns its path."""
        directory = self._job_directory(job_id)
        shutil.rmtree(directory, ignore_errors=True)
        os.mkdir(directory, 0o700)
        path = os.path.join(directory, "slurm_script")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o700)
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(text.encode("utf-8", "surrogateescape"))
            os.fchmod(descriptor, 0o700)
            if os.geteuid() == 0:
                os.fchown(descriptor, uid, gid)
                os.chown(directory, uid, gid, follow_symlinks=False)
        finally:
            os.close(descriptor)
        return path


def listen(directory: str) -> tuple[socket.socket, socket.socket]:
    """The control socket of a step to be launched: the listening end for its supervisor, and a connection to it."""
    with _Short(directory) as short:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(short)
            listener.listen(8)
        except BaseException:
            listener.close()
            raise
        return listener, connect(directory)


def connect(directory: str) -> socket.socket:
    """A connection to a supervisor. OSError: there is none."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _Short(directory) as short:
            sock.connect(short)
    except BaseException:
        sock.close()
        raise
    return sock


class _Short:
    """A socket's path by its directory's descriptor: a spool may lie deeper than the 107 bytes of a socket address."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def __enter__(self) -> str:
        self._descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._descriptor}/control.sock"

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
