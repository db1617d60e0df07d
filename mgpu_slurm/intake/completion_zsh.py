"""The completion for zsh: an autoloaded function with a list of _arguments for each program."""

from __future__ import annotations

from mgpu_slurm.facts import programs
from mgpu_slurm.intake import completion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.intake.completion import Entry

_ASK = """\
# Completion of mgpu_slurm's commands in zsh. Made by man/build from the tables of options; not to be edited.

# _mgpu_names SOURCE: names of the cluster, one a line
_mgpu_names() {
    local -x MGPU_QUICK=1
    local me=
    (( EUID )) && me=--me
    case $1 in
        own) ${at}squeue -h $=me -o '%F %i' | tr ' ' '\\n' | grep -v '\\[' ;;
        jobs) ${at}squeue -h -o '%F %i' | tr ' ' '\\n' | grep -v '\\[' ;;
        steps) ${at}squeue -h -s -o %i ;;
        partitions) ${at}sinfo -h -o %R ;;
        nodes) ${at}sinfo -h -N -o %N ;;
        reservations) ${at}scontrol -o show reservation | sed -n 's/^ReservationName=\\([^ ]*\\).*/\\1/p' ;;
    esac </dev/null 2>/dev/null
}

# _mgpu_live SOURCE: offer them, also behind the commas of a list
_mgpu_live() {
    local -aU found
    found=(${(f)"$(_mgpu_names $1)"})
    compset -P '*,'
    compadd -S '' -- $found
}

# _mgpu_words WORD...: offer fixed words, also behind the commas of a list
_mgpu_words() {
    compset -P '*,'
    compadd -S '' -- $@
}

_mgpu_scontrol() {
    local subject
    if (( CURRENT == 1 )); then
        compadd -- @VERBS@
        return
    fi
    case $words[1] in
        show)
            if (( CURRENT == 2 )); then compadd -- @ENTITIES@; return; fi
            case $words[2] in
@SHOWN@
            esac
            ;;
        @JOBVERBS@) _mgpu_live own ;;
        write) if (( CURRENT == 2 )); then compadd -- batch_script; else _mgpu_live own; fi ;;
        update)
            if compset -P '[Ss]tate='; then compadd -- @STATES@
@SUBJECTS@
            elif (( CURRENT == 2 )); then compadd -S '' -- @SUBJECTWORDS@
            else
                case $words[2] in
                    [Jj]ob*) compadd -S '' -- @JOBKEYS@ ;;
                    [Nn]ode*) compadd -S '' -- State= Reason= Weight= Features= Comment= ;;
                    [Pp]art*) compadd -S '' -- State= MaxTime= DefaultTime= MaxNodes= Nodes= Default= ;;
                esac
            fi
            ;;
    esac
}

_mgpu() {
    local program=${service#mgpu_} place=$words[1]
    if [[ $service == $program ]]; then
        # a plain name may be another Slurm's
        [[ $place == */* ]] || place=$commands[$program]
        [[ $place == */(bin|mgpu)/slurm/* ]] || { _default; return }
    fi
    local at=${words[1]%$program} curcontext=$curcontext state line
    local -a options
    case $program in
"""

_LAST = """\
    esac
    _arguments -s -S -A '-*' : $options
}

_mgpu "$@"
"""


def text() -> str:
    """The whole file."""
    names = [*(f"mgpu_{program}" for program in programs.WHAT), *programs.SLURM]
    lines = [f"#compdef {' '.join(names)}\n", _filled()]
    for program in programs.WHAT:
        lines.append(f"        {program}) options=(\n")
        lines += [f"            {spec}\n" for entry in completion.entries(program) for spec in _specs(entry)]
        operand = _operand(program)
        if operand:
            lines.append(f"            {operand}\n")
        lines.append("        ) ;;\n")
    return "".join(lines) + _LAST


def _quoted(text: str) -> str:
    return text.replace("'", "'\\''").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")


def _specs(entry: Entry) -> list[str]:
    """One for each spelling; each excludes the others."""
    others = " ".join(entry.spelled())
    made = []
    for name in entry.spelled():
        colons = "::" if entry.optional else ":"
        if not entry.argument:
            form, value = name, ""
        else:
            form = f"{name}=" if name.startswith("--") else f"{name}+"
            form = f"{name}=-" if name.startswith("--") and entry.optional else f"{name}-" if entry.optional else form
            value = f"{colons}{_quoted(entry.place)}:{_action(entry)}"
        made.append(f"'({others}){form}[{_quoted(entry.help)}]{value}'")
    return made


def _action(entry: Entry) -> str:
    if entry.source == "words":
        return " _mgpu_words " + " ".join(word.replace(":", "\\:") for word in entry.words)
    simple = {"files": "_files", "directories": "_files -/", "users": "_users", "groups": "_groups", "": " ", "clusters": " "}
    return simple.get(entry.source) or f" _mgpu_live {entry.source}"


def _operand(program: str) -> str:
    source = completion.OPERANDS.get(program, "")
    if not source:
        return ""
    if source == "commands":
        return "'(-)1:program: _command_names -e' '*::argument: _files'"
    if source == "files":
        return "'*:file:_files'"
    if source == "scontrol":
        return "'*::command: _mgpu_scontrol'"
    if source == "words":
        return f"'1:verb:({' '.join(completion.verbs(program))})'"
    return f"'*:job: _mgpu_live {source}'"


def _filled() -> str:
    filled = {
        "VERBS": " ".join(completion.verbs("scontrol")),
        "ENTITIES": " ".join(completion.entities()),
        "SHOWN": "\n".join(
            f"                {entity}) _mgpu_live {source} ;;" for entity, source in completion.ENTITY_SOURCES.items()
        ),
        "JOBVERBS": " | ".join(completion.JOB_VERBS),
        "SUBJECTS": "\n".join(
            f"            elif compset -P '{subject}='; then _mgpu_live {source}"
            for subject, source in completion.SUBJECTS.items()
        ),
        "STATES": " ".join(completion.NODE_STATES),
        "SUBJECTWORDS": " ".join(f"{subject}=" for subject in completion.SUBJECTS),
        "JOBKEYS": " ".join(f"{name}=" for name in completion.update_keys()),
    }
    made = _ASK
    for name, value in filled.items():
        made = made.replace(f"@{name}@", value)
    return made
