# every key that can be changed of a node, short forms, and what is refused. A reason alone is nothing to a node that is well
u() { for k in "$@"; do scontrol update nodename=n3 "$k" 2>&1; echo "$k: $?"; done; }
see() { scontrol show node n3 | grep -E 'CpuBind|Features|NodeAddr|Gres=|Comment|Extra|Weight|Reason' | sed -E "s/=$(hostname -s)/=HOST/; s/Arch=[^ ]*//; s/CPULoad.*//; s/\[root@.*//; s/Version.*//; s/Port=.*//"; sinfo -h -n n3 -p gpu -o '%f|%b|%G|%w|%E'; }
u ActiveFeatures=f1 AvailableFeatures=f1,f2,f3 ActiveFeatures=f1 ActiveFeatures=nosuch features=f1,f3 features=f3; see; u ActiveFeatures=; see; u features=g1 AvailableFeatures= ac=x act=g1 av=x
u Comment+=x co=remark c=x e=more CpuBind=x CpuBind= cpub=core CpuBind=core NodeAddr= NodeAddr=127.0.0.2 nodeh=foo nodehostname=; see
u CpuBind=none NodeAddr=127.0.0.1 nodehostname=$(hostname -s) Gres=gpu:a100:2 Gres=gpu:1 Gres=gpu:4 Gres=gpu:99 Gres=gpu Reason=why Reason+=x Weight=x Weight=-1 Weight=99999999999 w=5 ResumeAfter=60; see
u State=x State= State=alloc State=mixed State=error State=d State=power State=pow State=power_down State=power_up State=resume State=res state=cancel_reb no=n3 n=n2 nodename=n3
u state=future state=idle; say scontrol show node n3; sinfo -h -N -n n3 -o %N; scontrol -F show node n3 | grep -o 'State=[A-Z]*'; u state=resume
say scontrol update nodename=n3 comment=a nosuch=b 2>&1; say scontrol update nodename=n3 nosuch 2>&1; say scontrol update nodename=n3 2>&1; say scontrol update nodename=n3 state=drain 2>&1; say scontrol update nodename=n3 state=fail reason= 2>&1
say scontrol update nodename= comment=x 2>&1; say scontrol update nodename=n3,n9 comment=y 2>&1; say scontrol update nodename=n[2-3] nodeaddr=a 2>&1; say scontrol update nodename='n[2-' comment=z 2>&1
scontrol update nodename=n3 comment= extra= weight=1 features= activefeatures=; waits sh -c 'scontrol update nodename=n3 state=resume 2> /dev/null; sinfo -h -n n3 -p gpu -o %T | grep -qx idle'; see | grep -v Features | sed 's/.*gpu:/gpu:/'
