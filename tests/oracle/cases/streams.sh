# slow: many commands
# files of the standard streams that cannot be opened, and the word none
cat > j.sh <<'S'
#!/bin/bash
cat; echo out; echo err >&2
S
mkdir sub; echo hi > in; r() { submit "$@" j.sh; wait_gone; echo "== $*"; for k in JobState Reason ExitCode; do field $J $k; done; head -99 o sub/o e sub/e 2>/dev/null; rm -f o e sub/*; }
r -i none -o o; r -i in -o o; r -i in -D sub -o o -e e; r -i /none/x -o o; r -o /none/x; r -o o -e /none/x; r -o sub; r -e sub -o o; r -D /none -o $PWD/o; r -D /none -o o; r -i sub -o o; r -o /dev/null -e e; r -e e -o o; r -o none; ls; r -i none --open-mode=append -o o
for n in none NONE None ""; do submit -H -i "$n" -o "$n" -e "$n" --wrap true; scontrol show job $J | grep -E "Std"| ids $J; scancel $J; done;  SBATCH_OUTPUT=none SBATCH_INPUT=none SBATCH_ERROR=none submit -H --wrap true; scontrol show job $J | grep -E "Std"| ids $J; scancel $J
