# scripts that are refused
t() { printf "$1" > j.sh; shift; say sbatch "$@" j.sh; }
t '#!/bin/sh\n#SBATCH --nosuch\n'
t '#!/bin/sh\n#SBATCH -N\n'
t '#!/bin/sh\n#SBATCH --time=soon\n'
t '#!/bin/sh\r\n#SBATCH -N1\r\ntrue\r\n'
t ''
t '\n#!/bin/sh\ntrue\n'
t 'true\n'
t '#!/bin/sh\ntrue\0true\n'
t '#!/bin/sh\n#SBATCH -t\n'
t '#!/bin/sh\n#SBATCH --mem=1Q\n'
t '#!/bin/sh\n#SBATCH --job-name="open\n' -H
say sbatch /bin
say sbatch --wrap
say sbatch --wrap true extra.sh
