"""The completion for fish: a `complete` line for each option."""

from __future__ import annotations

from mgpu_slurm.facts import programs
from mgpu_slurm.intake import completion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.intake.completion import Entry

_HEAD = """\
# Completion of mgpu_slurm's commands in fish. Made by man/build from the tables of options; not to be edited.

# __mgpu_names SOURCE: names of the cluster, one a line
function __mgpu_names
    set -lx MGPU_QUICK 1
    set -l typed (commandline -opc)
    set -l at (string replace -r '(mgpu_)?[^/]*$' '$1' -- $typed[1])
    set -l me
    test (id -u) = 0; or set me --me
    begin
        switch $argv[1]
            case own
                {$at}squeue -h $me -o '%F %i' | string split ' ' | string match -v '*[*' | sort -u
            case jobs
                {$at}squeue -h -o '%F %i' | string split ' ' | string match -v '*[*' | sort -u
            case steps
                {$at}squeue -h -s -o %i
            case partitions
                {$at}sinfo -h -o %R | sort -u
            case nodes
                {$at}sinfo -h -N -o %N | sort -u
            case reservations
                {$at}scontrol -o show reservation | string replace -rf '^ReservationName=(\\S*).*' '$1'
        end
    end </dev/null 2>/dev/null
end

# __mgpu_list SOURCE, or words WORD...: what the last item of a comma list may become
function __mgpu_list
    set -l before (string replace -r '[^,]*$' '' -- (commandline -ct | string replace -r '^--?[^=]*=' ''))
    if test $argv[1] = words
        printf '%s\\n' $before$argv[2..-1]
    else
        for name in (__mgpu_names $argv[1])
            echo $before$name
        end
    end
end

# __mgpu_operands: how many words without a dash stand before the cursor
function __mgpu_operands
    count (string match -v -- '-*' (commandline -opc)[2..-1])
end

function __mgpu_first
    test (__mgpu_operands) = 0
end

# __mgpu_behind WORD...: whether the words without a dash begin so
function __mgpu_behind
    set -l typed (string match -v -- '-*' (commandline -opc)[2..-1])
    test (count $typed) = (count $argv); and test "$typed" = "$argv"
end

function __mgpu_behind_any
    set -l typed (string match -v -- '-*' (commandline -opc)[2..-1])
    contains -- "$typed[1]" $argv
end

"""


def text() -> str:
    """The whole file."""
    lines = [_HEAD]
    for program in programs.WHAT:
        command = f"mgpu_{program}"
        lines.append(f"# {command}\n")
        lines += [_line(command, entry) for entry in completion.entries(program)]
        lines += _operand(command, program)
        if program in programs.SLURM:
            own = f"string match -q '*slurm/{program}' -- (command -s {program})"
            lines.append(f"{own}; and complete -c {program} -w {command}\n")
    return "".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _line(command: str, entry: Entry) -> str:
    words = ["complete", "-c", command]
    words += [f"-l {name}" for name in entry.long]
    if entry.letter:
        words.append(f"-s {entry.letter}")
    if entry.argument and not entry.optional:
        words.append("-r")
    if entry.argument and entry.source not in ("files", "directories"):
        words.append("-f")
    if entry.source == "words":
        words.append("-a " + _quoted(f"(__mgpu_list words {' '.join(entry.words)})"))
    elif entry.source == "users":
        words.append("-a '(__fish_complete_users)'")
    elif entry.source == "groups":
        words.append("-a '(__fish_complete_groups)'")
    elif entry.source == "directories":
        words.append("-f -a '(__fish_complete_directories)'")
    elif entry.source not in ("", "files", "clusters"):
        words.append(f"-a '(__mgpu_list {entry.source})'")
    words.append(f"-d {_quoted(entry.help)}")
    return " ".join(words) + "\n"


def _operand(command: str, program: str) -> list[str]:
    source = completion.OPERANDS.get(program, "")
    start = f"complete -c {command}"
    if source == "commands":
        return [f"{start} -x -n __mgpu_first -a '(__fish_complete_subcommand)'\n"]
    if source == "files":
        return []
    if source == "words":
        return [f"{start} -f -n __mgpu_first -a '{' '.join(completion.verbs(program))}'\n"]
    if source == "scontrol":
        lines = [
            f"{start} -f -n __mgpu_first -a '{' '.join(completion.verbs(program))}'\n",
            f"{start} -f -n '__mgpu_behind show' -a '{' '.join(completion.entities())}'\n",
            f"{start} -f -n '__mgpu_behind_any {' '.join(completion.JOB_VERBS)}' -a '(__mgpu_names own)'\n",
            f"{start} -f -n '__mgpu_behind update' -a '{' '.join(f'{subject}=' for subject in completion.SUBJECTS)}'\n",
        ]
        lines += [
            f"{start} -f -n '__mgpu_behind show {entity}' -a '(__mgpu_names {of})'\n"
            for entity, of in completion.ENTITY_SOURCES.items()
        ]
        return lines
    if source:
        return [f"{start} -f -a '(__mgpu_names {source})'\n"]
    return [f"{start} -f\n"]
