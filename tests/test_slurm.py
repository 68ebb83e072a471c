"""`--profile slurm`: a whole run with mishaps on a test cluster, refusals, and no Slurm at all.

The cluster is that of tests/slurm/start.sh; without it all but the last test are skipped.
"""

import copy
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from workflow import TINY, Workflow

pytestmark = pytest.mark.slow

CLUSTER = Path(os.environ.get("SLURM_TEST_DIR", "/tmp/slurm-test"))
needs_cluster = pytest.mark.skipif(
    not (CLUSTER / "slurmctld.pid").exists() and "SLURM_TEST_DIR" not in os.environ,
    reason="no test cluster runs; tests/slurm/start.sh starts one",
)
TARGETS = [f"results/tiny/tables/{table}.parquet" for table in ("regression", "change")]
ON_GPU = {"pretrain_encoder", "finetune_encoder"}
ON_GPU |= {"score_surprisal", "integrate_gradients", "estimate_shapley"}
ON_CPU = {"corpora", "count_tokens", "information", "tables"}
FAST = ["--slurm-init-seconds-before-status-checks", "4", "--seconds-between-status-checks", "4"]
PATIENCE = 1800

HOLD = """
from pathlib import Path as Held
import os as held_os, time as held_time
held = Held("held/{script}")
if not held.exists():
    held.parent.mkdir(exist_ok=True)
    held.with_suffix(".new").write_text(str(held_os.getpid()))
    held.with_suffix(".new").rename(held)
    held_time.sleep(600)
"""
HOG = """
import numpy as hog_numpy, time as hog_time
hog = hog_numpy.ones(2500 * 2**17)
hog_time.sleep(6)
"""


def small() -> dict:
    config = copy.deepcopy(TINY)
    config["device"] = "auto"
    config["weights"] |= {"shards": 1, "memory": 2}
    config["information"]["shards"] = 1
    del config["encoders"]["random"]
    return config


def insert(workflow: Workflow, script: str, code: str) -> None:
    """Have a script run `code` before its own main."""
    path = workflow.directory / f"scripts/{script}.py"
    text = path.read_text()
    assert text.count("def main(") == 1
    path.write_text(text.replace("def main(", f"{code.format(script=script)}\n\ndef main("))


def wait_for(path: Path, process: subprocess.Popen) -> str:
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < end, f"no {path.name} within {PATIENCE} s"
        assert process.poll() is None, "the run ended early"
        time.sleep(0.2)
    return path.read_text()


def jobs_of(workflow: Workflow) -> list[dict[str, str]]:
    """What Slurm knows of the jobs submitted from a workflow's directory, oldest first."""
    told = subprocess.run(
        ["scontrol", "show", "job", "--oneliner"], capture_output=True, text=True, check=True
    ).stdout
    jobs = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in told.splitlines()]
    return [job for job in jobs if job.get("WorkDir") == str(workflow.directory)]


def rule_of(job: dict[str, str]) -> str:
    """The rule, or the group, of a job."""
    name = job["Comment"].removeprefix("rule_").partition("_wildcards_")[0]
    return next((group for group in ON_CPU if name.startswith(f"{group}_")), name)


def megabytes(told: str) -> int:
    """Memory as Slurm tells it: 1500M, 2G."""
    return int(told[:-1]) * {"M": 1, "G": 1024}[told[-1]]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    workflow = Workflow(tmp_path_factory.mktemp("local"), small())
    run = workflow.snakemake("--cores", "2", *TARGETS)
    assert run.returncode == 0, run.stdout + run.stderr
    return workflow


@pytest.fixture(scope="module")
def submitted(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A run on the cluster: one job is cancelled, one killed, one takes more memory than it may."""
    workflow = Workflow(tmp_path_factory.mktemp("slurm"), small())
    insert(workflow, "count_tokens", HOLD)
    insert(workflow, "finetune_encoder", HOLD)
    insert(workflow, "score_surprisal", HOG)
    workflow.environment["WHOLE_JOB"] = "score_surprisal"  # Slurm sees the memory of no forked job
    held = workflow.directory / "held"
    process = workflow.start("--profile", "slurm", *FAST, *TARGETS)
    try:
        wait_for(held / "count_tokens", process)
        (counting,) = (job for job in jobs_of(workflow) if rule_of(job) == "count_tokens")
        subprocess.run(["scancel", counting["JobId"]], check=True)
        os.kill(int(wait_for(held / "finetune_encoder", process)), signal.SIGKILL)
        process.wait(timeout=PATIENCE)
    finally:
        process.terminate()
        process.wait()
    assert process.returncode == 0, (workflow.directory / "stderr.txt").read_text()[-8000:]
    return workflow


def tables(workflow: Workflow) -> dict[str, bytes]:
    """The bytes of all tables but those of training, which hold seconds."""
    root = workflow.results(".")
    paths = {str(path.relative_to(root)): path for path in root.rglob("*.parquet")}
    return {n: p.read_bytes() for n, p in paths.items() if not n.startswith("training/")}


@needs_cluster
def test_tables_are_those_of_a_local_run_to_the_byte(local: Workflow, submitted: Workflow) -> None:
    expected = tables(local)
    assert len(expected) > len(TARGETS)
    found = tables(submitted)
    assert set(found) == set(expected)
    assert {name for name in expected if found[name] != expected[name]} == set()


@needs_cluster
def test_gpus_are_allotted_to_the_rules_that_want_one(submitted: Workflow) -> None:
    allotted = {
        number: (node, gpus)
        for number, node, gpus in re.findall(
            r"^(\d+) (\w+) (\S*)$", (CLUSTER / "allotted.txt").read_text(), re.M
        )
    }
    jobs = jobs_of(submitted)
    assert {rule_of(job) for job in jobs} == ON_GPU | ON_CPU
    for job in jobs:
        node, gpus = allotted[job["JobId"]]
        if rule_of(job) in ON_GPU:
            assert (job["Partition"], node) == ("gpu", "g1")
            assert gpus in ("0", "1")
        else:
            assert (job["Partition"], node, gpus) == ("cpu", "c1", "")


@needs_cluster
@pytest.mark.parametrize(
    ("rule", "first"),
    [("count_tokens", "CANCELLED"), ("finetune_encoder", "FAILED"), ("score_surprisal", None)],
)
def test_a_job_that_failed_is_submitted_again_with_more(
    submitted: Workflow, rule: str, first: str | None
) -> None:
    failed, again = (job for job in jobs_of(submitted) if rule_of(job) == rule)
    assert failed["JobState"] == first or (first is None and failed["JobState"] != "COMPLETED")
    assert again["JobState"] == "COMPLETED"
    first_asked, then = (megabytes(job["MinMemoryNode"]) for job in (failed, again))
    assert then == 2 * first_asked
    assert again["TimeLimit"] != failed["TimeLimit"]


def refused(directory: Path, partitions: dict[str, dict], *arguments: str) -> str:
    """The last line of a run that ends before its first job, if these partitions are named."""
    workflow = Workflow(directory, small())
    names = yaml.safe_dump({"partitions": partitions})
    (directory / "slurm/partitions.yaml").write_text(names)
    run = workflow.snakemake("--profile", "slurm", *FAST, *arguments)
    assert run.returncode == 1
    assert jobs_of(workflow) == []
    assert "Traceback" not in run.stdout + run.stderr
    return run.stderr.strip().splitlines()[-1]


@needs_cluster
@pytest.mark.parametrize(
    ("target", "partitions", "expected"),
    [
        (
            "corpora/held_out.parquet",
            {"elsewhere": {}},
            r"corpora_generate_corpus in elsewhere \(mem_mb 4000, runtime 30, threads 1\): "
            r"Invalid partition name specified; edit slurm/partitions.yaml "
            r"\(this Slurm has cpu, gpu, short, charged\)",
        ),
        (
            "encoders/masked_lm",
            {"cpu": {}, "a100": {"max_gpu": 4}},
            r"pretrain_encoder in a100 .*gpu 1.*: Invalid partition name .*slurm/partitions.yaml",
        ),
        (
            "encoders/masked_lm",
            {"cpu": {"max_gpu": 4}},
            r"pretrain_encoder in cpu .*gpu 1.*: Requested node configuration is not available; "
            r".*slurm/partitions.yaml",
        ),
        (
            "corpora/held_out.parquet",
            {"charged": {}},
            r".* in charged .*: Invalid account .*; set slurm_account in slurm/config.yaml",
        ),
        (
            "corpora/held_out.parquet",
            {"short": {}},
            r".* in short .*runtime 30.*: Requested time limit is invalid .*; choose a partition",
        ),
    ],
    ids=["wrong name", "no GPU partition", "no GPU there", "account required", "time limit"],
)
def test_a_refusal_is_one_line_with_the_setting(
    tmp_path: Path, target: str, partitions: dict, expected: str
) -> None:
    line = refused(tmp_path, partitions, f"results/tiny/{target}")
    assert re.match(f"slurm refuses {expected}", line), line


@needs_cluster
def test_an_account_that_is_not_known_is_one_line(tmp_path: Path) -> None:
    account = ("--default-resources", "slurm_account=nobody", "--")
    line = refused(tmp_path, {"charged": {}}, *account, "results/tiny/corpora/held_out.parquet")
    assert re.search(r"Invalid account .*; set slurm_account in slurm/config.yaml", line), line


def test_no_slurm_is_one_line(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "sh", "which", "env"):
        (tools / name).symlink_to(str(shutil.which(name)))
    (tmp_path / "run").mkdir()
    workflow = Workflow(tmp_path / "run", small())
    workflow.path = f"{Path(sys.executable).parent}:{tools}"
    run = workflow.snakemake("--profile", "slurm")
    assert run.returncode == 1
    assert "Traceback" not in run.stdout + run.stderr
    assert run.stderr.strip().splitlines()[-1] == (
        "--profile slurm: there is no Slurm on this machine (no sbatch); "
        "run this on a login node of your cluster, or snakemake --cores 8 here"
    )
    assert not workflow.results(".").exists()
