"""What is to be done on a host so that it becomes what it should be: from facts and a wish to actions. Pure.

`plan` gives the difference and nothing more, so that a second run finds nothing to do. How an action is carried out is
scripts.py's business, in which order over several hosts verbs.py's: programs first, then the controller, then the nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

from mgpu_slurm.deploy.hosts import Facts

SYSTEM, USER, KEEPER = "system", "user", "keeper"
"""Who keeps the daemons running: systemd's manager of the system, of the user, or a process of ours (keeper.py)."""


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
    """What a host should be: a node, perhaps the controller, of this release with this configuration and key (digests)."""

    node: str
    controller: bool
    release: str
    pieces: tuple[tuple[str, str, int], ...]
    """(name, digest, bytes) of what the release is made of."""
    conf: str
    key: str
    manner: str
    links: bool = True

    @property
    def roles(self) -> str:
        return "controller,node" if self.controller else "node"

    @property
    def mark(self) -> Mark:
        return Mark(self.release, self.conf, self.key, self.roles, self.manner)


@dataclass(frozen=True)
class Action:
    """One thing to do on the host of `node`."""

    node: str

    def told(self) -> str:
        """What it does, for --dry-run."""
        raise NotImplementedError


@dataclass(frozen=True)
class Install(Action):
    """Copy what is missing of a release's pieces and unpack them."""

    release: str
    size: int

    def told(self) -> str:
        return f"copy and unpack release {self.release} ({self.size / 1e6:.1f} MB)"


@dataclass(frozen=True)
class WriteKey(Action):
    """Put the cluster's key there, readable by its owner."""

    def told(self) -> str:
        return "write the cluster's key (0600)"


@dataclass(frozen=True)
class WriteConf(Action):
    """Put mgpu.conf and gres.conf there."""

    def told(self) -> str:
        return "write mgpu.conf and gres.conf"


@dataclass(frozen=True)
class Switch(Action):
    """Make a release the current one, for commands and for the next start of the daemons."""

    release: str

    def told(self) -> str:
        return f"make {self.release} the current release"


@dataclass(frozen=True)
class Link(Action):
    """Make the cluster the default there and put its commands on PATH, where nothing else is in the way."""

    def told(self) -> str:
        return "link configuration and commands into their usual places"


@dataclass(frozen=True)
class Start(Action):
    """Start the daemons, and see to it that they come back."""

    roles: str
    manner: str

    def told(self) -> str:
        return f"start {_daemons(self.roles)} ({MANNERS[self.manner]})"


@dataclass(frozen=True)
class Restart(Action):
    """Stop and start the daemons; jobs go on meanwhile."""

    roles: str
    manner: str
    why: str

    def told(self) -> str:
        return f"restart {_daemons(self.roles)}: {self.why} (jobs go on)"


@dataclass(frozen=True)
class Reload(Action):
    """Let the daemons read their configuration again."""

    roles: str
    manner: str

    def told(self) -> str:
        return f"let {_daemons(self.roles)} read the configuration again"


MANNERS = {
    SYSTEM: "systemd units",
    USER: "systemd units of the user",
    KEEPER: "processes of the user, kept running by mgpu_cluster keep",
}


def _daemons(roles: str) -> str:
    return "controller and node daemon" if "controller" in roles else "node daemon"


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
    actions: list[Action] = []
    if wish.release not in facts.releases:
        actions.append(Install(wish.node, wish.release, sum(size for _, _, size in wish.pieces)))
    if there.get("key") != wish.key:
        actions.append(WriteKey(wish.node))
    if there.get("conf") != wish.conf:
        actions.append(WriteConf(wish.node))
    if there.get("current") != wish.release:
        actions.append(Switch(wish.node, wish.release))
    if wish.links and "links" not in there and not facts.foreign:
        actions.append(Link(wish.node))
    started = Mark.read(there.get(f"started {wish.node}", ""))
    if wish.node not in facts.running:
        actions.append(Start(wish.node, wish.roles, wish.manner))
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
            actions.append(Restart(wish.node, wish.roles, wish.manner, " and ".join(changed)))
        else:
            actions.append(Reload(wish.node, wish.roles, wish.manner))
    return actions


def comes_back(facts: Facts, how: str) -> bool:
    """Whether the daemons are there again after a reboot."""
    return how in (SYSTEM, USER) or facts.cron
