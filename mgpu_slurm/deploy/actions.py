"""What is to be done on a host so that it becomes what it should be: from facts and a wish to actions. Pure.

`plan` gives the difference and nothing more, so that a second run finds nothing to do. How an action is carried out is
scripts.py's business, in which order over several hosts bringing_up.py's: programs first, then the controller, then the nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mgpu_slurm.deploy.hosts import Facts

SYSTEM, USER, KEEPER = "system", "user", "keeper"
"""Who keeps the daemons running: systemd's manager of the system, of the user, or a process of ours (keeper.py)."""

CONTROLLER, NODE = "controller", "node"
"""The daemons of a host; its roles are one of them, or both with a comma."""


@dataclass(frozen=True)
class Mark:
    """What the daemons of a host were last started with; written there after each start."""

    release: str
    conf: str
    key: str
    roles: str
    manner: str

    def __str__(self) -> str:
        return f"{self.release} {self.conf} {self.key} {self.roles} {self.manner}"

    @classmethod
    def read(cls, text: str) -> Mark:
        """A mark from its text; an unreadable one is like none."""
        words = text.split()
        return cls(*words) if len(words) == 5 else cls("", "", "", "", "")


@dataclass(frozen=True)
class Wish:
    """What a host should be: a node, the controller or both, of this release with this configuration and key (digests)."""

    node: str
    roles: str
    release: str
    pieces: tuple[tuple[str, str, int], ...]
    """(name, digest, bytes) of what the release is made of."""
    conf: str
    key: str
    manner: str
    links: bool = True

    @property
    def mark(self) -> Mark:
        return Mark(self.release, self.conf, self.key, self.roles, self.manner)


class Kind(Enum):
    """What can be done on a host, in the order in which it is."""

    INSTALL = "copy what is missing of a release's pieces and unpack them"
    WRITE_KEY = "put the cluster's key there, readable by its owner"
    WRITE_CONF = "put mgpu.conf, and gres.conf and cgroup.conf beside it, there"
    SWITCH = "make a release the current one, for commands and for the next start of the daemons"
    LINK = "make the cluster the default there and put its commands on PATH, where nothing else is in the way"
    START = "start the daemons, and see to it that they come back"
    RESTART = "stop and start the daemons; jobs go on meanwhile"
    RELOAD = "let the daemons read their configuration again"


STILL = (Kind.WRITE_KEY, Kind.WRITE_CONF, Kind.SWITCH, Kind.LINK)
"""What changes files only, and may be done everywhere at once."""

MOVES = (Kind.START, Kind.RESTART, Kind.RELOAD)
"""What the daemons feel: the controller's host comes first."""


@dataclass(frozen=True)
class Action:
    """One thing to do on a host; `told` says it to the user."""

    kind: Kind
    told: str


MANNERS = {
    SYSTEM: "systemd units",
    USER: "systemd units of the user",
    KEEPER: "processes of the user, kept running by mgpu_cluster keep",
}


def _daemons(roles: str) -> str:
    return " and ".join({CONTROLLER: "controller", NODE: "node daemon"}[role] for role in roles.split(","))


def manner(facts: Facts) -> str:
    """Who is to keep the daemons running. A user's manager counts only if it outlives the login."""
    if facts.root and facts.manager:
        return SYSTEM
    if not facts.root and facts.user_manager and facts.linger:
        return USER
    return KEEPER


def plan(wish: Wish, facts: Facts) -> list[Action]:
    """What to do, in order. Nothing where the host is what it should be."""
    there = facts.existing
    size, daemons = sum(size for _, _, size in wish.pieces), _daemons(wish.roles)
    actions = [
        Action(kind, told)
        for kind, needed, told in (
            (Kind.INSTALL, wish.release not in facts.releases, f"copy and unpack release {wish.release} ({size / 1e6:.1f} MB)"),
            (Kind.WRITE_KEY, there.get("key") != wish.key, "write the cluster's key (0600)"),
            (Kind.WRITE_CONF, there.get("conf") != wish.conf, "write mgpu.conf and what is beside it"),
            (Kind.SWITCH, there.get("current") != wish.release, f"make {wish.release} the current release"),
            (
                Kind.LINK, wish.links and "links" not in there and not facts.foreign,
                "link configuration and commands into their usual places",
            ),
        )
        if needed
    ]  # fmt: skip
    started = Mark.read(there.get(f"started {wish.node}", ""))
    if wish.node not in facts.running:
        actions.append(Action(Kind.START, f"start {daemons} ({MANNERS[wish.manner]})"))
    elif started != wish.mark:
        changed = [
            why
            for why, old, new in (
                ("another release", started.release, wish.release),
                ("another key", started.key, wish.key),
                ("other daemons", started.roles, wish.roles),
                ("kept running another way", started.manner, wish.manner),
            )
            if old != new
        ]
        if changed:
            actions.append(Action(Kind.RESTART, f"restart {daemons}: {' and '.join(changed)} (jobs go on)"))
        else:
            actions.append(Action(Kind.RELOAD, f"let {daemons} read the configuration again"))
    return actions


def comes_back(facts: Facts, how: str) -> bool:
    """Whether the daemons are there again after a reboot."""
    return how in (SYSTEM, USER) or facts.cron
