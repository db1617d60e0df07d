"""Every process below another one. With a subreaper at the top nothing of a step can leave this tree."""

from __future__ import annotations

import os
import signal


def below(top: int) -> list[int]:
    """The pids of all descendants of `top`, parents before children."""
    children = _children_of_all()
    found: list[int] = []
    waiting = [top]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            found.append(child)
            waiting.append(child)
    return found


def _children_of_all() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb", buffering=0) as file:
                text = file.read(512)
        except OSError:
            continue
        # The name in parentheses may itself hold parentheses and blanks.
        parent = int(text[text.rindex(b")") + 4 :].split(b" ", 1)[0])
        children.setdefault(parent, []).append(int(entry))
    return children


def send_each(pids: list[int], number: int) -> None:
    """A signal to each; who is gone or may not be reached (a set-uid program under an unprivileged daemon) is skipped."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def kill_all(top: int) -> bool:
    """KILL to all descendants, stopped first so that none can fork in between; whether there were any."""
    pids = below(top)
    if len(pids) > 1:
        send_each(pids, signal.SIGSTOP)
        pids = below(top)
    send_each(pids, signal.SIGKILL)
    return bool(pids)


def tagged(tag: str) -> list[int]:
    """Processes whose environment carries this tag: what a killed supervisor left behind."""
    wanted = b"MGPU_STEP_TAG=" + os.fsencode(tag)
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb", buffering=0) as file:
                text = file.read(4 << 20)
        except OSError:
            continue
        if wanted in text.split(b"\0"):
            found.append(int(entry))
    return found
