"""What Slurm would refuse of a run, asked before anything is submitted, and the setting to edit.

The question is `sbatch --test-only`, put together here from the resources that the documentation of
the Slurm plugin names: the plugin has no public way to tell how it would submit a job. Which
partition of slurm/partitions.yaml a job goes to only its executor knows, so that one is asked.
"""

import shlex
import subprocess
from typing import Any

NO_SLURM = (
    "--profile slurm: there is no Slurm on this machine (no sbatch); "
    "run this on a login node of your cluster, or snakemake --cores 8 here"
)
PARTITIONS = "edit slurm/partitions.yaml"
CONFIG = "in slurm/config.yaml"
SETTINGS = {
    "account": f"set slurm_account {CONFIG}",
    "qos": f"set slurm-qos {CONFIG}",
    "partition": f"{PARTITIONS} (this Slurm has {{partitions}})",
    "time limit": f"choose a partition that allows it ({PARTITIONS}), or set its runtime {CONFIG}",
    "controller": "Slurm does not answer; ask its administrators, or try again later",
    "": f"choose a partition that has it ({PARTITIONS}), or ask for less by set-resources {CONFIG}",
}
"""What to do, by the first of these words that is in Slurm's answer."""


OPTIONS = {
    "mem_mb": "mem",
    "runtime": "time",
    "gpu": "gpus",
    "constraint": "constraint",
    "slurm_account": "account",
}
"""Options of sbatch by the resources that rules and slurm/config.yaml name."""


def refusals(workflow: Any) -> list[str]:
    """A line for each thing that Slurm has against the jobs that are left.

    Snakemake itself reports what Slurm said of a job, but not of a group of jobs.
    """
    dag = workflow.dag
    waiting = [job for job in dag.needrun_jobs() if not job.is_local]
    units = {dag.get_job_group(job) or job for job in waiting}
    kinds = {(unit.name, tuple(map(str, unit.resources))): unit for unit in units}
    lines: dict[str, str] = {}
    for _, unit in sorted(kinds.items()):
        partition = _partition(workflow, unit)
        if answer := _objection(unit, partition, workflow.executor_settings.qos):
            request = _request(unit, partition)
            lines.setdefault(answer, f"slurm refuses {request}: {answer}; {_remedy(answer)}")
    return list(lines.values())


def _partition(workflow: Any, unit: Any) -> str:
    """Where a job or group of jobs goes; empty for the default of Slurm."""
    option = workflow.scheduler.get_executor(unit).get_partition_arg(unit)
    return " ".join(shlex.split(option)[1:])


def _objection(unit: Any, partition: str, qos: str | None) -> str:
    """What Slurm has against a job or group of jobs; empty if nothing."""
    options = {"partition": partition, "qos": qos, "cpus-per-task": unit.threads}
    options |= {option: unit.resources.get(name) for name, option in OPTIONS.items()}
    question = ["sbatch", "--test-only", "--output=/dev/null", "--wrap=true"]
    question += [f"--{option}={value}" for option, value in options.items() if value]
    answer = subprocess.run(question, capture_output=True, text=True, check=False)
    last = answer.stderr.strip().rpartition("\n")[2]
    return last.removeprefix("allocation failure: ") if answer.returncode else ""


def _request(unit: Any, partition: str) -> str:
    amounts = {name: unit.resources.get(name) for name in ("mem_mb", "runtime", "gpu")}
    amounts["threads"] = unit.threads
    listed = ", ".join(f"{name} {value}" for name, value in amounts.items() if value)
    return f"{unit.name} in {partition or 'no partition'} ({listed})"


def _remedy(answer: str) -> str:
    remedy = next(remedy for word, remedy in SETTINGS.items() if word in answer.lower())
    listed = subprocess.run(
        ["sinfo", "--noheader", "--format=%R"], capture_output=True, text=True, check=False
    )
    return remedy.format(partitions=", ".join(listed.stdout.split()) or "none")
