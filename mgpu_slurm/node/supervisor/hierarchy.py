"""Where this process's cgroups are, and where more may be made below them: version 2 alone, or beside version 1.

Groups with limits lie in a directory of their own beside this process's own group, so that what limits that from above holds for
them too: one of version 2 that has processes can have no limited groups below it, and systemd may start this daemon anew in it.
"""

from __future__ import annotations

import errno
import os

UNIFIED = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
STEPS = "mgpu-steps"
"""The directory of all jobs' groups."""


def own(controller: str = "") -> str | None:
    """This process's group of version 1 for a controller, or its group of version 2."""
    try:
        with open("/proc/self/cgroup") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller and controller in controllers.split(","):
            mounts: tuple[str, ...] = (f"/sys/fs/cgroup/{controller}", f"/sys/fs/cgroup/{controllers}")
            sign = "cgroup.procs"
        elif not controller and not controllers:
            mounts, sign = UNIFIED, "cgroup.controllers"
        else:
            continue
        for mount in mounts:
            place = mount + path.rstrip("/")
            if os.path.exists(f"{place}/cgroup.procs") and os.path.exists(f"{place}/{sign}"):
                return place
    return None


def place_of_steps() -> str | None:
    """Where in version 2 the groups of steps with limits are made."""
    group = own()
    if group is None:
        return None
    return f"{group if group in UNIFIED else os.path.dirname(group)}/{STEPS}"


def offers(place: str, controller: str) -> bool:
    """Whether the hierarchy of version 2 that this place is in has that controller."""
    try:
        return controller in _read(f"{_above(place)[0]}/cgroup.controllers").split()
    except OSError:
        return False


def _above(place: str) -> list[str]:
    """The groups that a place of version 2 is in, outermost first."""
    root = next(mount for mount in reversed(UNIFIED) if place.startswith(f"{mount}/"))
    found = [root]
    for name in os.path.dirname(place)[len(root) + 1 :].split("/"):
        if name:
            found.append(f"{found[-1]}/{name}")
    return found


def make_unified(place: str, job: str, step: str, controllers: list[str]) -> str:
    """The group of a step in the group of its job, both with these controllers. OSError."""
    for directory in _above(place):
        # systemd hands down those alone that one of its units asks for
        _hand_down(directory, controllers)
    group = f"{place}/{job}"
    for attempt in range(10):
        try:
            for directory in (place, group):
                os.makedirs(directory, 0o755, exist_ok=True)
                _hand_down(directory, controllers)
            os.mkdir(f"{group}/{step}", 0o755)
            return f"{group}/{step}"
        except FileNotFoundError:
            # The last other step of the job has taken the job's group away just now.
            if attempt == 9:
                raise
    raise AssertionError("never reached")


def make_first(controller: str, job: str, step: str) -> str:
    """The same in version 1, below this process's own group. OSError."""
    base = own(controller)
    if base is None:
        raise OSError(errno.ENOTSUP, f"this machine has no cgroup controller {controller}")
    path = base
    for name in (STEPS, job, step):
        parent, path = path, f"{path}/{name}"
        os.makedirs(path, 0o755, exist_ok=True)
        if controller == "cpuset":
            for file in ("cpuset.cpus", "cpuset.mems"):
                if not _read(f"{path}/{file}").strip():
                    write(f"{path}/{file}", _read(f"{parent}/{file}").strip())
    return path


def _hand_down(directory: str, controllers: list[str]) -> None:
    """Let the groups below have them."""
    file = f"{directory}/cgroup.subtree_control"
    missing = set(controllers) - set(_read(file).split())
    if missing:
        write(file, " ".join(f"+{name}" for name in sorted(missing)))


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def write(path: str, text: str) -> None:
    """One setting of a group. OSError with the file's name."""
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError as error:
        raise OSError(error.errno, f"{path}: {error.strerror}") from None
