"""Which cluster a command talks to, and how to ask it something.

The cluster is found without help from the environment: the CLUSTER word that the launcher hands over ("-" for none), then
$MGPU_CONF, the user's and the system's configuration, and where there is none the user's own embedded cluster, which is
started when nobody answers there.
"""

from __future__ import annotations

import os

from mgpu_slurm.base.errors import NEWEST
from mgpu_slurm.wire import client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.intake.conf import Config

DEFAULT = "-"
EMBEDDED = "embedded:"
FIRST = "first:"
"""CLUSTER words: the embedded cluster of a directory; the master at HOST:PORT that has no configuration file."""

RETRIES = 8
"""Rounds after the first: some seven seconds with the waits of wire/client.py, in which a controller that was killed is back.
(Slurm's commands try for nine.)"""

QUICK_SECONDS = 1.0
"""How long a command waits for anything where MGPU_QUICK asks it not to."""


class Session:
    """A found cluster. `config` is None for an embedded one, whose directory is `embedded_dir` ("" otherwise).

    `compat` is the Slurm version whose texts are printed; timeouts are in seconds.
    """

    __slots__ = (
        "cluster_name", "compat", "config", "connect_timeout", "embedded_dir", "endpoints", "request_timeout", "retries",
        "signers",
    )  # fmt: skip

    def __init__(
        self, endpoints: Sequence[client.Endpoint], compat: tuple[int, int] = NEWEST, cluster_name: str = "mgpu"
    ) -> None:
        self.endpoints = list(endpoints)
        self.compat = compat
        self.cluster_name = cluster_name
        self.config: Config | None = None
        self.embedded_dir = ""
        self.signers: list[str] = []
        self.connect_timeout = client.CONNECT_TIMEOUT
        self.request_timeout = client.REQUEST_TIMEOUT
        self.retries = RETRIES

    @property
    def governors(self) -> str | None:
        """The governors of CPUs that jobs may ask for (CpuFreqGovernors); None for all."""
        return str(self.config.get("CpuFreqGovernors") or "") or None if self.config is not None else None

    def call(self, message: Mapping[str, object], timeout: float | None = None) -> dict[str, Any]:
        """One request and its answer. SlurmError (ControllerUnreachable, PeerRefused, RequestRefused) as wire/client.py.

        A request that changes state must carry a request id, since it is repeated when its answer is lost.
        """
        connection, answer = self.reach(message, timeout)
        connection.close()
        return answer

    def reach(self, message: Mapping[str, object], timeout: float | None = None) -> tuple[client.Connection, dict[str, Any]]:
        """Like `call`; the connection stays open for what follows the answer."""
        seconds = self.request_timeout if timeout is None else timeout
        return client.reach(self.endpoints, message, self.connect_timeout, seconds, self.retries)

    def connect(self) -> client.Connection:
        """An open connection to the first endpoint that answers. ControllerUnreachable after all tries."""
        for turn in range(self.retries + 1):
            if turn:
                import time

                time.sleep(client.back_off(turn))
            for endpoint in self.endpoints:
                try:
                    return client.connect(endpoint, self.connect_timeout)
                except client.ControllerUnreachable as error:
                    last = error
        raise last

    def ensure(self, environ: Mapping[str, str]) -> None:
        """Start the embedded cluster unless somebody answers there. embedded.StartFailed. Nothing for a configured one."""
        if not self.embedded_dir:
            return
        try:
            client.connect(self.endpoints[0], self.connect_timeout).close()
        except client.ControllerUnreachable:
            from mgpu_slurm.commands import embedded

            embedded.start(self.embedded_dir, environ)


def new_request_id() -> str:
    """An id that makes a repeated request the same request."""
    return os.urandom(16).hex()


def compat_of(text: str) -> tuple[int, int] | None:
    """(22, 5) from "22.05" or "22.05.8"; None for anything else."""
    year, _, month = text.partition(".")
    month = month.partition(".")[0]
    if year.isascii() and year.isdecimal() and month.isascii() and month.isdecimal():
        return int(year), int(month)
    return None


def open_session(environ: Mapping[str, str], cluster: str = DEFAULT) -> Session:
    """`find_session`, and an embedded cluster is started where nobody answers. Raises embedded.StartFailed as well.

    With MGPU_QUICK in the environment nothing is started and nobody waited for, as a shell's completion wants it.
    """
    session = find_session(environ, cluster)
    if "MGPU_QUICK" in environ:
        session.retries = 0
        session.connect_timeout = min(session.connect_timeout, QUICK_SECONDS)
        session.request_timeout = min(session.request_timeout, QUICK_SECONDS)
    else:
        session.ensure(environ)
    return session


def find_session(environ: Mapping[str, str], cluster: str = DEFAULT) -> Session:
    """The cluster that `cluster` and the environment name; nothing is asked of it and nothing started.

    Raises ConfigError for a configuration that cannot be read.
    """
    where = cluster if cluster != DEFAULT else environ.get("MGPU_CONF", "")
    if where.startswith(EMBEDDED):
        return _embedded(environ, where[len(EMBEDDED) :])
    if where.startswith(FIRST):
        from mgpu_slurm.intake import conf_made

        host, _, port = where[len(FIRST) :].rpartition(":")
        return configured(conf_made.from_first_generation(host, int(port), _home()), environ)
    path: str | None = where or None
    if path is None:
        home = _home()
        path = _found(home)
    if path is None:
        return _embedded(environ, "")
    from mgpu_slurm.intake import conf

    return configured(conf.load(path, keys_only=True), environ)


def _found(home: str) -> str | None:
    """intake.conf.find for an environment without MGPU_CONF, looked for before that module is imported."""
    for place in (f"{home}/.config/mgpu/mgpu.conf", "/etc/mgpu/mgpu.conf"):
        if os.path.exists(place):
            from mgpu_slurm.intake import conf

            return conf.find({}, os.getuid(), home)
    return None


def configured(config: Config, environ: Mapping[str, str]) -> Session:
    """A cluster by its configuration: the controller's Unix socket where there is one, else its port."""
    run_dir = config.run_dir()
    signers = [config.controller_socket()] if os.path.exists(config.controller_socket()) else []
    try:
        names = sorted(name for name in os.listdir(run_dir) if name.startswith("node.") and name.endswith(".sock"))
        signers += [f"{run_dir}/{name}" for name in names]
    except OSError:
        pass  # no daemon of this cluster runs on this host
    port = int(config.get("SlurmctldPort"))
    endpoints = [client.Endpoint(path=signers[0])] if signers and signers[0] == config.controller_socket() else []
    endpoints += [client.Endpoint(host=address, port=port, signers=signers) for _, address in config.controllers if port]
    session = Session(endpoints, compat_of(environ.get("MGPU_COMPAT", "")) or config.compat, config.cluster_name)
    session.config = config
    session.signers = signers
    session.connect_timeout = float(config.get("TCPTimeout") or client.CONNECT_TIMEOUT)
    session.request_timeout = float(config.get("MessageTimeout") or client.REQUEST_TIMEOUT)
    return session


def _embedded(environ: Mapping[str, str], directory: str) -> Session:
    socket = f"{directory}/controller.sock"
    if not directory:
        from mgpu_slurm.commands import embedded

        directory = embedded.directory(_home())
        socket = f"{directory}/controller.sock"
    session = Session([client.Endpoint(path=socket)], compat_of(environ.get("MGPU_COMPAT", "")) or NEWEST)
    session.embedded_dir = directory
    session.signers = [socket]
    return session


def _home() -> str:
    """The home directory of the user's account, whatever HOME says; "" where the account has none."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""
