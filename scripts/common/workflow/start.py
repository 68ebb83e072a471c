"""What is looked at before the first job of a run starts."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from common.workflow.configuration import Config, unpinned
from common.workflow.submission import NO_SLURM, refusals


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
    folder = Path("results") / config["run"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if writable:
        return []
    return [f"{folder} cannot be written; see who may, and whether its disk can"]
