"""mgpu_doctor's verdicts on the machine it runs on: programs, GPUs, configuration, key, permissions. Pure."""

from __future__ import annotations

from mgpu_slurm.commands.doctor_facts import FAIL, PASS, WARN, Facts, Verdict, some


def programs(facts: Facts) -> Verdict | None:
    if facts.daemon_status is None:
        return None
    if facts.daemon_status < 0:
        return Verdict(WARN, facts.daemon_said, "run bin/.venv-make; else the next start of a daemon does it, and takes longer")
    if facts.daemon_status != 0:
        mend = "run bin/.venv-make in a checkout, or pip install mgpu-slurm, with Python 3.11 or later"
        return Verdict(FAIL, f"the daemons' program does not start: {facts.daemon_said or 'no message'}", mend)
    return Verdict(PASS, f"mgpu_slurm {facts.version}, and its daemons can start")


def path(facts: Facts) -> Verdict:
    ours = sorted(name for name, (_, own) in facts.plain.items() if own)
    other = {name: place for name, (place, own) in facts.plain.items() if not own}
    if not other:
        return Verdict(PASS, "no other Slurm is on PATH" + (", plain names are this suite's" if ours else ""))
    places = some(sorted({place.rpartition("/")[0] for place in other.values()}))
    if ours:
        text = f"two suites are mixed on PATH: {some(sorted(other))} from {places}, {some(ours)} from this one"
        return Verdict(WARN, text, "put bin/slurm of this suite before all others on PATH, or take it off PATH")
    return Verdict(PASS, f"plain names (srun, sbatch, ...) are another Slurm's in {places}; this suite's begin with mgpu_")


def gpus(facts: Facts) -> Verdict:
    notes = [f"{row['node']}: {note}" for row in facts.answered() for note in row["notes"]]
    if facts.nvidia_cards and not facts.driver and not facts.devices:
        return Verdict(WARN, "there is an NVIDIA device but no driver", "install NVIDIA's driver, then see nvidia-smi")
    if facts.nvml_said:
        mend = "make nvidia-smi work: driver and libnvidia-ml must be of one version; then restart mgpu_node"
        return Verdict(FAIL if facts.driver else WARN, f"NVML: {facts.nvml_said}", mend)
    if facts.nvidia_cards and facts.driver and not facts.gres and facts.daemon_status == 0:
        mend = "look at nvidia-smi and at the kernel's messages (dmesg | grep NVRM); a cold start may bring it back"
        return Verdict(FAIL, f"driver {facts.driver} is loaded, but NVML finds none of {facts.nvidia_cards} GPUs here", mend)
    if notes:
        return Verdict(WARN, f"nodes report: {some(notes)}", "look at nvidia-smi there, then restart mgpu_node")
    counted = sum(row["gpus"] for row in facts.answered())
    here = f"NVML finds {facts.gres} here" if facts.gres else "no NVIDIA GPU here"
    driver = f", driver {facts.driver}" if facts.driver else ""
    return Verdict(PASS, f"{here}{driver}" + (f"; the nodes offer {counted}" if facts.answered() else ""))


def devices(facts: Facts) -> Verdict | None:
    names = {device.path for device in facts.devices}
    if facts.driver and "/dev/nvidiactl" not in names:
        return Verdict(FAIL, "the driver is loaded but /dev/nvidiactl is missing", "run nvidia-modprobe, or nvidia-smi as root")
    if not facts.devices:
        return None
    closed = [f"{device.path} (mode {device.mode:04o})" for device in facts.devices if not device.usable]
    if closed:
        mend = "let users read and write them: NVreg_DeviceFileMode=0666 for the driver, or a group all users are in"
        return Verdict(FAIL, f"this user may not use {some(closed)}", mend)
    if facts.gres and not any(name.removeprefix("/dev/nvidia").isdecimal() for name in names):
        mend = "run nvidia-modprobe -c0, or nvidia-smi as root"
        return Verdict(FAIL, f"NVML finds {facts.gres}, but there is no /dev/nvidia0", mend)
    if facts.driver and not any(name.startswith("/dev/nvidia-uvm") for name in names):
        return Verdict(WARN, "/dev/nvidia-uvm is missing, which CUDA needs", "run nvidia-modprobe -u -c0 at boot")
    return Verdict(PASS, f"{len(names)} device files, all open to this user")


def permissions(facts: Facts) -> Verdict | None:
    """Who may change or read what the daemons rely on."""
    if not facts.places:
        return None
    strange = {place.path: place.owner for place in facts.places if place.owner not in (0, facts.slurm_uid)}
    if strange:
        told = some(f"{path} (user {owner})" for path, owner in strange.items())
        return Verdict(FAIL, f"belongs to somebody else: {told}", f"chown to user {facts.slurm_uid}")
    writable = [f"{place.path} (mode {place.mode:04o})" for place in facts.places if place.mode & 0o002]
    if writable:
        mend = "chmod o-w; then look whether somebody has changed what is there: with it jobs of all users can be taken over"
        return Verdict(FAIL, f"everybody may write to {some(writable)}", mend)
    readable = [place.path for place in facts.places if place.private and place.mode & 0o077]
    if readable:
        mend = f"chmod 700 {readable[0]}: scripts and environments of jobs are in it"
        return Verdict(WARN, f"others may look into {some(readable)}", mend)
    return Verdict(PASS, f"{len(facts.places)} files and directories belong to whom they should, and nobody else writes to them")


def sockets(facts: Facts) -> Verdict | None:
    if facts.config_error:
        return None
    if facts.stale:
        mend = "start the daemon again, or remove the file if its node is no longer of this machine"
        return Verdict(WARN, f"nobody listens on {some(facts.stale)}", mend)
    return Verdict(PASS, "no socket is left over")


def configuration(facts: Facts) -> Verdict:
    if facts.config_error:
        return Verdict(FAIL, facts.config_error, "mend that line; mgpu.conf(5) lists the keys and what they take")
    if facts.embedded:
        return Verdict(PASS, f"none: a cluster of one's own in {facts.where.partition(':')[2]}")
    if not facts.file:
        return Verdict(PASS, f"none: the cluster of the master at {facts.where.partition(':')[2]}")
    if facts.relative:
        mend = "write the full path: daemons and the processes of jobs have other working directories"
        return Verdict(FAIL, f"{facts.file}: not full paths: {some(facts.relative)}", mend)
    if facts.unknown:
        mend = "correct the spelling if one of them was meant; keys that Slurm has and this suite does not need are harmless"
        return Verdict(WARN, f"{facts.file}: unknown keys: {some(facts.unknown)}", mend)
    if facts.warnings:
        return Verdict(WARN, f"{facts.file}: {some(facts.warnings)}", "see mgpu.conf(5)")
    return Verdict(PASS, facts.file)


def key(facts: Facts) -> Verdict | None:
    found = facts.key
    if found is None:
        return None
    if not found.there:
        if found.there is None:
            return Verdict(PASS, f"{found.path}: this user may not look, which is as it should be")
        if facts.daemons_here:
            mend = "copy it from the controller's machine, mode 0600; the controller makes it at its first start"
            return Verdict(FAIL, f"{found.path} is missing", mend)
        return Verdict(PASS, f"{found.path} is not here, and no daemon of this machine needs it")
    if not found.regular:
        return Verdict(FAIL, f"{found.path} is not a regular file", "put the key itself there, not a link")
    if found.mode & 0o077:
        mend = f"chmod 600 {found.path}; if others may have read it, remove it everywhere, restart and copy the new one"
        return Verdict(FAIL, f"{found.path} is open to others (mode {found.mode:04o})", mend)
    if found.owner not in (0, facts.slurm_uid):
        return Verdict(FAIL, f"{found.path} belongs to user {found.owner}", f"chown it to user {facts.slurm_uid}")
    if 0 <= found.size < 32:
        mend = "remove it and restart the controller, which makes a new one; copy that to the nodes"
        return Verdict(FAIL, f"{found.path} holds {found.size} bytes, too few for a key", mend)
    return Verdict(PASS, f"{found.path}, mode {found.mode:04o}")
