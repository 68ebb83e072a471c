#!/usr/bin/env bash
# Stop the Slurm that tests/slurm/start.sh started, by its process ids, and remove its directory.
set -euo pipefail
DIR=${SLURM_TEST_DIR:-/tmp/slurm-test}
ETC=/etc/slurm
unset SLURM_CONF
if [ -s "$DIR/slurmctld.pid" ] && timeout 10 scancel --user="$(id -un)"; then sleep 1; fi
for file in "$DIR"/slurmd.*.pid "$DIR/slurmctld.pid" "$DIR/munge/pid"; do
    [ -s "$file" ] || continue
    pid=$(cat "$file")
    kill -TERM "$pid" 2>/dev/null || continue
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || continue 2
        sleep 0.1
    done
    kill -KILL "$pid"
done
for name in slurm.conf gres.conf job_submit.lua; do
    if [ "$(readlink "$ETC/$name")" = "$DIR/$name" ]; then rm "$ETC/$name"; fi
done
rm -rf "$DIR"
