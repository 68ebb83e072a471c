#!/usr/bin/env bash
# Start a private Slurm on this machine: node c1 in the partition cpu, node g1 with two pretend GPUs in gpu.
# Needs root, and Debian's slurmctld, slurmd, slurm-client, munge and slurm-wlm-basic-plugins.
# Everything lies in one directory; tests/slurm/stop.sh ends it all.
set -euo pipefail
DIR=${SLURM_TEST_DIR:-/tmp/slurm-test}
CONTROLLER_PORT=${SLURM_TEST_PORT:-16817}
HOST=$(hostname -s)
# compiled-in, as the executor plugin takes SLURM_CONF out of the environment of jobs
ETC=/etc/slurm
CONFIGS=(slurm.conf gres.conf job_submit.lua)

if [ -s "$DIR/slurmctld.pid" ] && kill -0 "$(cat "$DIR/slurmctld.pid")" 2>/dev/null; then
    echo "already started in $DIR"
    exit 0
fi
for name in "${CONFIGS[@]}"; do
    if [ -e "$ETC/$name" ] && [ "$(readlink "$ETC/$name")" != "$DIR/$name" ]; then
        echo "$ETC/$name belongs to another Slurm" >&2
        exit 1
    fi
done

rm -rf "$DIR"
mkdir -m 755 "$DIR"
mkdir -m 711 "$DIR/munge"
mkdir "$DIR/state" "$DIR/spool.c1" "$DIR/spool.g1"
(umask 077 && head -c 1024 /dev/urandom >"$DIR/munge/key")

cat >"$DIR/slurm.conf" <<END
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$CONTROLLER_PORT
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$DIR/munge/socket
CredType=cred/munge
StateSaveLocation=$DIR/state
SlurmdSpoolDir=$DIR/spool.%n
SlurmctldPidFile=$DIR/slurmctld.pid
SlurmdPidFile=$DIR/slurmd.%n.pid
SlurmctldLogFile=$DIR/slurmctld.log
SlurmdLogFile=$DIR/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
# memory is watched here, not fenced by cgroups: a job over its request is killed within 2 s
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobSubmitPlugins=lua
Prolog=$DIR/prolog.sh
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
ReturnToService=2
# finished jobs stay in squeue for so many seconds
MinJobAge=3600
KillWait=2
# on a busy machine a daemon may answer late: no error, and no reason to give the node up
MessageTimeout=60
SlurmdTimeout=0
EnforcePartLimits=ALL
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=c1 NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((CONTROLLER_PORT + 1)) CPUs=16 RealMemory=64000 State=UNKNOWN
NodeName=g1 NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((CONTROLLER_PORT + 2)) CPUs=16 RealMemory=64000 Gres=gpu:2 State=UNKNOWN
PartitionName=cpu Nodes=c1 Default=YES MaxTime=2-00:00:00 State=UP
PartitionName=gpu Nodes=g1 MaxTime=2-00:00:00 State=UP
PartitionName=short Nodes=c1 MaxTime=5 State=UP
PartitionName=charged Nodes=c1 MaxTime=2-00:00:00 State=UP
END
# a pretend GPU is any character device
cat >"$DIR/gres.conf" <<END
AutoDetect=off
NodeName=g1 Name=gpu File=/dev/null
NodeName=g1 Name=gpu File=/dev/zero
END
# the partition "charged" wants the account "project"; without an accounting database Slurm itself cannot ask for one
cat >"$DIR/job_submit.lua" <<END
function slurm_job_submit(job, partitions, user)
    if job.partition == "charged" and job.account ~= "project" then
        return slurm.ESLURM_INVALID_ACCOUNT
    end
    return slurm.SUCCESS
end
function slurm_job_modify(job, record, partitions, user)
    return slurm.SUCCESS
end
END
# what the node was given for each job: its number, the node, the GPUs
cat >"$DIR/prolog.sh" <<END
#!/bin/sh
echo "\$SLURM_JOB_ID \$SLURMD_NODENAME \$SLURM_JOB_GPUS" >>$DIR/allotted.txt
END
chmod +x "$DIR/prolog.sh"

mkdir -p "$ETC"
for name in "${CONFIGS[@]}"; do ln -sfn "$DIR/$name" "$ETC/$name"; done
unset SLURM_CONF
munged --key-file="$DIR/munge/key" --socket="$DIR/munge/socket" --pid-file="$DIR/munge/pid" \
    --log-file="$DIR/munge/log" --seed-file="$DIR/munge/seed"
slurmctld -c
slurmd -c -N c1
slurmd -c -N g1
for _ in $(seq 100); do
    if [ "$(sinfo --noheader --Node --format=%T 2>/dev/null | sort -u)" = idle ]; then
        sinfo --Node --format='%N %P %c %m %G %T'
        exit 0
    fi
    sleep 0.2
done
echo "its nodes did not come up within 20 s; see $DIR/*.log" >&2
exit 1
