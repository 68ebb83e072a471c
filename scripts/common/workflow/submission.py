"""What Slurm would refuse of a run, asked before anything is submitted, and the setting to edit."""

import subprocess
from pathlib import Path
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError

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


def refusals(workflow: Any) -> list[str]:
    """A line for each thing that Slurm has against the jobs left, sent as they would be.

    Snakemake itself tells what Slurm said of a job, but not of a group of jobs.
    """
    dag = workflow.dag
    waiting = [job for job in dag.needrun_jobs() if not job.is_local]
    units = {dag.get_job_group(job) or job for job in waiting}
    kinds = {(unit.name, tuple(map(str, unit.resources))): unit for unit in units}
    found: dict[str, str] = {}
    for _, unit in sorted(kinds.items()):
        if said := _objection(workflow, unit):
            asked = _request(workflow, unit)
            found.setdefault(said, f"slurm refuses {asked}: {said}; {_remedy(said)}")
    return list(found.values())


def _objection(workflow: Any, unit: Any) -> str:
    """What Slurm, or its plugin, has against a job or group of jobs; empty if nothing."""
    try:
        question = _question(workflow, unit)
    except WorkflowError as error:
        return " ".join(str(error).split())
    answer = subprocess.run(question, shell=True, capture_output=True, text=True, check=False)
    last = answer.stderr.strip().rpartition("\n")[2]
    return last.removeprefix("allocation failure: ") if answer.returncode else ""


def _question(workflow: Any, unit: Any) -> str:
    """The sbatch command of a job or group of jobs, as a question."""
    from snakemake_executor_plugin_slurm.submit_string import get_submit_command
    from snakemake_executor_plugin_slurm.utils import set_gres_string

    executor = workflow.scheduler.get_executor(unit)
    parameters = {
        "run_uuid": "question",
        "slurm_logfile": Path("/dev/null"),
        "comment_str": "question",
        "account": next(executor.get_account_arg(unit)),
        "partition": executor.get_partition_arg(unit),
        "workdir": workflow.workdir_init,
    }
    call = get_submit_command(unit, parameters, settings=workflow.executor_settings)
    call = call.replace("sbatch", "sbatch --test-only", 1)
    return f"{call}{set_gres_string(unit)} --wrap=true"


def _request(workflow: Any, unit: Any) -> str:
    partition = workflow.scheduler.get_executor(unit).get_partition_arg(unit)
    asked = {name: unit.resources.get(name) for name in ("mem_mb", "runtime", "gpu")}
    asked["threads"] = unit.threads
    told = ", ".join(f"{name} {value}" for name, value in asked.items() if value)
    return f"{unit.name} in {partition.removeprefix(' -p ') or 'no partition'} ({told})"


def _remedy(said: str) -> str:
    words = said.lower()
    remedy = next(remedy for word, remedy in SETTINGS.items() if word in words)
    listed = subprocess.run(
        ["sinfo", "--noheader", "--format=%R"], capture_output=True, text=True, check=False
    )
    return remedy.format(partitions=", ".join(listed.stdout.split()) or "none")
