"""What is looked at and set before the first job of a run starts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from common.workflow.configuration import Config, unpinned
from common.workflow.submission import NO_SLURM, refusals

NEEDED = ("cyclopts", "numpy", "polars", "pyarrow")
"""What every script imports."""


USUAL_RATE = 100, 1
"""Jobs, and seconds, of Snakemake's limit where the user sets none."""


def lift_rate_limit(workflow: Any) -> None:
    """Let jobs start at any rate, unless the user limits it.

    While Snakemake 9.27 limits the rate, every job that ends adds a timer, and every timer a round
    of the scheduler each second until the run ends: a fifth of a core after 200 jobs.
    """
    limit = workflow.scheduling_settings.max_jobs_per_timespan
    if limit and (limit.max_jobs, limit.timespan) == USUAL_RATE:
        workflow.scheduler.job_rate_limiter = None


def refuse_to_start(workflow: Any, config: Config, config_files: str) -> None:
    """Exit with code 1 and a line for each reason why the run cannot succeed."""
    if reasons := _reasons(workflow, config, config_files):
        print(*reasons, sep="\n", file=sys.stderr)
        sys.exit(1)


def _reasons(workflow: Any, config: Config, config_files: str) -> list[str]:
    if names := unpinned(config):
        return [
            f"{config_files}: {', '.join(names)}: no commit yet; run once, online: "
            f"python scripts/pin_revisions.py {config_files}"
        ]
    if workflow.executor_plugin.name == "slurm":
        refused = refusals(workflow) if shutil.which("sbatch") else [NO_SLURM]
        if refused:
            return refused
    if missing := _missing_modules(workflow):
        return [missing]
    folder = Path("results") / config["run"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if writable:
        return []
    return [f"{folder} cannot be written; see who may, and whether its disk can"]


def _missing_modules(workflow: Any) -> str | None:
    """What jobs would lack where the environment of the workflow is not active."""
    if workflow.deployment_settings.deployment_method:
        return None
    python = shutil.which("python")
    if python is None:
        return f"no command python; activate the environment first ({Path(sys.executable).parent})"
    names = ", ".join(map(repr, NEEDED))
    ask = f"import importlib.util as u; print(*(n for n in ({names}) if not u.find_spec(n)))"
    asked = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
    if asked.returncode == 0 and not asked.stdout.strip():
        return None
    return (
        f"{python} lacks {asked.stdout.strip() or 'what scripts need'}; activate the environment "
        "that holds it, or let Snakemake make one (--sdm conda)"
    )
