"""The shell scripts that carry out actions on a host. Pure: words in, a script out.

Every script may be run again after it was broken off: what it makes appears in one piece under its name (mv), or is made
anew. Paths and names have only characters that need no quoting (checks.py, hosts.valid_name).
"""

from __future__ import annotations

from collections.abc import Sequence

from mgpu_slurm.deploy import units
from mgpu_slurm.deploy.actions import KEEPER, SYSTEM, Mark
from mgpu_slurm.deploy.bundle import PYTHON, Piece, Release

HEAD = "set -e\nexport LC_ALL=C\n"
END_SECONDS = 30

DRAFT = 'draft={}.new.$(uname -n).$$'
"""A file that is to get its name by mv: hosts may share the directory, and do the same at the same time."""


def prepare(base: str, node: str, root: bool) -> str:
    """Make the cluster's directories. Those of root are open to all users, but for state and key."""
    mode = "755" if root else "700"
    return (
        f"{HEAD}umask {'022' if root else '077'}\n"
        f"mkdir -p {base} && chmod {mode} {base}\n"
        f"mkdir -p {base}/releases {base}/parts {base}/etc {base}/nodes/{node}\n"
        f"mkdir -p -m 700 {base}/state\n"
        f"chmod {mode} {base}/releases {base}/etc {base}/nodes {base}/nodes/{node}\nchmod 700 {base}/parts\n"
    )


def linger(base: str) -> str:
    """Ask that the user's manager outlives the login, and note that it did not before; prints yes when it does."""
    return (
        "mark=/var/lib/systemd/linger/$(id -un)\n"
        f'[ -e "$mark" ] || {{ loginctl enable-linger >/dev/null 2>&1 && [ -e "$mark" ] && : >{base}/lingers; }}\n'
        'if [ -e "$mark" ]; then echo yes; fi\n'
    )


def part(base: str, node: str, piece: Piece) -> str:
    """Where a piece gathers as it arrives. Each host has its own: the directory may be shared."""
    return f"{base}/parts/{node}.{piece.name}.{piece.digest[:16]}"


def arrived(base: str, node: str, release: Release) -> str:
    """How much of each piece is there: `PATH SIZE DIGEST-OF-THAT-MUCH`."""
    paths = " ".join(part(base, node, piece) for piece in release.pieces)
    return (
        f"for path in {paths}; do\n"
        '    [ -f "$path" ] && echo "$path $(wc -c <"$path") $(sha256sum <"$path" | cut -d \' \' -f 1)"\n'
        "done; :\n"
    )


def hardware(base: str, node: str, release: str) -> str:
    """Print the machine as a line of mgpu.conf."""
    return f"{base}/releases/{release}/bin/mgpu_node -C -N {node}\n"


def install(base: str, node: str, release: Release) -> str:
    """See that the pieces are what was sent, unpack them, see that the release runs, and give it its name."""
    new = f"{base}/releases/.new-{node}-{release.id}"
    final = f"{base}/releases/{release.id}"
    lines = [HEAD + "umask 022", f"if [ ! -e {final}/.complete ]; then"]
    for piece in release.pieces:
        path = part(base, node, piece)
        lines.append(
            f'[ "$(sha256sum <{path} | cut -d " " -f 1)" = {piece.digest} ] || '
            f"{{ rm -f {path}; echo {piece.name} arrived damaged, try again >&2; exit 1; }}"
        )
    lines += [f"rm -rf {base}/releases/.new-{node}-*", f"mkdir {new}"]
    lines += [f"tar -xzf {part(base, node, piece)} -C {new}" for piece in release.pieces]
    if release.kind == PYTHON:
        home = release.python.rpartition("/")[0]
        lines += [
            f"mkdir -p {new}/.venv/bin",
            f"ln -s '{release.python}' {new}/.venv/bin/python",
            f"printf 'home = %s\\ninclude-system-site-packages = false\\n' '{home}' >{new}/.venv/pyvenv.cfg",
            f"touch {new}/.venv/.complete",
        ]
    lines += [
        f"{new}/bin/mgpu_node --version >/dev/null",
        f"touch {new}/.complete",
        # where the directory is shared, another host may have been quicker
        f"if [ -e {final}/.complete ]; then rm -rf {new}; else rm -rf {final}; mv {new} {final}; fi",
        "fi",
        *(f"rm -f {part(base, node, piece)}" for piece in release.pieces),
    ]
    return "\n".join(lines) + "\n"


def write(path: str, content: str, mode: str) -> str:
    """Put a file in its place. The content must not hold the line that ends it."""
    mark = "mgpu-end-of-file"
    assert mark not in content
    return (
        f"{HEAD}umask 077\n{DRAFT.format(path)}\ncat >\"$draft\" <<'{mark}'\n{content}{mark}\n"
        f'chmod {mode} "$draft"\nmv -f "$draft" {path}\n'
    )


def switch(base: str, release: str) -> str:
    """Make a release the current one, and remove those that nothing runs from; the one before stays for jobs that do."""
    return (
        f"{HEAD}before=$(readlink {base}/current || true)\n"
        f'[ "$before" != releases/{release} ] || exit 0\n'
        f'{DRAFT.format(f"{base}/current")}\nln -s releases/{release} "$draft"\nmv -fT "$draft" {base}/current\n'
        f"for old in {base}/releases/*/; do\n"
        "    old=${old%/}; name=${old##*/}\n"
        f'    [ "$name" != {release} ] && [ "releases/$name" != "$before" ] || continue\n'
        '    if ls -l /proc/[0-9]*/exe 2>/dev/null | grep -qF "$old/"; then continue; fi\n'
        '    for file in $(grep -lF "$old/" /proc/[0-9]*/cmdline 2>/dev/null); do\n'
        '        if grep -qF "$old/" "$file" 2>/dev/null; then continue 2; fi  # the first grep found itself, too\n'
        "    done\n"
        '    rm -rf "$old"\n'
        "done\n"
    )


def places(root: bool) -> tuple[str, str]:
    """Where configuration and commands are looked for: as the shell writes it."""
    return ("/etc/mgpu", "/usr/local/bin") if root else ("$HOME/.config/mgpu", "$HOME/.local/bin")


def link(base: str, root: bool) -> str:
    """Make this cluster the default and its commands found, where nothing else is in the way."""
    etc, commands = places(root)
    return (
        f'{HEAD}umask 022\nmkdir -p "{etc}" "{commands}"\n'
        f'[ -e "{etc}/mgpu.conf" ] || ln -sfn {base}/etc/mgpu.conf "{etc}/mgpu.conf" 2>/dev/null || [ -e "{etc}/mgpu.conf" ]\n'
        f"for program in {base}/current/bin/mgpu_*; do\n"
        f'    name=${{program##*/}}; at="{commands}/$name"\n'
        # who sets clusters up from here has one that can, and must not find this one before it
        '    [ "$name" != mgpu_cluster ] || continue\n'
        # another host with the same home directory may have been quicker
        f'    [ -e "$at" ] || ln -sfn {base}/current/bin/$name "$at" 2>/dev/null || [ -e "$at" ]\n'
        "done\n"
    )


def unlink(base: str, root: bool) -> str:
    """Remove the links that lead to this cluster."""
    etc, commands = places(root)
    return (
        f'for at in "{etc}/mgpu.conf" "{commands}"/mgpu_*; do\n'
        f'    case $(readlink "$at" 2>/dev/null) in {base}/*) rm -f "$at" ;; esac\n'
        f'done\nrmdir "{etc}" 2>/dev/null || :\n'
        + ("" if root else 'rmdir "$HOME/.local/bin" "$HOME/.config" 2>/dev/null || :\n')
    )


def start(cluster: str, base: str, node: str, mark: Mark, run_dir: str, cron: bool = False) -> str:
    """Start the daemons the way `mark` says, see that they come back, by `cron` where that is all there is, and note it."""
    place = f"{base}/nodes/{node}"
    lines = [HEAD]
    if run_dir.startswith("/tmp/"):
        top = run_dir.rpartition("/")[0]
        lines.append(f"mkdir -m 700 {top} 2>/dev/null || [ -O {top} ] || {{ echo {top} belongs to somebody else >&2; exit 1; }}")
    lines.append(f"echo {mark.manner} >{place}/manner")
    if mark.manner == KEEPER:
        lines.append(f"{base}/current/bin/mgpu_cluster keep {base} {node} {mark.roles}")
        if cron:
            lines.append(_cron(cluster, base, node, mark.roles))
    else:
        lines += _units(cluster, base, node, mark)
    lines.append(f"echo '{mark}' >{place}/started.new\nmv -f {place}/started.new {place}/started")
    return "\n".join(lines) + "\n"


def _cron(cluster: str, base: str, node: str, roles: str) -> str:
    """At each boot, and every five minutes if the keeper was killed: keeper.pid stays only then."""
    keep = f"{base}/current/bin/mgpu_cluster keep {base} {node} {roles} >/dev/null 2>&1"
    sign = f"# mgpu {cluster} {node}"
    return (
        f"{{ crontab -l 2>/dev/null | grep -vF '{sign}' || :\n"
        f"echo '@reboot {keep} {sign}'\n"
        f"echo '*/5 * * * * [ ! -e {base}/nodes/{node}/keeper.pid ] || {keep} {sign}'; }} | crontab -"
    )


def _units(cluster: str, base: str, node: str, mark: Mark) -> list[str]:
    how, place = _manager(mark.manner)
    lines = [place, "mkdir -p \"$units\""]
    names = []
    for role in mark.roles.split(","):
        name = units.name(cluster, role, node)
        names.append(name)
        text = units.text(cluster, base, role, node, mark.manner)
        lines.append(f"cat >\"$units/{name}\" <<'mgpu-end-of-file'\n{text}mgpu-end-of-file")
    lines += [f"systemctl {how} daemon-reload", f"systemctl {how} enable --quiet --now {' '.join(names)}"]
    return lines


def _manager(manner: str) -> tuple[str, str]:
    if manner == SYSTEM:
        return "", "units=/etc/systemd/system"
    runtime = '[ -n "$XDG_RUNTIME_DIR" ] || export XDG_RUNTIME_DIR=/run/user/$(id -u)\n'
    return "--user", runtime + 'units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user'


def reload(cluster: str, base: str, node: str, mark: Mark) -> str:
    """Let the daemons read their configuration again, and note it."""
    place = f"{base}/nodes/{node}"
    if mark.manner == KEEPER:
        told = f"kill -HUP $(cat {place}/keeper.pid)"
    else:
        how, where = _manager(mark.manner)
        names = " ".join(units.name(cluster, role, node) for role in mark.roles.split(","))
        told = f"{where}\nsystemctl {how} kill --kill-who=main --signal=HUP {names}"
    return f"{HEAD}{told}\necho '{mark}' >{place}/started.new\nmv -f {place}/started.new {place}/started\n"


def stop(cluster: str, base: str, node: str) -> str:
    """End the daemons and all that would start them again, however they were started. Steps of jobs are left alone."""
    place = f"{base}/nodes/{node}"
    sign = f"# mgpu {cluster} {node}"
    names = " ".join(units.name(cluster, role, node) for role in units.ROLES)
    return (
        f"export LC_ALL=C\n"
        f"manner=$(cat {place}/manner 2>/dev/null || echo none)\n"
        "case $manner in\n"
        "    system) how=; units=/etc/systemd/system ;;\n"
        f"    user) how=--user; {_manager('user')[1]} ;;\n"
        "esac\n"
        "case $manner in system|user)\n"
        f"    for unit in {names}; do\n"
        '        [ -e "$units/$unit" ] || continue\n'
        '        systemctl $how disable --quiet --now "$unit"; rm -f "$units/$unit"\n'
        "    done\n"
        "    systemctl $how daemon-reload\n"
        '    [ "$manner" = system ] ||\n'
        '        rmdir "$units/default.target.wants" "$units" "${units%/*}" "$HOME/.config" 2>/dev/null ;;\n'
        "esac\n"
        f"if command -v crontab >/dev/null 2>&1 && crontab -l 2>/dev/null | grep -qF '{sign}'; then\n"
        f"    rest=$(crontab -l | grep -vF '{sign}')\n"
        '    if [ -n "$rest" ]; then printf "%s\\n" "$rest" | crontab -; else crontab -r; fi\n'
        "fi\n"
        f"for file in {place}/keeper.pid {place}/controller.pid {place}/node.pid; do\n"
        '    pid=$(cat "$file" 2>/dev/null) || continue\n'
        f'    tr "\\0" " " <"/proc/$pid/cmdline" 2>/dev/null | grep -qF " {base}" || continue\n'
        '    kill "$pid" 2>/dev/null; turns=0\n'
        f'    while kill -0 "$pid" 2>/dev/null && [ $turns -lt {END_SECONDS * 10} ]; do sleep 0.1; turns=$((turns + 1)); done\n'
        '    kill -9 "$pid" 2>/dev/null || :\n'
        "done\n"
        f"rm -f {place}/keeper.pid {place}/controller.pid {place}/node.pid {place}/started\n"
    )


def erase(cluster: str, base: str, node: str, root: bool, run_dir: str, keep_state: bool, controller: bool) -> str:
    """After `stop`: end what is left of steps, and remove everything, or with `keep_state` the programs only. `controller`: it
    ran there; another host of the same machine may have its socket in the same directory."""
    at = f"{run_dir}/controller.sock " * controller + f"{run_dir}/node.{node}.sock"
    lines = [
        "export LC_ALL=C",
        "for number in TERM KILL; do",
        f"    for file in $(grep -lF {base}/etc/mgpu.conf /proc/[0-9]*/cmdline 2>/dev/null); do",
        f'        tr "\\0" " " <"$file" 2>/dev/null | grep -qF -- "-f {base}/etc/mgpu.conf -N {node} " || continue',
        "        process=${file#/proc/}",
        '        kill -$number "${process%/cmdline}" 2>/dev/null && left=yes',
        "    done",
        '    [ "$left" = yes ] || break',
        "    sleep 1",
        "done",
        f"rm -f {at}; rmdir {run_dir} {run_dir.rpartition('/')[0]} 2>/dev/null || :",
    ]
    if keep_state:
        lines += [f"rm -rf {base}/releases {base}/parts {base}/current", unlink(base, root).rstrip("\n")]
    else:
        lines += [
            f"rm -rf {base}/nodes/{node} {base}/parts/{node}.* {base}/releases/.new-{node}-*",
            f"if rmdir {base}/nodes 2>/dev/null || [ ! -e {base}/nodes ]; then",
            *(f"    {line}" for line in unlink(base, root).rstrip("\n").splitlines()),
            f"    if [ -e {base}/lingers ]; then loginctl disable-linger; fi",
            f"    rm -rf {base}",
            "fi",
            _parents(base),
            f"if [ -e {base}/nodes/{node} ]; then echo {base} cannot be removed >&2; exit 1; fi",
        ]
    return "\n".join(lines) + "\n"


def _parents(base: str) -> str:
    """Remove what lay around the cluster's usual place, where nothing else is there; another place was the user's own."""
    parent = base.rpartition("/")[0]
    if parent.endswith("/.local/share/mgpu"):
        return f'rmdir {parent} "$HOME/.local/share" "$HOME/.local" 2>/dev/null || :'
    return f"rmdir {parent} 2>/dev/null || :" if parent == "/opt/mgpu" else ":"


def unresolved(names: Sequence[str]) -> str:
    """Print those of the names that cannot be resolved."""
    return (
        "command -v getent >/dev/null 2>&1 || exit 0\n"
        f"for name in {' '.join(names)}; do getent hosts \"$name\" >/dev/null || echo \"$name\"; done\n"
    )


def logs(base: str, node: str, lines: int, follow: bool) -> str:
    """The latest lines of the daemons' logs on a host."""
    place = f"{base}/nodes/{node}"
    how = f"-n {lines} -F" if follow else f"-n {lines}"
    if follow:
        return f"exec tail -q {how} {place}/controller.log {place}/node.log {place}/keeper.log 2>/dev/null\n"
    return (
        f"for file in {place}/controller.log {place}/node.log {place}/keeper.log; do\n"
        f'    [ -s "$file" ] && tail {how} "$file"\n'
        "done; :\n"
    )
