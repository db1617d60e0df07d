# Helpers of the cases. A case prints only what must be the same in both suites: ids, times and host facts go away
# through `ids`, sed or the rules of comparing.py.

# submit ARGS...: sbatch; sets $J to the job's id
submit() { J=$(sbatch --parsable "$@") || return $?; }

# waits COMMAND...: up to $SECONDS_TO_WAIT (30) until the command succeeds, looked at ten times a second
waits() {
  local left=$((${SECONDS_TO_WAIT:-30} * 10))
  until "$@"; do ((left-- > 0)) || return 1; sleep 0.1; done
}
is_gone() {
  case $(squeue -h -j "$1" -o %T 2>/dev/null | sort -u | tr -d '\n') in
    '' | COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL | OUT_OF_MEMORY | DEADLINE) ;;
    *) return 1 ;;
  esac
}
is_state() { [ "$(squeue -h -j "$2" -t all -o %T 2>/dev/null | head -n 1)" = "$1" ]; }
is_reason() { [ "$(squeue -h -j "$2" -t all -o %r 2>/dev/null | head -n 1)" = "$1" ]; }

# wait_gone [JOB] [SECONDS]: until the job neither waits nor runs
wait_gone() { SECONDS_TO_WAIT=${2:-30} waits is_gone "${1:-$J}" || { echo "job still there"; return 1; }; }
# wait_state STATE [JOB] [SECONDS]
wait_state() { SECONDS_TO_WAIT=${3:-30} waits is_state "$1" "${2:-$J}" || { echo "never $1"; return 1; }; }
# wait_reason REASON [JOB] [SECONDS]
wait_reason() { SECONDS_TO_WAIT=${3:-30} waits is_reason "$1" "${2:-$J}" || { echo "never $1"; return 1; }; }
# wait_file FILE [SECONDS]: until the file exists and is not empty
wait_file() { SECONDS_TO_WAIT=${2:-30} waits test -s "$1" || { echo "no $1"; return 1; }; }

is_idle() { [ -z "$(sinfo -h -t alloc,mix,comp -o %n)" ]; }
# wait_idle: until nothing runs and nothing is being cleaned up, which decides where and over how many nodes tasks go
wait_idle() { waits is_idle || { echo "never idle"; return 1; }; }

# ids ID...: a filter that puts JOB1, JOB2, ... in place of ids
ids() {
  local rules="" number=1 job
  for job in "$@"; do
    # twice: neighbours share the character between them
    for _ in 1 2; do rules="$rules;s/(^|[^0-9])$job($|[^0-9])/\\1JOB$number\\2/g"; done
    number=$((number + 1))
  done
  sed -E "${rules#;}"
}
# field JOB KEY: the KEY=value of `scontrol show job`
field() { scontrol show job "$1" | tr ' ' '\n' | grep "^$2=" | head -n 1; }
# say COMMAND...: run it and print its exit status
say() { "$@"; echo "status $?"; }
