"""The look at a host: a shell script that only reads, and the reading of what it prints. Pure.

The script needs nothing but a POSIX shell; what a host lacks is a fact like any other. It prints `KEY VALUE` lines between
two marks, since login files may print things of their own.
"""

from __future__ import annotations

from mgpu_slurm.deploy.hosts import Facts

BEGIN, END = "mgpu-survey-begins", "mgpu-survey-ends"
TOOLS = ("tar", "gzip", "sha256sum", "mv", "ln", "df", "uname", "id")

NEWEST_PYTHON = 19

SCRIPT = r"""
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
say() { printf '%s %s\n' "$1" "$2"; }
have() { command -v "$1" >/dev/null 2>&1; }
echo @BEGIN@
say time "$(date +%s.%N)"
uid=$(id -u)
say user "$(id -un 2>/dev/null || echo "$uid")"
say uid "$uid"
say home "$HOME"
say hostname "$(uname -n)"
say kernel "$(uname -s) $(uname -r)"
say arch "$(uname -m)"
say system "$(. /etc/os-release 2>/dev/null && echo "$PRETTY_NAME")"
libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || libc=$(ldd --version 2>&1 | grep -io musl | head -n 1)
say libc "${libc:-unknown}"
say boot "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
say cpus "$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)"
say memory "$(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)"
say cpu "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)"
for gpu in /proc/driver/nvidia/gpus/*/information; do
    [ -r "$gpu" ] && say gpu "$(sed -n 's/^Model:[ \t]*//p' "$gpu")"
done
base=@BASE@
case $base in
    '') if [ "$uid" = 0 ]; then base=/opt/mgpu/@NAME@; else base=$HOME/.local/share/mgpu/@NAME@; fi ;;
    '~/'*) base=$HOME/${base#??} ;;
esac
say base "$base"
there=$base
while [ ! -d "$there" ]; do there=${there%/*}; [ -n "$there" ] || there=/; done
say disk "$(df -Pk "$there" 2>/dev/null | awk 'NR == 2 { print $4 }')"
mount=$(df -Pk "$there" 2>/dev/null | awk 'NR == 2 { print $6 }')
if [ ! -w "$there" ]; then say hindrance "$there belongs to somebody else"
elif awk -v at="$mount" '$2 == at { o = $4 } END { exit o !~ /(^|,)noexec(,|$)/ }' /proc/mounts 2>/dev/null; then
    say hindrance "programs may not be run from $mount (noexec)"
elif awk -v at="$mount" '$2 == at { o = $4 } END { exit o !~ /^ro(,|$)/ }' /proc/mounts 2>/dev/null; then
    say hindrance "$mount cannot be written to"
fi
for tool in @TOOLS@; do have "$tool" || say missing "$tool"; done
seen=
for python in $(for n in @MINORS@; do
        for at in /usr/bin /usr/local/bin; do echo "$at/python3.$n"; done
        command -v python3.$n
    done 2>/dev/null; command -v python3; echo /opt/conda/bin/python3
    for at in miniconda3 miniforge3 mambaforge anaconda3 .local; do echo "$HOME/$at/bin/python3"; done); do
    [ -x "$python" ] || continue
    case $python in */shims/*) continue ;; esac
    case " $seen " in *" $python "*) continue ;; esac
    seen="$seen $python"
    version=$("$python" -I -c 'import sys, sqlite3, ctypes, zlib; print(*sys.version_info[:2])' 2>/dev/null) &&
        say python "$version $python"
done
say reached "$(set -- $SSH_CONNECTION; echo "$3")"
addresses=$(hostname -I 2>/dev/null || ip -o addr show 2>/dev/null | awk '{ sub("/.*", "", $4); print $4 }')
for address in $addresses; do say address "$address"; done
awk '$4 == "0A" { n = split($2, part, ":"); print "port", part[n] }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
if [ -d /run/systemd/system ] && have systemctl; then
    systemctl show --property=Version >/dev/null 2>&1 && say manager yes
fi
if have systemctl; then
    [ -n "$XDG_RUNTIME_DIR" ] || export XDG_RUNTIME_DIR=/run/user/$uid
    systemctl --user show --property=Version >/dev/null 2>&1 && say user_manager yes
    [ -e "/var/lib/systemd/linger/$(id -un 2>/dev/null)" ] && say linger yes
fi
if have crontab; then
    refused=$(crontab -l 2>&1 >/dev/null)
    case $refused in ''|*'no crontab'*)
        cat /proc/[0-9]*/comm 2>/dev/null | grep -qE '^(cron|crond|dcron|fcron)$' && say cron yes ;;
    esac
fi
[ "$uid" = 0 ] && have getent && getent passwd | awk -F: '$3 >= 1000 && $3 < 60000 { print "account", $3, $1 }' | head -n 500
own=$HOME/.config/mgpu/mgpu.conf
[ "$uid" = 0 ] && own=/etc/mgpu/mgpu.conf
if [ -L "$own" ] && [ "$(readlink "$own")" = "$base/etc/mgpu.conf" ]; then say links yes
elif [ -e "$own" ] || [ -L "$own" ]; then say foreign "$own"; fi
for release in "$base"/releases/*/.complete; do
    [ -e "$release" ] && { release=${release%/*}; say release "${release##*/}"; }
done
[ -L "$base/current" ] && say current "$(readlink "$base/current" | sed 's,.*/,,')"
[ -r "$base/etc/mgpu.conf" ] && say conf "$(sha256sum <"$base/etc/mgpu.conf" | cut -c 1-16)"
[ -r "$base/etc/mgpu.key" ] && say key "$(sha256sum <"$base/etc/mgpu.key" | cut -c 1-16)"
for node in "$base"/nodes/*/; do
    [ -d "$node" ] || continue
    node=${node%/}; name=${node##*/}
    say node "$name"
    [ -r "$node/started" ] && say started "$name $(cat "$node/started")"
    manner=$(cat "$node/manner" 2>/dev/null)
    case $manner in
        keeper)
            pid=$(cat "$node/keeper.pid" 2>/dev/null)
            [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF " keep $base $name " &&
                say running "$name" ;;
        user|system)
            [ "$manner" = user ] && how=--user || how=
            unit=mgpu-@NAME@-node-$name.service
            [ "$(cut -d ' ' -f 4 "$node/started" 2>/dev/null)" = controller ] && unit=mgpu-@NAME@-controller.service
            systemctl $how is-active --quiet "$unit" && say running "$name" ;;
    esac
done
echo @END@
"""


def script(name: str, directory: str = "") -> str:
    """The script for the cluster `name`, which lies in `directory` ("" for the default, may begin with ~/)."""
    words = {
        "BEGIN": BEGIN, "END": END, "NAME": name, "BASE": f"'{directory}'", "TOOLS": " ".join(TOOLS),
        "MINORS": " ".join(str(minor) for minor in range(11, NEWEST_PYTHON + 1)),
    }  # fmt: skip
    text = SCRIPT
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


class SurveyError(ValueError):
    """The host has not answered as a survey does. The text is for the user."""


def read(output: str, sent: float, received: float) -> Facts:
    """Facts from the script's output. `sent` and `received`: this machine's clock around its first line. SurveyError."""
    _, mark, rest = output.partition(BEGIN + "\n")
    body, end, _ = rest.partition(END)
    if not mark or not end:
        said = " ".join(output.split())[:200]
        raise SurveyError(f"no POSIX shell answers there{f': it says {said}' if said else ''}")
    once: dict[str, str] = {}
    many: dict[str, list[str]] = {}
    for line in body.splitlines():
        key, _, value = line.partition(" ")
        value = value.strip()
        once.setdefault(key, value)
        many.setdefault(key, []).append(value)
    existing = {key: once[key] for key in ("current", "conf", "key", "links") if once.get(key)}
    for value in many.get("started", ()):
        node, _, mark = value.partition(" ")
        existing[f"started {node}"] = mark
    skew, error = _skew(once.get("time", ""), sent, received)
    pythons = [value.split(" ", 2) for value in many.get("python", ())]
    accounts = [value.split(" ", 1) for value in many.get("account", ())]
    return Facts(
        user=once.get("user", ""),
        uid=_number(once.get("uid", ""), -1),
        home=once.get("home", ""),
        hostname=once.get("hostname", "").partition(".")[0],
        kernel=once.get("kernel", ""),
        arch=once.get("arch", ""),
        system=once.get("system", ""),
        libc=once.get("libc", ""),
        boot_id=once.get("boot", ""),
        cpus=_number(once.get("cpus", "")),
        memory=_number(once.get("memory", "")),
        cpu_model=once.get("cpu", ""),
        gpus=tuple(many.get("gpu", ())),
        base=once.get("base", ""),
        disk_free=_number(once.get("disk", "")),
        hindrance=once.get("hindrance", ""),
        skew=skew,
        skew_error=error,
        pythons=tuple((path, int(major), int(minor)) for major, minor, path in pythons if (int(major), int(minor)) >= (3, 11)),
        addresses=tuple(many.get("address", ())),
        reached_at=once.get("reached", ""),
        ports=frozenset(int(port, 16) for port in many.get("port", ())),
        manager=once.get("manager") == "yes",
        user_manager=once.get("user_manager") == "yes",
        linger=once.get("linger") == "yes",
        cron=once.get("cron") == "yes",
        missing=tuple(many.get("missing", ())),
        users=tuple((name, int(uid)) for uid, name in accounts),
        existing=existing,
        nodes=tuple(many.get("node", ())),
        running=frozenset(many.get("running", ())),
        releases=tuple(many.get("release", ())),
        foreign=tuple(many.get("foreign", ())),
    )


def _number(text: str, otherwise: int = 0) -> int:
    return int(text) if text.isascii() and text.isdecimal() else otherwise


def _skew(text: str, sent: float, received: float) -> tuple[float, float]:
    """How far the other clock is ahead, and how wrong that may be: it was read at some time between the two."""
    seconds, _, part = text.partition(".")
    if not seconds.isdecimal():
        return 0.0, float("inf")
    there = float(seconds) + (float(f"0.{part}") if part.isdecimal() else 0.5)
    coarse = 0.0 if part.isdecimal() else 0.5
    if there < sent:
        return there - sent, coarse
    if there > received:
        return there - received, coarse
    return 0.0, received - sent + coarse
