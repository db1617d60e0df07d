"""The first generation's commands, thin faces over the same requests:

    mgpu_client submit --gpus 1 "nvidia-smi"     mgpu_queue
    mgpu_client queue                            mgpu_cancel ID
    mgpu_client cancel ID

They talk to the master that --master or MGPU_MASTER names, else to the configured cluster, else to a first-generation master
of this user on this host, else to the user's embedded cluster. A master that is only just starting is waited for, so that
`mgpu_master & mgpu_node --node-id test & mgpu_client submit "echo test"` reaches it.
"""

from __future__ import annotations

import os
import time

from mgpu_slurm.base.errors import SlurmError, UsageError
from mgpu_slurm.commands.session import DEFAULT, FIRST, open_session
from mgpu_slurm.intake import manual
from mgpu_slurm.wire import client as wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_FORMAT = "%.10i %.20j %.10u %.10T %.10M %.6D %.6C %.14b %R"
PORT = 8080

START_WAIT = 15.0
"""Longest seconds to wait for a first-generation master that runs but does not answer yet."""


def client(argv: list[str], environ: Mapping[str, str], cwd: str, streams: Any, cluster: str = DEFAULT) -> int:
    """mgpu_client. Returns the exit status."""
    words, environ, cluster, helped = _where(argv, environ, cluster)
    if helped or not words:
        (streams.out if helped else streams.err).write(manual.help_text("client"))
        return 0 if helped else 1
    action, rest = words[0], words[1:]
    if any(word in ("-h", "--help") for word in rest[:1]):
        streams.out.write(manual.help_text("client"))
        return 0
    if action == "submit":
        return _submit(rest, environ, cwd, streams, cluster)
    if action == "queue" and not rest:
        return _queue(environ, cwd, streams, cluster)
    if action == "cancel" and rest:
        return _cancel(rest, environ, streams, cluster)
    streams.err.write(manual.help_text("client"))
    return 1


def queue(argv: list[str], environ: Mapping[str, str], cwd: str, streams: Any, cluster: str = DEFAULT) -> int:
    """mgpu_queue. Returns the exit status."""
    words, environ, cluster, helped = _where(argv, environ, cluster)
    if helped or words:
        (streams.out if helped else streams.err).write(manual.help_text("queue"))
        return 0 if helped else 1
    return _queue(environ, cwd, streams, cluster)


def cancel(argv: list[str], environ: Mapping[str, str], cwd: str, streams: Any, cluster: str = DEFAULT) -> int:
    """mgpu_cancel. Returns the exit status."""
    words, environ, cluster, helped = _where(argv, environ, cluster)
    if helped or not words:
        (streams.out if helped else streams.err).write(manual.help_text("cancel"))
        return 0 if helped else 1
    return _cancel(words, environ, streams, cluster)


def _where(
    argv: list[str], environ: Mapping[str, str], cluster: str
) -> tuple[list[str], Mapping[str, str], str, bool]:
    """The words after the leading options, the cluster that is meant, and whether help is asked for."""
    words = list(argv)
    master = environ.get("MGPU_MASTER", "") if cluster == DEFAULT else ""
    while words and words[0].startswith("-"):
        word = words.pop(0)
        name, equal, value = word.partition("=")
        if word in ("-h", "--help"):
            return words, environ, cluster, True
        if name != "--master" or not (equal or words):
            known = name == "--master"
            raise UsageError("option '--master' requires an argument" if known else f"unrecognized option '{word}'", 1)
        master = value if equal else words.pop(0)
    return words, environ, master_of(master, environ, cluster), False


def master_of(master: str, environ: Mapping[str, str], cluster: str) -> str:
    """The CLUSTER word of the master at HOST[:PORT], or where none is named, of what is there. Raises UsageError."""
    if master:
        host, _, port = master.partition(":")
        if not host or (port and not port.isdecimal()):
            raise UsageError(f"not a master's address: {master}", 1)
        return f"{FIRST}{host}:{port or PORT}"
    if cluster == DEFAULT and not environ.get("MGPU_CONF"):
        return _own_master() or cluster
    return cluster


def _own_master() -> str:
    """A first-generation master of this user that answers on this host, where there is no configuration; or ""."""
    import pwd

    from mgpu_slurm.intake import conf

    try:
        home = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""
    if conf.find({}, os.getuid(), home):
        return ""
    ports = _ports(home)
    end = time.monotonic() + START_WAIT
    while True:
        for port in ports:
            try:
                wire.connect(wire.Endpoint(path=f"{home}/.local/state/mgpu/first/{port}/controller.sock")).close()
            except wire.ControllerUnreachable:
                continue
            return f"{FIRST}127.0.0.1:{port}"
        if time.monotonic() > end or not _starting():
            return ""
        time.sleep(0.02)
        ports = _ports(home)


def _ports(home: str) -> list[str]:
    """The ports that first-generation masters of the owner of `home` have been on."""
    try:
        return sorted(os.listdir(f"{home}/.local/state/mgpu/first"))
    except OSError:
        return []


def _starting() -> bool:
    """Whether a first-generation master of this user runs, which may not listen yet."""
    for pid in os.listdir("/proc"):
        try:
            if pid.isdigit() and os.stat(f"/proc/{pid}").st_uid == os.getuid():
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
                # not one in a container, whose files are others
                if is_first_master(words) and os.path.samefile(f"/proc/{pid}/root", "/"):
                    return True
        except OSError:
            continue  # it has ended
    return False


def is_first_master(words: list[bytes]) -> bool:
    """Whether a process with these words is an mgpu_master without a file, started as a program or by an interpreter."""
    for place, word in enumerate(words[:6]):
        if word.rpartition(b"/")[2] in (b"mgpu_master", b"mgpu_simple_master"):
            return not any(option.startswith((b"-f", b"--embedded")) for option in words[place + 1 :])
    return False


def _submit(words: list[str], environ: Mapping[str, str], cwd: str, streams: Any, cluster: str) -> int:
    """A batch job of one command, with sbatch's options in front of it."""
    from mgpu_slurm.commands import sbatch
    from mgpu_slurm.facts import options
    from mgpu_slurm.intake import argv as getopt

    parsed = getopt.parse(options.of("sbatch"), words, False, "mgpu_client")
    if not parsed.operands:
        raise UsageError("No command given to execute.", 1)
    line = [f"--{row.name}" if text is None else f"--{row.name}={text}" for row, text in parsed.options]
    command = parsed.operands[0] if len(parsed.operands) == 1 else " ".join(map(_quoted, parsed.operands))
    return sbatch.run([*line, f"--wrap={command}"], environ, cwd, streams, cluster)


def _quoted(word: str) -> str:
    if word and all(char.isalnum() or char in "_@%+=:,./-" for char in word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def _queue(environ: Mapping[str, str], cwd: str, streams: Any, cluster: str) -> int:
    from mgpu_slurm.commands import squeue

    return squeue.run(["-o", _FORMAT], environ, cwd, streams, cluster)


def _cancel(ids: list[str], environ: Mapping[str, str], streams: Any, cluster: str) -> int:
    from mgpu_slurm.base.ids import parse_job

    for text in ids:
        try:
            parse_job(text)
        except ValueError:
            raise UsageError(f"Invalid job id {text}", 1) from None
    try:
        answer = open_session(environ, cluster).call({"kind": "cancel_jobs", "ids": ids})
    except SlurmError as error:
        raise UsageError(f"Kill job error on job id {ids[0]}: {error.text}", 1) from None
    status = 0
    for text, code, why in answer["rows"]:
        if code:
            streams.err.write(f"mgpu_cancel: error: Kill job error on job id {text}: {why}\n")
            status = 1
        else:
            streams.out.write(f"Cancelled job {text}\n")
    return status
