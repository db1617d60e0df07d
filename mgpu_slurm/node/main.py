"""mgpu_node: argv, signals and log around the node daemon. The launcher is forked before anything heavy is loaded.

    mgpu_node -f CONF -N NAME               a node of a configuration file
    mgpu_node --embedded DIR                the node of a personal cluster, started by its controller
    mgpu_node --node-id NAME --master-host H --gpu-count G
                                            a node that no file lists
"""

from __future__ import annotations

import os
import signal
import socket

from mgpu_slurm.node import launcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping
    from typing import Any

    from mgpu_slurm.intake.conf import Config
    from mgpu_slurm.node.settings import Settings

KEY_WAIT = 2.0
"""Longest seconds between looks for the cluster key, which the controller makes."""


class Options:
    """The command line."""

    def __init__(self) -> None:
        self.conf = ""
        self.node_name = ""
        self.embedded = ""
        self.node_id = ""
        self.master_host = ""
        self.master_port = 8080
        self.gpu_count: int | None = None
        self.gpu_type = ""
        self.address = ""
        self.verbose = False
        self.foreground = True
        self.print_hardware = False


def parse(argv: list[str]) -> Options | str:
    """Options, or a text to print. ValueError: not an option, or not a value."""
    from mgpu_slurm.base.errors import UsageError
    from mgpu_slurm.facts.queries.daemons import NODE
    from mgpu_slurm.intake import argv as getopt

    options = Options()
    try:
        parsed = getopt.parse(NODE, argv, True, "mgpu_node")
    except UsageError as error:
        raise ValueError(str(error).splitlines()[0].removeprefix("mgpu_node: ")) from None
    if parsed.operands:
        raise ValueError(f"unexpected argument '{parsed.operands[0]}'")
    for row, value in parsed.options:
        if row.kind == "help":
            from mgpu_slurm.intake import manual

            return manual.help_text("node")
        if row.kind == "version":
            from mgpu_slurm import __version__

            return f"mgpu_slurm {__version__}\n"
        if value is None:
            setattr(options, row.sets, True)
        elif row.kind != "natural":
            setattr(options, row.sets, value)
        elif value.isascii() and value.isdigit() and len(value) < 6:
            setattr(options, row.sets, int(value))
        else:
            raise ValueError(f"invalid number for --{row.name}: {value}")
    if options.master_host and not options.node_id:
        raise ValueError("--master-host needs --node-id, the name to join under")
    if options.node_id and not options.master_host:
        options.master_host = "127.0.0.1"
    return options


def run(argv: list[str], environ: Mapping[str, str], cwd: str, streams: Any, cluster: str = "-") -> int:
    """The program. Exit status 1 with one line for whatever keeps it from serving."""
    try:
        options = parse(argv)
    except ValueError as error:
        from mgpu_slurm.intake import manual

        streams.err.write(f"mgpu_node: error: {error}\n{manual.help_text('node')}")
        return 1
    if isinstance(options, str):
        streams.out.write(options)
        return 0
    if options.print_hardware:
        text, troubles = hardware_lines(options.node_name or socket.gethostname().partition(".")[0])
        streams.out.write(text)
        streams.err.writelines(f"mgpu_node: warning: {trouble}\n" for trouble in troubles)
        return 0
    # First of all: the launcher must be small and without threads.
    forker = launcher.start()
    import asyncio

    from mgpu_slurm.base.errors import ConfigError
    from mgpu_slurm.wire.credential import KeyFileError

    try:
        reload = _source(options, environ, cluster)
        settings = reload()
        _log_to(settings.log_file, options.verbose)
        return asyncio.run(_serve(settings, reload, forker))
    except (ConfigError, KeyFileError, OSError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.filename:
            text = f"{error.filename}: {error.strerror}"
        streams.err.write(f"mgpu_node: fatal: {text}\n")
        return 1
    except KeyboardInterrupt:
        return 0


def hardware_lines(name: str) -> tuple[str, list[str]]:
    """What `slurmd -C` prints, with the GPUs: two lines, the first for the configuration; and what kept GPUs from being found.

    Takes seconds where a driver sleeps.
    """
    import time

    from mgpu_slurm.node import gpus, hardware, settings

    found = hardware.detect()
    report = gpus.survey() if settings.driver_present() else None
    gres = gpus.gres_config(gpus.offered(report.gpus)) if report else ""
    minutes, seconds = divmod(int(time.time() - found.boot_time), 60)
    days, minutes = divmod(minutes, 24 * 60)
    text = (
        f"NodeName={name} CPUs={found.cpus} Boards={found.boards} SocketsPerBoard={found.sockets // found.boards} "
        f"CoresPerSocket={found.cores_per_socket} ThreadsPerCore={found.threads_per_core} RealMemory={found.real_memory}"
        f"{' Gres=' + gres if gres else ''}\nUpTime={days}-{minutes // 60:02}:{minutes % 60:02}:{seconds:02}\n"
    )
    return text, [*report.notes, *([report.error] if report.error else [])] if report else []


def _source(options: Options, environ: Mapping[str, str], cluster: str) -> Callable[[], Settings]:
    """How the settings are read, at the start and at SIGHUP. ConfigError."""
    import pwd

    from mgpu_slurm.base.errors import ConfigError
    from mgpu_slurm.intake import conf, conf_made
    from mgpu_slurm.node import gpus, settings

    home = pwd.getpwuid(os.getuid()).pw_dir
    hostname = socket.gethostname().partition(".")[0]
    embedded = options.embedded or (cluster.removeprefix("embedded:") if cluster.startswith("embedded:") else "")
    if embedded:
        compat = environ.get("MGPU_COMPAT", "")
        return lambda: settings.embedded(conf_made.embedded(embedded, hostname, compat=compat), hostname)
    if options.node_id:
        host, port, name = options.master_host, options.master_port, options.node_id
        if any(char in name for char in "/\0 \t%") or name in ("", ".", ".."):
            raise ConfigError("--node-id", 0, f'"{name}" is not a node name')
        count, kind = options.gpu_count, options.gpu_type
        offered = None if count is None else gpus.declared(count, kind)
        text = "" if not count else f"gpu:{kind}:{count}" if kind else f"gpu:{count}"

        def join() -> Settings:
            config = conf_made.from_first_generation(host, port, home, hostname=host, node=name)
            return settings.joining(config, name, host, port, offered, text, options.address)

        return join
    path = options.conf or (cluster if cluster != "-" else "") or conf.find(environ, os.getuid(), home)
    if not path:
        raise ConfigError("mgpu.conf", 0, "no configuration file found; use -f CONF, or --node-id without one")
    name = options.node_name or hostname

    def read() -> Settings:
        config: Config = conf.load(path)
        try:
            return settings.configured(config, name, bool(options.node_name), path)
        except KeyError:
            raise ConfigError(path, 0, f"there is no NodeName={name}; name this node with -N") from None

    return read


def _log_to(path: str, verbose: bool) -> None:
    """Standard error and the configured file. OSError."""
    import logging

    handlers: list[logging.Handler] = [logging.StreamHandler()]
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


async def _serve(settings: Settings, reload: Callable[[], Settings], forker: launcher.Launcher) -> int:
    import asyncio

    from mgpu_slurm.node.daemon import NodeDaemon

    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    key = await _wait_for_key(settings, stopping)
    if key is None:
        return 0
    daemon = NodeDaemon(settings, key, forker)
    daemon.stopping = stopping
    await daemon.start()
    loop.add_signal_handler(signal.SIGHUP, _reread, daemon, reload, settings.log_file)
    await daemon.run()
    return 0


def _reread(daemon: Any, reload: Callable[[], Settings], log_file: str) -> None:
    """SIGHUP: the log file is opened again (it may have been rotated), the configuration read again."""
    import logging

    from mgpu_slurm.base.errors import ConfigError

    log = logging.getLogger("mgpu.node")
    try:
        settings = reload()
        _log_to(settings.log_file or log_file, log.isEnabledFor(logging.DEBUG))
        daemon.reconfigure(settings)
    except (ConfigError, OSError) as error:
        log.error("configuration not changed: %s", error)


async def _wait_for_key(settings: Settings, stopping: asyncio.Event) -> bytes | None:
    """The cluster key; None when told to stop first. KeyFileError: it is there, but no good."""
    import asyncio
    import logging

    from mgpu_slurm.wire import credential

    path = settings.key_file
    wait = 0.02
    told = False
    while not stopping.is_set():
        if os.path.exists(path):
            return credential.load_key(path, settings.key_owner)
        if not told and wait > 0.5:
            logging.getLogger("mgpu.node").info("waiting for the cluster key %s, which the controller makes", path)
            told = True
        try:
            await asyncio.wait_for(stopping.wait(), wait)
        except TimeoutError:
            wait = min(wait * 2, KEY_WAIT)
    return None
