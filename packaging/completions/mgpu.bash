# Completion of mgpu_slurm's commands in bash. Made by man/build from the tables of options; not to be edited.

# _mgpu_options PROGRAM: its options, those with a value ending in =
_mgpu_options() {
    case $1 in
        sbatch) echo '--account= --acctg-freq= --array= --batch= --begin= --bb= --bbf= --cluster-constraint= --chdir= --clusters= --comment= --consolidate-segments --container= --container-id= --context= --contiguous --constraint= --core-spec= --cores-per-socket= --cpu-freq= --cpus-per-gpu= --cpus-per-task= --deadline= --delay-boot= --dependency= --distribution= --error= --exclude= --exclusive --export= --export-file= --external --extra= --extra-node-info= --get-user-env --gid= --gpu-bind= --gpu-freq= --gpus= --gpus-per-node= --gpus-per-socket= --gpus-per-task= --gres= --gres-flags= --help --hint= --hold --ignore-pbs --input= --job-name= --kill-on-invalid-dep= --licenses= --mail-type= --mail-user= --mcs-label= --mem= --mem-bind= --mem-per-cpu= --mem-per-gpu= --mem-update= --mincpus= --network= --nice --no-kill --no-requeue --nodefile= --nodelist= --nodes= --ntasks= --ntasks-per-core= --ntasks-per-gpu= --ntasks-per-node= --ntasks-per-socket= --oom-kill-step --open-mode= --output= --overcommit --oversubscribe --parsable --partition= --power= --prefer= --priority= --profile= --propagate --qos= --quiet --reboot --requeue --resources= --reservation= --resv-ports --runtime= --segment= --signal= --sockets-per-node= --spread-job --spread-segments --stepmgr --switches= --test-only --thread-spec= --threads-per-core= --time= --time-min= --tmp= --tres-bind= --tres-per-task= --uid= --use-min-nodes --verbose --version --usage --wait --wait-all-nodes= --wckey= --wrap=' ;;
        srun) echo '--accel-bind= --account= --acctg-freq= --async --bcast --bcast-exclude= --begin= --bb= --bbf= --cluster-constraint= --chdir= --clusters= --comment= --compress --consolidate-segments --container= --container-id= --context= --contiguous --constraint= --core-spec= --cores-per-socket= --cpu-bind= --cpu-freq= --cpus-per-gpu= --cpus-per-task= --deadline= --delay-boot= --dependency= --disable-status --distribution= --epilog= --error= --exact --exclude= --exclusive --export= --extra= --extra-node-info= --gid= --gpu-bind= --gpu-freq= --gpus= --gpus-per-node= --gpus-per-socket= --gpus-per-task= --gres= --gres-flags= --help --het-group= --hint= --hold --ignore-signals= --immediate --input= --jobid= --job-name= --kill-on-bad-exit --label --licenses= --mail-type= --mail-user= --threads= --mcs-label= --mem= --mem-bind= --mem-per-cpu= --mem-per-gpu= --mem-update= --mincpus= --mpi= --msg-timeout= --multi-prog --network= --nice --no-kill --nodefile= --nodelist= --nodes= --ntasks= --ntasks-per-core= --ntasks-per-gpu= --ntasks-per-node= --ntasks-per-socket= --oom-kill-step --open-mode= --output= --overcommit --overlap --oversubscribe --parsable --partition= --power= --prefer= --preserve-env --priority= --profile= --prolog= --propagate --pty --qos= --quiet --quit-on-interrupt --reboot --relative= --resources= --reservation= --resv-ports --runtime= --segment= --send-libs --signal= --sockets-per-node= --spread-job --spread-segments --stepmgr --switches= --task-epilog= --task-prolog= --test-only --thread-spec= --threads-per-core= --time= --time-min= --tmp= --tres-bind= --tres-per-task= --uid= --unbuffered --use-min-nodes --verbose --version --usage --wait= --wait-for-children --wckey= --whole --x11' ;;
        salloc) echo '--account= --acctg-freq= --begin= --bell --bb= --bbf= --cluster-constraint= --chdir= --clusters= --comment= --consolidate-segments --container= --container-id= --context= --contiguous --constraint= --core-spec= --cores-per-socket= --cpu-freq= --cpus-per-gpu= --cpus-per-task= --deadline= --delay-boot= --dependency= --distribution= --exclude= --exclusive --extra= --extra-node-info= --get-user-env --gid= --gpu-bind= --gpu-freq= --gpus= --gpus-per-node= --gpus-per-socket= --gpus-per-task= --gres= --gres-flags= --help --hint= --hold --immediate --job-name= --kill-command --licenses= --mail-type= --mail-user= --mcs-label= --mem= --mem-bind= --mem-per-cpu= --mem-per-gpu= --mem-update= --mincpus= --network= --nice --no-bell --no-kill --no-shell --nodefile= --nodelist= --nodes= --ntasks= --ntasks-per-core= --ntasks-per-gpu= --ntasks-per-node= --ntasks-per-socket= --oom-kill-step --overcommit --oversubscribe --partition= --power= --prefer= --priority= --profile= --qos= --quiet --reboot --resources= --reservation= --resv-ports --runtime= --segment= --signal= --sockets-per-node= --spread-job --spread-segments --stepmgr --switches= --thread-spec= --threads-per-core= --time= --time-min= --tmp= --tres-bind= --tres-per-task= --uid= --use-min-nodes --verbose --version --usage --wait-all-nodes= --wckey= --x11' ;;
        squeue) echo '--accounts= --all --array --array-unique --expand-patterns --Format= --format= --federation --help --helpstate --helpformat --helpFormat --hide --iterate= --jobs= --local --long --licenses= --clusters= --cluster= --me --name= --noconvert --nodelist= --node= --nodes= --noheader --notme --only-job-state --partitions= --priority --qos= --reservation= --running-over= --running-under= --sibling --sib --sort= --start --steps= --states= --usage --user= --users= --verbose --version --json --yaml --account=' ;;
        scancel) echo '--account= --admin-comment= --batch --ctld --cron --full --help --hurry --interactive --clusters= --cluster= --name= --jobname= --me --nodelist= --partition= --qos= --quiet --reservation= --sibling= --signal= --state= --usage --user= --verbose --version --wckey=' ;;
        sinfo) echo '--all --dead --exact --federation --future --help --helpformat --helpFormat --helpstate --hide --iterate= --local --long --clusters= --cluster= --nodes= --noconvert --noheader --Node --format= --Format= --partition= --responding --list-reasons --summarize --sort= --states= --reservation --usage --verbose --version --json --yaml' ;;
        scontrol) echo '--all --clusters= --cluster= --details --federation --future --usage --help --hide --json --local --oneliner --quiet --sibling --uid= --verbose --version --yaml' ;;
        sacct) echo '--allusers --accounts= --allocations --array --brief --batch-script --completion --constraints= --delimiter= --duplicates --federation --help-fields --helpformat --helpreason --helpstate --endtime= --env-vars --expand-patterns --file= --flags= --group= --gid= --help --local --name= --nnodes= --ncpus= --jobs= --timelimit-min= --timelimit-max= --long --allclusters --clusters= --cluster= --nodelist= --noconvert --units= --noheader --format= --fields= --parsable --parsable2 --qos= --partition= --reason= --state= --starttime= --truncate --user= --uid= --use-local-uid --usage --verbose --version --wckeys= --whole-hetjob --associations= --json --yaml' ;;
        sstat) echo '--allsteps --helpformat --help --jobs= --noheader --format= --fields= --noconvert --pidformat --parsable --parsable2 --usage --verbose --version' ;;
        sprio) echo '--noheader --jobs= --long --clusters= --cluster= --norm --format= --sort= --partition= --user= --users= --verbose --version --weights --federation --help --helpformat --local --sibling --sib --usage' ;;
        sdiag) echo '--all --help --reset --sort-by-id --clusters= --cluster= --no-trunc --sort-by-time --sort-by-time2 --usage --version --json --yaml' ;;
        sacctmgr) echo '--usage --help --immediate --noheader --oneliner --parsable --parsable2 --quiet --readonly --associations --verbose --version --json --yaml' ;;
        sshare) echo '--accounts= --all --helpformat --long --partition --clusters= --cluster= --noheader --noheader --format= --parsable --parsable2 --users= --Users --verbose --version --help --usage' ;;
        sreport) echo '--all_clusters --cluster= --federation --usage --help --immediate --local --noheader --parsable --parsable2 --quiet --sort --time= --tres= --verbose --version' ;;
        sattach) echo '--error-filter= --help --input-filter= --label --layout --output-filter= --pty --quiet --usage --verbose --version' ;;
        sbcast) echo '--compress --exclude= --fanout= --force --help --jobid= --preserve --send-libs --size= --timeout= --treewidth= --usage --verbose --version' ;;
        doctor) echo '--json --quiet --users= --master= --help --usage --version' ;;
        cluster) echo '--name= --dry-run --controller= --with= --set= --directory= --no-links --keep-state --force --wait --lines= --follow --accept-new-host-keys --port= --login= --identity= --jump= --ssh-config= --parallel= --timeout= --verbose --help --usage --version' ;;
        master) echo '--host= --port= --verbose --help --version -f -D' ;;
        node) echo '--node-id= --master-host= --master-port= --gpu-count= --gpu-type= --address= --host= --verbose --help --version -f -N -C -D' ;;
        client) echo '--master= --help' ;;
        queue) echo '--master= --help' ;;
        cancel) echo '--master= --help' ;;
    esac
}

# _mgpu_value PROGRAM OPTION: what may stand behind the option, in REPLY; "none" for anything, "" where it takes nothing
_mgpu_value() {
    REPLY=
    case $1 in
        sbatch)
            case $2 in
                --account | -A | --acctg-freq | --array | -a | --batch | --bb | --cluster-constraint | --clusters | -M | --comment | --container | --container-id | --context | --constraint | -C | --core-spec | -S | --cores-per-socket | --cpus-per-gpu | --cpus-per-task | -c | --delay-boot | --extra | --extra-node-info | -B | --gpus | -G | --gpus-per-node | --gpus-per-socket | --gpus-per-task | --job-name | -J | --licenses | -L | --mail-user | --mcs-label | --mem | --mem-per-cpu | --mem-per-gpu | --mem-update | --mincpus | --network | --nodes | -N | --ntasks | -n | --ntasks-per-core | --ntasks-per-gpu | --ntasks-per-node | --ntasks-per-socket | --power | --prefer | --qos | -q | --resources | --runtime | --segment | --sockets-per-node | --switches | --thread-spec | --threads-per-core | --time | -t | --time-min | --tmp | --tres-bind | --tres-per-task | --wckey | --wrap) REPLY='none' ;;
                --begin | -b | --deadline) REPLY='words now+1hour now+1day today tomorrow midnight noon' ;;
                --bbf | --error | -e | --export-file | --input | -i | --nodefile | -F | --output | -o) REPLY='files' ;;
                --chdir | -D) REPLY='directories' ;;
                --cpu-freq | --gpu-freq) REPLY='words low medium high highm1' ;;
                --dependency | -d) REPLY='words after: afterany: afterok: afternotok: aftercorr: singleton' ;;
                --distribution | -m) REPLY='words block cyclic plane= arbitrary block:block block:cyclic cyclic:block cyclic:cyclic' ;;
                --exclude | -x | --nodelist | -w) REPLY='nodes' ;;
                --exclusive) REPLY='?words user mcs topo' ;;
                --export) REPLY='words ALL NONE' ;;
                --get-user-env | --nice | --oom-kill-step | --requeue | --resv-ports) REPLY='?none' ;;
                --gid) REPLY='groups' ;;
                --gpu-bind) REPLY='words closest none single: map: mask: per_task: verbose,closest' ;;
                --gres) REPLY='words gpu: gpu:1 gpu:2 gpu:4 gpu:8 none' ;;
                --gres-flags) REPLY='words enforce-binding disable-binding' ;;
                --hint) REPLY='words compute_bound memory_bound multithread nomultithread' ;;
                --kill-on-invalid-dep) REPLY='words yes no' ;;
                --mail-type) REPLY='words NONE BEGIN END FAIL REQUEUE ALL TIME_LIMIT TIME_LIMIT_90 TIME_LIMIT_80 TIME_LIMIT_50 ARRAY_TASKS' ;;
                --mem-bind) REPLY='words none local rank map_mem: mask_mem: verbose quiet help' ;;
                --no-kill | -k) REPLY='?words off' ;;
                --open-mode) REPLY='words append truncate' ;;
                --partition | -p) REPLY='partitions' ;;
                --priority) REPLY='words TOP' ;;
                --profile) REPLY='words none all energy task lustre network' ;;
                --propagate) REPLY='?words ALL NONE AS CORE CPU DATA FSIZE MEMLOCK NOFILE NPROC RSS STACK' ;;
                --reservation) REPLY='reservations' ;;
                --signal) REPLY='words HUP INT QUIT KILL USR1 USR2 TERM CONT STOP TSTP' ;;
                --uid) REPLY='users' ;;
                --wait-all-nodes) REPLY='words 0 1' ;;
            esac
            ;;
        srun)
            case $2 in
                --accel-bind | --account | -A | --acctg-freq | --bcast-exclude | --bb | --cluster-constraint | --clusters | -M | --comment | --container | --container-id | --context | --constraint | -C | --core-spec | -S | --cores-per-socket | --cpus-per-gpu | --cpus-per-task | -c | --delay-boot | --extra | --extra-node-info | -B | --gpus | -G | --gpus-per-node | --gpus-per-socket | --gpus-per-task | --het-group | --job-name | -J | --licenses | -L | --mail-user | --threads | -T | --mcs-label | --mem | --mem-per-cpu | --mem-per-gpu | --mem-update | --mincpus | --msg-timeout | --network | --nodes | -N | --ntasks | -n | --ntasks-per-core | --ntasks-per-gpu | --ntasks-per-node | --ntasks-per-socket | --power | --prefer | --qos | -q | --relative | -r | --resources | --runtime | --segment | --sockets-per-node | --switches | --thread-spec | --threads-per-core | --time | -t | --time-min | --tmp | --tres-bind | --tres-per-task | --wait | -W | --wckey) REPLY='none' ;;
                --bcast) REPLY='?files' ;;
                --begin | -b | --deadline) REPLY='words now+1hour now+1day today tomorrow midnight noon' ;;
                --bbf | --epilog | --error | -e | --input | -i | --nodefile | -F | --output | -o | --prolog | --task-epilog | --task-prolog) REPLY='files' ;;
                --chdir | -D) REPLY='directories' ;;
                --compress) REPLY='?words lz4 none' ;;
                --cpu-bind) REPLY='words none threads cores sockets ldoms rank map_cpu: mask_cpu: verbose quiet help' ;;
                --cpu-freq | --gpu-freq) REPLY='words low medium high highm1' ;;
                --dependency | -d) REPLY='words after: afterany: afterok: afternotok: aftercorr: singleton' ;;
                --distribution | -m) REPLY='words block cyclic plane= arbitrary block:block block:cyclic cyclic:block cyclic:cyclic' ;;
                --exclude | -x | --nodelist | -w) REPLY='nodes' ;;
                --exclusive) REPLY='?words user mcs topo' ;;
                --export) REPLY='words ALL NONE' ;;
                --gid) REPLY='groups' ;;
                --gpu-bind) REPLY='words closest none single: map: mask: per_task: verbose,closest' ;;
                --gres) REPLY='words gpu: gpu:1 gpu:2 gpu:4 gpu:8 none' ;;
                --gres-flags) REPLY='words enforce-binding disable-binding' ;;
                --hint) REPLY='words compute_bound memory_bound multithread nomultithread' ;;
                --ignore-signals | --signal) REPLY='words HUP INT QUIT KILL USR1 USR2 TERM CONT STOP TSTP' ;;
                --immediate | -I | --nice | --oom-kill-step | --overlap | --pty | --resv-ports) REPLY='?none' ;;
                --jobid) REPLY='jobs' ;;
                --kill-on-bad-exit | -K) REPLY='?words 0 1' ;;
                --mail-type) REPLY='words NONE BEGIN END FAIL REQUEUE ALL TIME_LIMIT TIME_LIMIT_90 TIME_LIMIT_80 TIME_LIMIT_50 ARRAY_TASKS' ;;
                --mem-bind) REPLY='words none local rank map_mem: mask_mem: verbose quiet help' ;;
                --mpi) REPLY='words none pmi2 pmix list' ;;
                --no-kill | -k) REPLY='?words off' ;;
                --open-mode) REPLY='words append truncate' ;;
                --partition | -p) REPLY='partitions' ;;
                --priority) REPLY='words TOP' ;;
                --profile) REPLY='words none all energy task lustre network' ;;
                --propagate) REPLY='?words ALL NONE AS CORE CPU DATA FSIZE MEMLOCK NOFILE NPROC RSS STACK' ;;
                --reservation) REPLY='reservations' ;;
                --send-libs) REPLY='?words yes no' ;;
                --uid) REPLY='users' ;;
                --x11) REPLY='?words all first last batch' ;;
            esac
            ;;
        salloc)
            case $2 in
                --account | -A | --acctg-freq | --bb | --cluster-constraint | --clusters | -M | --comment | --container | --container-id | --context | --constraint | -C | --core-spec | -S | --cores-per-socket | --cpus-per-gpu | --cpus-per-task | -c | --delay-boot | --extra | --extra-node-info | -B | --gpus | -G | --gpus-per-node | --gpus-per-socket | --gpus-per-task | --job-name | -J | --licenses | -L | --mail-user | --mcs-label | --mem | --mem-per-cpu | --mem-per-gpu | --mem-update | --mincpus | --network | --nodes | -N | --ntasks | -n | --ntasks-per-core | --ntasks-per-gpu | --ntasks-per-node | --ntasks-per-socket | --power | --prefer | --qos | -q | --resources | --runtime | --segment | --sockets-per-node | --switches | --thread-spec | --threads-per-core | --time | -t | --time-min | --tmp | --tres-bind | --tres-per-task | --wckey) REPLY='none' ;;
                --begin | -b | --deadline) REPLY='words now+1hour now+1day today tomorrow midnight noon' ;;
                --bbf | --nodefile | -F) REPLY='files' ;;
                --chdir | -D) REPLY='directories' ;;
                --cpu-freq | --gpu-freq) REPLY='words low medium high highm1' ;;
                --dependency | -d) REPLY='words after: afterany: afterok: afternotok: aftercorr: singleton' ;;
                --distribution | -m) REPLY='words block cyclic plane= arbitrary block:block block:cyclic cyclic:block cyclic:cyclic' ;;
                --exclude | -x | --nodelist | -w) REPLY='nodes' ;;
                --exclusive) REPLY='?words user mcs topo' ;;
                --get-user-env | --immediate | -I | --nice | --oom-kill-step | --resv-ports) REPLY='?none' ;;
                --gid) REPLY='groups' ;;
                --gpu-bind) REPLY='words closest none single: map: mask: per_task: verbose,closest' ;;
                --gres) REPLY='words gpu: gpu:1 gpu:2 gpu:4 gpu:8 none' ;;
                --gres-flags) REPLY='words enforce-binding disable-binding' ;;
                --hint) REPLY='words compute_bound memory_bound multithread nomultithread' ;;
                --kill-command | -K) REPLY='?words HUP INT QUIT KILL USR1 USR2 TERM CONT STOP TSTP' ;;
                --mail-type) REPLY='words NONE BEGIN END FAIL REQUEUE ALL TIME_LIMIT TIME_LIMIT_90 TIME_LIMIT_80 TIME_LIMIT_50 ARRAY_TASKS' ;;
                --mem-bind) REPLY='words none local rank map_mem: mask_mem: verbose quiet help' ;;
                --no-kill | -k) REPLY='?words off' ;;
                --partition | -p) REPLY='partitions' ;;
                --priority) REPLY='words TOP' ;;
                --profile) REPLY='words none all energy task lustre network' ;;
                --reservation) REPLY='reservations' ;;
                --signal) REPLY='words HUP INT QUIT KILL USR1 USR2 TERM CONT STOP TSTP' ;;
                --uid) REPLY='users' ;;
                --wait-all-nodes) REPLY='words 0 1' ;;
                --x11) REPLY='?words all first last batch' ;;
            esac
            ;;
        squeue)
            case $2 in
                --accounts | -A | --format | -o | --iterate | -i | --licenses | -L | --clusters | --cluster | -M | --name | -n | --qos | -q | --running-over | --running-under | --sort | -S | --account | -U) REPLY='none' ;;
                --Format | -O) REPLY='words Account AccrueTime admin_comment AllocNodes AllocSID ArrayJobId ArrayTaskId AssocId BatchFlag BatchHost BoardsPerNode BurstBuffer BurstBufferState Cluster ClusterFeature Command Comment Container ContainerId Contiguous Cores CoreSpec CPUsPerTask cpus-per-tres CronJob Deadline DelayBoot Dependency DerivedEC EligibleTime EndTime ExcNodes Exclusive exit_code Feature Gres GroupId GroupName HetJobId HetJobIdSet HetJobOffset JobArrayId JobId LastSchedEval Licenses LicensesAlloc MaxCPUs MaxNodes mem-per-tres MCSLabel MinCPUs MinMemory MinTime MinTmpDisk Name Network Nice NodeList NTPerCore NTPerNode NTPerSocket NTPerBoard NumCPUs NumNodes NumTasks Origin OriginRaw OverSubscribe Partition PendingTime PreemptTime Prefer Priority PriorityLong Profile QOS Reason ReasonList Reboot ReqNodes ReqSwitch Requeue Reservation ResizeTime RestartCnt Runtime SchedNodes SCT SegmentSize SiblingsActive SiblingsActiveRaw SiblingsViable SiblingsViableRaw SLUID Sockets SPerBoard StartTime State StateCompact StdErr StdIn StdOut SubmitTime system_comment Threads TimeLeft TimeLimit TimeUsed tres-alloc tres-bind tres-freq tres-per-job tres-per-node tres-per-socket tres-per-task UserId UserName Wait4Switch WCKey WorkDir' ;;
                --jobs | -j) REPLY='jobs' ;;
                --nodelist | --node | --nodes | -w) REPLY='nodes' ;;
                --partitions | -p) REPLY='partitions' ;;
                --reservation | -R) REPLY='reservations' ;;
                --steps | -s) REPLY='steps' ;;
                --states | -t) REPLY='words PENDING RUNNING SUSPENDED COMPLETING COMPLETED CANCELLED FAILED TIMEOUT NODE_FAIL OUT_OF_MEMORY PREEMPTED DEADLINE BOOT_FAIL CONFIGURING REQUEUED' ;;
                --user | --users | -u) REPLY='users' ;;
                --json | --yaml) REPLY='?none' ;;
            esac
            ;;
        scancel)
            case $2 in
                --account | -A | --admin-comment | --clusters | --cluster | -M | --name | --jobname | -n | --qos | -q | --sibling | --wckey) REPLY='none' ;;
                --nodelist | -w) REPLY='nodes' ;;
                --partition | -p) REPLY='partitions' ;;
                --reservation | -R) REPLY='reservations' ;;
                --signal | -s) REPLY='words HUP INT QUIT KILL USR1 USR2 TERM CONT STOP TSTP' ;;
                --state | -t) REPLY='words PENDING RUNNING SUSPENDED' ;;
                --user | -u) REPLY='users' ;;
            esac
            ;;
        sinfo)
            case $2 in
                --iterate | -i | --clusters | --cluster | -M | --format | -o | --sort | -S) REPLY='none' ;;
                --nodes | -n) REPLY='nodes' ;;
                --Format | -O) REPLY='words AllocMem Cluster Comment Cores CPUs CPUsLoad CPUsState Disk Extra Features features_act FreeMem Gres GresUsed Memory NodeAddr NodeAI NodeAIOT NodeHost NodeList Nodes Port Reason Reservation Sockets SocketCoreThread StateCompact StateComplete StateLong Threads TimeStamp User UserLong Version Weight AllocNodes Available DefaultTime Groups MaxCPUsPerNode OverSubscribe Partition PartitionName PreemptMode PriorityJobFactor PriorityTier Root Size Time' ;;
                --partition | -p) REPLY='partitions' ;;
                --states | -t) REPLY='words alloc comp down drain drained draining fail idle maint mixed planned reserved unknown' ;;
                --json | --yaml) REPLY='?none' ;;
            esac
            ;;
        scontrol)
            case $2 in
                --clusters | --cluster | -M) REPLY='none' ;;
                --json | --yaml) REPLY='?none' ;;
                --uid | -u) REPLY='users' ;;
            esac
            ;;
        sacct)
            case $2 in
                --accounts | -A | --constraints | -C | --delimiter | --endtime | -E | --flags | -F | --name | --nnodes | -i | --ncpus | -I | --timelimit-min | -k | --timelimit-max | -K | --clusters | --cluster | -M | --qos | -q | --reason | -R | --starttime | -S | --wckeys | -W | --associations | -x) REPLY='none' ;;
                --file | -f) REPLY='files' ;;
                --group | --gid | -g) REPLY='groups' ;;
                --jobs | -j) REPLY='jobs' ;;
                --nodelist | -N) REPLY='nodes' ;;
                --units) REPLY='words K M G T P' ;;
                --format | --fields | -o) REPLY='words Account AdminComment AllocCPUS AllocNodes AllocTRES AssocID AveCPU AveCPUFreq AveDiskRead AveDiskWrite AvePages AveRSS AveVMSize BlockID Cluster Comment Constraints ConsumedEnergy ConsumedEnergyRaw Container CPUTime CPUTimeRAW DBIndex DBIndex DerivedExitCode Elapsed ElapsedRaw Eligible End Exclusive ExitCode Extra FailedNode Flags GID Group JobID JobIDRaw JobName Layout Licenses MaxDiskRead MaxDiskReadNode MaxDiskReadTask MaxDiskWrite MaxDiskWriteNode MaxDiskWriteTask MaxPages MaxPagesNode MaxPagesTask MaxRSS MaxRSSNode MaxRSSTask MaxVMSize MaxVMSizeNode MaxVMSizeTask McsLabel MinCPU MinCPUNode MinCPUTask NCPUS NNodes NodeList NTasks OriginalSLUID OverSubscribe Partition Planned PlannedCPU PlannedCPURAW Priority QOS QOSRAW QOSREQ Reason ReqCPUFreq ReqCPUFreqGov ReqCPUFreqMax ReqCPUFreqMin ReqCPUS ReqMem ReqNodes ReqReservation ReqTRES Reservation ReservationId Reserved Restarts ResvCPU ResvCPURAW SegmentSize SLUID Start State StdErr StdIn StdOut Submit SubmitLine Suspended SystemComment SystemCPU Timelimit TimelimitRaw TotalCPU TRESUsageInAve TRESUsageInMax TRESUsageInMaxNode TRESUsageInMaxTask TRESUsageInMin TRESUsageInMinNode TRESUsageInMinTask TRESUsageInTot TRESUsageOutAve TRESUsageOutMax TRESUsageOutMaxNode TRESUsageOutMaxTask TRESUsageOutMin TRESUsageOutMinNode TRESUsageOutMinTask TRESUsageOutTot UID User UserCPU WCKey WCKeyID WorkDir' ;;
                --partition | -r) REPLY='partitions' ;;
                --state | -s) REPLY='words PENDING RUNNING SUSPENDED COMPLETING COMPLETED CANCELLED FAILED TIMEOUT NODE_FAIL OUT_OF_MEMORY PREEMPTED DEADLINE BOOT_FAIL CONFIGURING REQUEUED' ;;
                --user | --uid | -u) REPLY='users' ;;
                --whole-hetjob | --json | --yaml) REPLY='?none' ;;
            esac
            ;;
        sstat)
            case $2 in
                --jobs | -j) REPLY='jobs' ;;
                --format | --fields | -o) REPLY='words AllocTRES AveCPU AveCPUFreq AveDiskRead AveDiskWrite AvePages AveRSS AveVMSize ConsumedEnergy ConsumedEnergyRaw JobID MaxDiskRead MaxDiskReadNode MaxDiskReadTask MaxDiskWrite MaxDiskWriteNode MaxDiskWriteTask MaxPages MaxPagesNode MaxPagesTask MaxRSS MaxRSSNode MaxRSSTask MaxVMSize MaxVMSizeNode MaxVMSizeTask MinCPU MinCPUNode MinCPUTask Nodelist NTasks Pids ReqCPUFreq ReqCPUFreqMin ReqCPUFreqMax ReqCPUFreqGov SLUID TRESUsageInAve TRESUsageInMax TRESUsageInMaxNode TRESUsageInMaxTask TRESUsageInMin TRESUsageInMinNode TRESUsageInMinTask TRESUsageInTot TRESUsageOutAve TRESUsageOutMax TRESUsageOutMaxNode TRESUsageOutMaxTask TRESUsageOutMin TRESUsageOutMinNode TRESUsageOutMinTask TRESUsageOutTot' ;;
            esac
            ;;
        sprio)
            case $2 in
                --jobs | -j) REPLY='jobs' ;;
                --clusters | --cluster | -M | --format | -o | --sort | -S) REPLY='none' ;;
                --partition | -p) REPLY='partitions' ;;
                --user | --users | -u) REPLY='users' ;;
            esac
            ;;
        sdiag)
            case $2 in
                --clusters | --cluster | -M) REPLY='none' ;;
                --json | --yaml) REPLY='?none' ;;
            esac
            ;;
        sacctmgr)
            case $2 in
                --json | --yaml) REPLY='?none' ;;
            esac
            ;;
        sshare)
            case $2 in
                --accounts | -A | --clusters | --cluster | -M | --format | -o) REPLY='none' ;;
                --users | -u) REPLY='users' ;;
            esac
            ;;
        sreport)
            case $2 in
                --cluster | -M | --time | -t | --tres | -T) REPLY='none' ;;
            esac
            ;;
        sattach)
            case $2 in
                --error-filter | --input-filter | --output-filter) REPLY='none' ;;
            esac
            ;;
        sbcast)
            case $2 in
                --compress | -C) REPLY='?words lz4 none' ;;
                --exclude) REPLY='nodes' ;;
                --fanout | -F | --size | -s | --timeout | -t | --treewidth) REPLY='none' ;;
                --jobid | -j) REPLY='jobs' ;;
                --send-libs) REPLY='?words yes no' ;;
            esac
            ;;
        doctor)
            case $2 in
                --users | -u) REPLY='users' ;;
                --master) REPLY='none' ;;
            esac
            ;;
        cluster)
            case $2 in
                --name | -n | --controller | --set | -s | --lines | --port | -p | --login | -l | --parallel | --timeout | -t) REPLY='none' ;;
                --with) REPLY='words binary python auto' ;;
                --directory | -d) REPLY='directories' ;;
                --identity | -i | --ssh-config | -F) REPLY='files' ;;
                --jump | -J) REPLY='nodes' ;;
            esac
            ;;
        master)
            case $2 in
                -f) REPLY='files' ;;
                --host | --port) REPLY='none' ;;
            esac
            ;;
        node)
            case $2 in
                -f) REPLY='files' ;;
                -N | --node-id | --master-host | --master-port | --gpu-count | --gpu-type | --address | --host) REPLY='none' ;;
            esac
            ;;
        client)
            case $2 in
                --master) REPLY='none' ;;
            esac
            ;;
        queue)
            case $2 in
                --master) REPLY='none' ;;
            esac
            ;;
        cancel)
            case $2 in
                --master) REPLY='none' ;;
            esac
            ;;
    esac
}

# _mgpu_ask COMMAND SOURCE: names of the cluster, one a line. COMMAND is what stands before the last part of a program's name.
_mgpu_ask() {
    local -x MGPU_QUICK=1
    local at=$1 me=
    [ "$EUID" = 0 ] || me=--me
    case $2 in
        own) "${at}squeue" -h $me -o '%F %i' | tr ' ' '\n' | grep -v '\[' | sort -u ;;
        jobs) "${at}squeue" -h -o '%F %i' | tr ' ' '\n' | grep -v '\[' | sort -u ;;
        steps) "${at}squeue" -h -s -o %i ;;
        partitions) "${at}sinfo" -h -o %R | sort -u ;;
        nodes) "${at}sinfo" -h -N -o %N | sort -u ;;
        reservations) "${at}scontrol" -o show reservation | sed -n 's/^ReservationName=\([^ ]*\).*/\1/p' ;;
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
        words\ *) list=${2#words } ;;
        *) list=$(_mgpu_ask "$1" "$2") ;;
    esac
    mapfile -t COMPREPLY < <(compgen -P "$before" -W "$list" -- "$word")
}

# _mgpu_scontrol COMMAND WORD [EARLIER WORD...]: what scontrol may read next
_mgpu_scontrol() {
    local at=$1 word=$2 subject
    shift 2
    case $1 in
        '') _mgpu_offer "$at" "words abort all cancel_reboot cluster completing create delete details errnumstr exit fsdampeningfactor getent help hide hold holdu uhold listpids notify oneliner pidinfo ping quiet quit reconfigure reboot release requeue requeuehold resume schedloglevel setdebug setdebugflags show shutdown suspend takeover token top update verbose version wait_job write" "$word" ;;
        show)
            case ${2-} in
                '') _mgpu_offer "$at" "words aliases assoc_mgr bbstat burstbuffer cache config daemons dwstat federation frontend hostlistsorted hostlist hostnames job jobid licenses node partition partitionname reservation reservationname slurmd step topology" "$word" ;;
                jobs) _mgpu_offer "$at" jobs "$word" ;;
                job) _mgpu_offer "$at" jobs "$word" ;;
                nodes) _mgpu_offer "$at" nodes "$word" ;;
                node) _mgpu_offer "$at" nodes "$word" ;;
                partitions) _mgpu_offer "$at" partitions "$word" ;;
                partition) _mgpu_offer "$at" partitions "$word" ;;
                reservations) _mgpu_offer "$at" reservations "$word" ;;
                reservation) _mgpu_offer "$at" reservations "$word" ;;
                steps) _mgpu_offer "$at" steps "$word" ;;
                step) _mgpu_offer "$at" steps "$word" ;;
            esac
            ;;
        hold | uhold | release | requeue | requeuehold | suspend | resume | top | wait_job) _mgpu_offer "$at" own "$word" ;;
        write) [ $# -gt 1 ] && _mgpu_offer "$at" own "$word" || _mgpu_offer "$at" "words batch_script" "$word" ;;
        update)
            subject=${2-}
            case $word in
                JobId=*) _mgpu_offer "$at" own "${word#*=}" "${word%%=*}=" ;;
                NodeName=*) _mgpu_offer "$at" nodes "${word#*=}" "${word%%=*}=" ;;
                PartitionName=*) _mgpu_offer "$at" partitions "${word#*=}" "${word%%=*}=" ;;
                ReservationName=*) _mgpu_offer "$at" reservations "${word#*=}" "${word%%=*}=" ;;
                StepId=*) _mgpu_offer "$at" steps "${word#*=}" "${word%%=*}=" ;;
                [Ss]tate=*) _mgpu_offer "$at" "words DOWN DRAIN FAIL NORESP RESUME UNDRAIN POWER_DOWN POWER_UP" "${word#*=}" "${word%%=*}=" ;;
                *=*) ;;
                *)
                    case $subject in
                        '') _mgpu_offer "$at" "words JobId= NodeName= PartitionName= ReservationName= StepId=" "$word" ;;
                        [Jj]ob*) _mgpu_offer "$at" "words AdminComment= SiteFactor= ArrayTaskThrottle= Comment= Clusters= ClusterFeatures= DelayBoot= Extra= TimeLimit= TimeMin= Priority= Nice= CPUsPerTask= CpusPerTres= NumCPUs= NumTasks= ReqProcs= Requeue= ReqNodes= NumNodes= ReqSockets= ReqCores= TasksPerNode= ReqThreads= MinCPUsNode= MinMemoryNode= MinMemoryCPU= MinTmpDiskNode= Partition= QOS= ReservationName= Name= JobName= WCKey= StdErr= StdIn= StdOut= Switches= wait-for-switch= OverSubscribe= Shared= Contiguous= CoreSpec= MemPerTres= ThreadSpec= TresBind= TresFreq= TresPerJob= TresPerNode= TresPerSocket= TresPerTask= ExcNodeList= ReqNodeList= NodeList= Features= Prefer= Gres= Account= BurstBuffer= Dependency= Licenses= EligibleTime= StartTime= EndTime= Reboot= UserID= Deadline= WorkDir= MailType= MailUser= MCSLabel= ResetAccrueTime=" "$word" ;;
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
            -*) _mgpu_value "$program" "$one"; [[ -z $REPLY || $REPLY == \?* ]] || option=$one ;;
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
                _mgpu_offer "$at" "${REPLY#\?}" "${word#*=}" "${word%%=*}="
                case $REPLY in *files | *directories) piece=${word#*=} word=$piece ;; esac
                ;;
            -*) mapfile -t COMPREPLY < <(compgen -W "$(_mgpu_options "$program")" -- "$word") ;;
            *)
                case $program in
                    sbatch) _mgpu_offer "$at" files "$word" ;;
                    srun) _mgpu_offer "$at" commands "$word" ;;
                    salloc) _mgpu_offer "$at" commands "$word" ;;
                    scancel) _mgpu_offer "$at" own "$word" ;;
                    cancel) _mgpu_offer "$at" own "$word" ;;
                    sattach) _mgpu_offer "$at" steps "$word" ;;
                    sbcast) _mgpu_offer "$at" files "$word" ;;
                    sstat) _mgpu_offer "$at" own "$word" ;;
                    scontrol) _mgpu_scontrol "$at" "$word" "${operands[@]}" ;;
                    client) [ "${#operands[@]}" -gt 0 ] || _mgpu_offer "$at" "words submit queue cancel" "$word" ;;
                    cluster) [ "${#operands[@]}" -gt 0 ] || _mgpu_offer "$at" "words up status add remove upgrade down logs" "$word" ;;
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

for _mgpu_name in sbatch srun salloc squeue scancel sinfo scontrol sacct sstat sprio sdiag sacctmgr sshare sreport sattach sbcast doctor cluster master node client queue cancel; do
    complete -F _mgpu "mgpu_$_mgpu_name"
    # the plain name only where it is this suite's
    case $(type -P "$_mgpu_name") in */bin/slurm/* | */mgpu/slurm/*) complete -F _mgpu "$_mgpu_name" ;; esac
done
unset _mgpu_name
