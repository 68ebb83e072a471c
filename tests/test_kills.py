"""The workflow is killed, with all its jobs, at random moments, and goes on to the same tables."""

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
from workflow import Workflow

from common.command import PROVENANCE_FILE
from common.contract import TRAINING
from common.tables import read_metadata, read_table

pytestmark = pytest.mark.slow

KILLS = 3
AT_ONCE = 0.25
"""Share of the moments that do not wait for a job to end first."""
LONGEST = 2.0
"""Seconds from there to the kill at most."""


def kill_all(process: subprocess.Popen[str]) -> None:
    """Kill a workflow and all its jobs, none of which can tidy up."""
    jobs = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    for job in jobs:
        with suppress(psutil.NoSuchProcess):
            job.kill()
    psutil.wait_procs(jobs)
    assert process.wait() == -signal.SIGKILL


def visible(results: Path, pattern: str) -> list[Path]:
    """Files or directories of a finished name; checkpoints are the trainer's own."""
    return [
        path
        for path in sorted(results.rglob(pattern))
        if not any(p.startswith((".", "checkpoints")) for p in path.relative_to(results).parts)
    ]


def assert_whole(results: Path) -> None:
    """Whatever a reader finds is finished."""
    for path in visible(results, "*.parquet"):
        pq.read_table(path)
    for kind in ("encoders", "masked_lms", "tokenizers"):
        for path in visible(results, f"{kind}/*"):
            assert json.loads((path / PROVENANCE_FILE).read_text())["config_hash"]
    for path in visible(results, "*.svg"):
        assert path.read_text().rstrip().endswith("</svg>")


def jobs_ended(results: Path) -> int:
    return len(list(results.glob("benchmarks/**/*.tsv")))


def run_until_killed(workflow: Workflow, generator: np.random.Generator) -> bool:
    """Go on, and kill at a random moment; False if all was done before it came."""
    at_once, moment = generator.random() < AT_ONCE, generator.uniform(0, LONGEST)
    cores = str(generator.integers(1, 4))
    results = workflow.results(".")
    before = jobs_ended(results)
    process = workflow.start("--cores", cores, "--rerun-incomplete")
    while not at_once and jobs_ended(results) == before and process.poll() is None:
        time.sleep(0.02)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        kill_all(process)
        assert_whole(results)
        return True
    assert process.returncode == 0, (workflow.directory / "stderr.txt").read_text()[-6000:]
    return False


def test_killed_runs_end_in_the_tables_of_an_undisturbed_one(
    done: Workflow, tmp_path_factory: pytest.TempPathFactory
) -> None:
    generator = np.random.default_rng(8)
    kills = 0
    while kills < KILLS:
        workflow = Workflow(tmp_path_factory.mktemp("killed"))
        while run_until_killed(workflow, generator):
            kills += 1
            locks = list((workflow.directory / ".snakemake/locks").glob("*"))
            if kills % 10 == 1:
                unlocked = workflow.snakemake("--unlock")
                assert unlocked.returncode == 0, unlocked.stderr
                assert not any(lock.exists() for lock in locks)
            for lock in locks:  # as the command does, which takes seconds
                lock.unlink(missing_ok=True)
            if kills == KILLS:
                finished = workflow.snakemake("--cores", "2", "--rerun-incomplete")
                assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-4000:]
                break
        assert_same_results(done.results("."), workflow.results("."))


def assert_same_results(expected: Path, found: Path) -> None:
    """Tables, encoders and figures byte for byte, but for the wall time of trainings."""
    assert not list(found.rglob(".partial-*"))
    compared = 0
    for pattern in ("*.parquet", "*.safetensors", "*.svg", "*.pdf"):
        names = [path.relative_to(expected) for path in visible(expected, pattern)]
        assert names == [path.relative_to(found) for path in visible(found, pattern)]
        for name in names:
            one, two = expected / name, found / name
            if name.parts[0] == "training":
                ours, theirs = (read_table(path, TRAINING).drop("seconds") for path in (one, two))
                assert ours.equals(theirs), name
                assert read_metadata(one) == read_metadata(two)
            else:
                assert one.read_bytes() == two.read_bytes(), name
            compared += 1
    assert compared > 40
