"""mgpu_master: argv, signals and logs around the controller.

    mgpu_master -f CONF            a configured cluster, in the foreground (-D is accepted)
    mgpu_master --host H --port P  the first generation's form: no file, nodes join by themselves; also without options
                                   where no file is found
    mgpu_master --embedded DIR     the personal cluster of one user (started by the commands)
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import pwd
import signal
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from mgpu_slurm import __version__
from mgpu_slurm.base.errors import ConfigError, UsageError
from mgpu_slurm.controller.daemon import Controller
from mgpu_slurm.controller.nodekeeper import NodeKeeper
from mgpu_slurm.facts.queries.daemons import MASTER
from mgpu_slurm.intake import argv as getopt
from mgpu_slurm.intake import conf, conf_made, manual
from mgpu_slurm.intake.conf import Config
from mgpu_slurm.store.database import open_store
from mgpu_slurm.store.errors import StoreError
from mgpu_slurm.wire import credential

log = logging.getLogger("mgpu.controller")

EMBEDDED_WAIT = 15.0
"""Seconds that a personal cluster's controller waits for the one before it, which may be stopping."""

class Options:
    conf = ""
    embedded = ""
    host = ""
    port = 8080
    first_generation = False
    verbose = False


def run(argv: list[str], environ: Mapping[str, str], cwd: str, streams: Any, cluster: str = "-") -> int:
    """The program. Exit status 1 with one line for whatever keeps it from serving."""
    try:
        options = parse(argv)
    except ValueError as error:
        streams.err.write(f"mgpu_master: error: {error}\n{manual.help_text('master')}")
        return 1
    if isinstance(options, str):
        streams.out.write(options)
        return 0
    home = pwd.getpwuid(os.getuid()).pw_dir
    try:
        reload = _source(options, environ, home)
        config = reload()
        _log_to(config, options.verbose)
        return asyncio.run(serve(config, reload))
    except (ConfigError, StoreError, credential.KeyFileError, OSError) as error:
        text = str(error) if not isinstance(error, OSError) else f"{error.strerror}: {error.filename or ''}".rstrip(": ")
        logging.getLogger("mgpu").debug("startup failed", exc_info=True)
        streams.err.write(f"mgpu_master: fatal: {text}\n")
        return 1


def parse(argv: list[str]) -> Options | str:
    """Options, or a text to print. Raises ValueError."""
    options = Options()
    try:
        parsed = getopt.parse(MASTER, argv, True, "mgpu_master")
    except UsageError as error:
        raise ValueError(str(error).splitlines()[0].removeprefix("mgpu_master: ")) from None
    if parsed.operands:
        raise ValueError(f"unexpected argument '{parsed.operands[0]}'")
    for row, value in parsed.options:
        text = value or ""
        if row.kind == "help":
            return manual.help_text("master")
        if row.kind == "version":
            return f"mgpu_slurm {__version__}\n"
        if row.sets == "verbose":
            options.verbose = True
        elif row.sets in ("conf", "embedded"):
            setattr(options, row.sets, text)
        elif row.sets == "host":
            options.host, options.first_generation = text, True
        elif row.sets == "port":
            if not text.isdigit():
                raise ValueError(f"invalid port: {text}")
            options.port, options.first_generation = int(text), True
    return options


def _source(options: Options, environ: Mapping[str, str], home: str) -> Callable[[], Config]:
    """How the configuration is read, now and at every reconfigure."""
    hostname = socket.gethostname().partition(".")[0]
    if options.embedded:
        return lambda: conf_made.embedded(options.embedded, hostname, compat=environ.get("MGPU_COMPAT", ""))
    path = "" if options.first_generation else options.conf or conf.find(environ, os.getuid(), home)
    if not path:
        host = options.host or "0.0.0.0"
        return lambda: conf_made.from_first_generation(host, options.port, home, hostname=hostname)
    return lambda: conf.load(path)


def _log_to(config: Config, verbose: bool) -> None:
    """Standard error and the configured file."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    path = config.get("SlurmctldLogFile")
    if path:
        os.makedirs(os.path.dirname(os.path.abspath(path)), 0o755, exist_ok=True)
        handlers.append(logging.FileHandler(path))
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="[%(asctime)s.%(msecs)03d] %(levelname)s: %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
        handlers=handlers,
        force=True,
    )
    for key, file, line in config.unknown:
        log.info("unknown key %s (%s line %d) is ignored", key, file, line)
    for warning in config.warnings:
        log.warning("%s", warning)


def _reread(controller: Controller) -> None:
    """SIGHUP: the configuration is read again, and the log file opened again: it may have been rotated."""
    controller.reconfigure()
    _log_to(controller.config, logging.getLogger().isEnabledFor(logging.DEBUG))


def _tell_systemd(text: str) -> None:
    """Tell systemd, if it started this process, so that units that come after this one find it serving."""
    place = os.environ.pop("NOTIFY_SOCKET", "")
    if place:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(text.encode(), "\0" + place[1:] if place.startswith("@") else place)


async def serve(config: Config, reload: Callable[[], Config]) -> int:
    """Open everything, serve until told to stop, close everything."""
    state = str(config.get("StateSaveLocation"))
    os.makedirs(state, 0o700, exist_ok=True)
    lock = await _lock(state, EMBEDDED_WAIT if config.embedded_dir else 0.0)
    key = _key(config.key_file(), config.slurm_uid())
    store = open_store(str(config.get("MgpuDatabase") or os.path.join(state, "state.db")))
    try:
        controller = Controller(config, store, key, reload)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, controller.stopping.set)
        loop.add_signal_handler(signal.SIGHUP, _reread, controller)
        controller.wakeups.start()
        controller.restore()
        controller.listen()
        log.info("mgpu_master %s serves cluster %s", __version__, config.cluster_name)
        _tell_systemd("READY=1")
        keeper = NodeKeeper(config.embedded_dir) if config.embedded_dir else None
        if keeper is not None:
            keeper.start()
            controller.on_stop = keeper.no_more
        try:
            await controller.run()
        finally:
            if keeper is not None:
                await keeper.stop()
        log.info("stopped")
    finally:
        store.close()
        os.close(lock)
    return 0


async def _lock(state: str, patience: float) -> int:
    """The descriptor that keeps other controllers out. One that is just stopping is waited for, `patience` seconds.

    Raises StoreError.
    """
    lock = os.open(os.path.join(state, "controller.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                os.close(lock)
                raise StoreError(f"another controller uses {state}") from None
            await asyncio.sleep(0.02)
        else:
            return lock


def _key(path: str, owner: int) -> bytes:
    """The cluster's key, made where it is missing. Raises KeyFileError."""
    if os.path.exists(path):
        return credential.load_key(path, owner)
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    try:
        return credential.create_key(path)
    except FileExistsError:
        return credential.load_key(path, owner)
