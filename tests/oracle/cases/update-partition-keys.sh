# keys of partitions that partition-life.sh does not change, and values that are refused. Left out is where Slurm harms itself: a
# refused list of nodes leaves the partition without any, a count that is no number becomes the largest one
u() { for k in "$@"; do scontrol update partitionname=debug "$k" 2>&1 | grep -v '^$'; echo "$k: ${PIPESTATUS[0]}"; done; }
see() { scontrol show partition debug; sinfo -h -p debug -o '%P %a %l %L %D %N %g %h %p %r %B %M %S %I'; }
u Alternate=gpu CpuBind=core CpuBind=x CpuBind= JobDefaults=x JobDefaults=DefCpuPerGPU=x JobDefaults=DefCpuPerGPU=2,DefMemPerGPU=100 TRESBillingWeights=x TRESBillingWeights=CPU=x TRESBillingWeights=CPU=1.0,Mem=0.25G MaxCPUsPerNode=0 DenyAccounts=a,b DenyQOS=q AllocNodes=n1 GraceTime=30 LLN=yes OverTimeLimit=5; see
u CpuBind=none JobDefaults= TRESBillingWeights= MaxCPUsPerNode=UNLIMITED DenyAccounts= AllowQOS=ALL AllocNodes=ALL Alternate= GraceTime=x OverTimeLimit=0 lln=n DefaultTime=99 DefaultTime=UNLIMITED DefaultTime=5 DefMemPerCPU=50 DefMemPerNode=500 MaxMemPerCPU=UNLIMITED MaxMemPerCPU=300 MaxMemPerNode=3000 MaxMemPerNode=0 OverSubscribe=yes; see
u Priority=5 PriorityTier=70000 PriorityJobFactor=x PreemptMode=gang PreemptMode=within,cancel PreemptMode=cancel Shared=force State=inactive Nodes=n[0-1]; see
u MaxCPUsPerSocket=2 ExclusiveTopo=yes Topology=x Flags=x SelectTypeParameters=CR_Core a=x alloc=ALL allocn=ALL d=x d=no de=x defa=no cpub=none r=no ro=no roo=no re=no req=no p=1 pr=1 pri=1 q= qo= o=no over=no t= tres= jobd= s=up st=up maxm=6 maxc=3 defm=5 Nodes+=n2 Nodes=ALL Nodes=n0
see; sinfo -h -p debug -o %a
for w in CPU=2 Mem=0.5G,node=3 GRES/gpu=3 CPU=0.3; do u TRESBillingWeights=$w; submit -H -p debug -n3 --mem=1500 -o /dev/null --wrap true; field $J TRES; scancel $J; done
scontrol reconfigure; waits sh -c 'sinfo -h -p debug -o "%D %l %L" | grep -qx "1 1:00:00 n/a"'
