"""The completion for bash: one function for all programs, with their options as cases."""

from __future__ import annotations

from mgpu_slurm.facts import programs
from mgpu_slurm.intake import completion

_HEAD = """\
# Completion of mgpu_slurm's commands in bash. Made by man/build from the tables of options; not to be edited.

# _mgpu_options PROGRAM: its options, those with a value ending in =
_mgpu_options() {
    case $1 in
"""

_VALUES = """\
    esac
}

# _mgpu_value PROGRAM OPTION: what may stand behind the option, in REPLY; "none" for anything, "" where it takes nothing
_mgpu_value() {
    REPLY=
    case $1 in
"""

_TAIL = """\
    esac
}

# _mgpu_ask COMMAND SOURCE: names of the cluster, one a line. COMMAND is what stands before the last part of a program's name.
_mgpu_ask() {
    local -x MGPU_QUICK=1
    local at=$1 me=
    [ "$EUID" = 0 ] || me=--me
    case $2 in
        own) "${at}squeue" -h $me -o '%F %i' | tr ' ' '\\n' | grep -v '\\[' | sort -u ;;
        jobs) "${at}squeue" -h -o '%F %i' | tr ' ' '\\n' | grep -v '\\[' | sort -u ;;
        steps) "${at}squeue" -h -s -o %i ;;
        partitions) "${at}sinfo" -h -o %R | sort -u ;;
        nodes) "${at}sinfo" -h -N -o %N | sort -u ;;
        reservations) "${at}scontrol" -o show reservation | sed -n 's/^ReservationName=\\([^ ]*\\).*/\\1/p' ;;
    esac </dev/null 2>/dev/null
}

# _mgpu_offer COMMAND SOURCE WORD [BEFORE]: fill COMPREPLY with what WORD may become; BEFORE is put in front of each
_mgpu_offer() {
    local word=$3 before=${4-} list
    case $2 in
        none | '') return ;;
        files) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        directories) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        commands) mapfile -t COMPREPLY < <(compgen -c -- "$word"); return ;;
    esac
    before+=${word%"${word##*,}"} word=${word##*,}
    case $2 in
        users) list=$(compgen -u) ;;
        groups) list=$(compgen -g) ;;
        words\\ *) list=${2#words } ;;
        *) list=$(_mgpu_ask "$1" "$2") ;;
    esac
    mapfile -t COMPREPLY < <(compgen -P "$before" -W "$list" -- "$word")
}

# _mgpu_scontrol COMMAND WORD [EARLIER WORD...]: what scontrol may read next
_mgpu_scontrol() {
    local at=$1 word=$2 subject
    shift 2
    case $1 in
        '') _mgpu_offer "$at" "words @VERBS@" "$word" ;;
        show)
            case ${2-} in
                '') _mgpu_offer "$at" "words @ENTITIES@" "$word" ;;
@SHOWN@
            esac
            ;;
        @JOBVERBS@) _mgpu_offer "$at" own "$word" ;;
        write) [ $# -gt 1 ] && _mgpu_offer "$at" own "$word" || _mgpu_offer "$at" "words batch_script" "$word" ;;
        update)
            subject=${2-}
            case $word in
@SUBJECTS@
                [Ss]tate=*) _mgpu_offer "$at" "words @STATES@" "${word#*=}" "${word%%=*}=" ;;
                *=*) ;;
                *)
                    case $subject in
                        '') _mgpu_offer "$at" "words @SUBJECTWORDS@" "$word" ;;
                        [Jj]ob*) _mgpu_offer "$at" "words @JOBKEYS@" "$word" ;;
                        [Nn]ode*) _mgpu_offer "$at" "words State= Reason= Weight= Features= Comment=" "$word" ;;
                        [Pp]art*) _mgpu_offer "$at" "words State= MaxTime= DefaultTime= MaxNodes= Nodes= Default=" "$word" ;;
                    esac
                    ;;
            esac
            ;;
    esac
}

_mgpu() {
    local line=${COMP_LINE:0:COMP_POINT} piece=${COMP_WORDS[COMP_CWORD]} program at word option i one
    local -a given operands=()
    COMPREPLY=()
    program=${COMP_WORDS[0]##*/}
    program=${program#mgpu_}
    at=${COMP_WORDS[0]%"$program"}
    # bash parts words at = and : as well; the word as the program will see it is what follows the last blank
    word=${line##*[[:blank:]]}
    case $piece in = | :) piece= ;; esac
    piece=${piece:0:${#word}}
    read -r -a given <<<"${line%"$word"}"
    option=
    for one in "${given[@]:1}"; do
        if [ -n "$option" ]; then option=; continue; fi
        case $one in
            --) ;;
            --*=*) ;;
            -*) _mgpu_value "$program" "$one"; [[ -z $REPLY || $REPLY == \\?* ]] || option=$one ;;
            *) operands+=("$one")
               case $program in sbatch | srun | salloc) break ;; esac ;;
        esac
    done
    if [ -n "$option" ] && [ "${#operands[@]}" = 0 -o "$program" != srun ]; then
        _mgpu_value "$program" "$option"
        _mgpu_offer "$at" "$REPLY" "$word"
    elif [ "${#operands[@]}" -gt 0 ] && [[ $program == srun || $program == salloc || $program == sbatch ]]; then
        _mgpu_offer "$at" files "$word"
    else
        case $word in
            --*=*)
                _mgpu_value "$program" "${word%%=*}"
                _mgpu_offer "$at" "${REPLY#\\?}" "${word#*=}" "${word%%=*}="
                case $REPLY in *files | *directories) piece=${word#*=} word=$piece ;; esac
                ;;
            -*) mapfile -t COMPREPLY < <(compgen -W "$(_mgpu_options "$program")" -- "$word") ;;
            *)
                case $program in
@OPERANDS@
                esac
                ;;
        esac
    fi
    # what bash replaces is only the last piece of the word
    for i in "${!COMPREPLY[@]}"; do
        case ${COMPREPLY[i]} in *[=:]) compopt -o nospace 2>/dev/null ;; esac
        COMPREPLY[i]=${COMPREPLY[i]#"${word%"$piece"}"}
    done
}

for _mgpu_name in @PROGRAMS@; do
    complete -F _mgpu "mgpu_$_mgpu_name"
    # the plain name only where it is this suite's
    case $(type -P "$_mgpu_name") in */bin/slurm/* | */mgpu/slurm/*) complete -F _mgpu "$_mgpu_name" ;; esac
done
unset _mgpu_name
"""


def text() -> str:
    """The whole file."""
    lines = [_HEAD]
    for program in programs.WHAT:
        words = [
            f"--{name}{'=' if entry.argument and not entry.optional else ''}"
            for entry in completion.entries(program)
            for name in entry.long
        ]
        words += [f"-{entry.letter}" for entry in completion.entries(program) if not entry.long]
        lines.append(f"        {program}) echo '{' '.join(words)}' ;;\n")
    lines.append(_VALUES)
    for program in programs.WHAT:
        cases = _values(program)
        if cases:
            lines.append(f"        {program})\n            case $2 in\n" + "".join(cases) + "            esac\n            ;;\n")
    return "".join(lines) + _tail()


def _values(program: str) -> list[str]:
    """The cases of the options of a program that take a value. A mark ? stands before those that may lack it."""
    by_source: dict[str, list[str]] = {}
    for entry in completion.entries(program):
        if entry.argument:
            source = f"words {' '.join(entry.words)}" if entry.source == "words" else entry.source or "none"
            if entry.source == "clusters":
                source = "none"
            by_source.setdefault(("?" if entry.optional else "") + source, []).extend(entry.spelled())
    return [f"                {' | '.join(names)}) REPLY='{source}' ;;\n" for source, names in by_source.items()]


def _tail() -> str:
    filled = {
        "VERBS": " ".join(completion.verbs("scontrol")),
        "ENTITIES": " ".join(completion.entities()),
        "SHOWN": "\n".join(
            f'                {entity}) _mgpu_offer "$at" {source} "$word" ;;'
            for entity, source in completion.ENTITY_SOURCES.items()
        ),
        "JOBVERBS": " | ".join(completion.JOB_VERBS),
        "SUBJECTS": "\n".join(
            f'                {subject}=*) _mgpu_offer "$at" {source} "${{word#*=}}" "${{word%%=*}}=" ;;'
            for subject, source in completion.SUBJECTS.items()
        ),
        "STATES": " ".join(completion.NODE_STATES),
        "SUBJECTWORDS": " ".join(f"{subject}=" for subject in completion.SUBJECTS),
        "JOBKEYS": " ".join(f"{name}=" for name in completion.update_keys()),
        "OPERANDS": "\n".join(_operand(program, source) for program, source in completion.OPERANDS.items()),
        "PROGRAMS": " ".join(programs.WHAT),
    }
    made = _TAIL
    for name, value in filled.items():
        made = made.replace(f"@{name}@", value)
    return made


def _operand(program: str, source: str) -> str:
    if source == "scontrol":
        return f'                    {program}) _mgpu_scontrol "$at" "$word" "${{operands[@]}}" ;;'
    if source == "words":
        words = f"words {' '.join(completion.verbs(program))}"
        return f'                    {program}) [ "${{#operands[@]}}" -gt 0 ] || _mgpu_offer "$at" "{words}" "$word" ;;'
    return f'                    {program}) _mgpu_offer "$at" {source} "$word" ;;'
