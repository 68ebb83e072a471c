"""A copy of the workflow in a directory of its own, with a tiny config, and Snakemake run in it."""

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from commands import ROOT
from forked_jobs import folder_of_python

TINY_TRAINING = {"epochs": 1, "batch_size": 32, "learning_rate": 0.001}
TINY: dict[str, Any] = {
    "run": "tiny",
    "seed": 1,
    "device": "cpu",
    "corpora": {
        "language": {"source": "generated", "form": "documents", "size": 60},
        "held_out": {"source": "generated", "form": "documents", "size": 5, "sentences": [2, 3]},
        "topical_pairs": {"source": "generated", "form": "scored_pairs", "size": 30},
    },
    "encoders": {
        "masked_lm": {
            "source": "pretrained",
            "corpus": "language",
            "tokenizer": {"model": "word", "vocabulary": 4000},
            "architecture": {"layers": 1, "width": 16, "heads": 2, "positions": 48},
            "training": TINY_TRAINING,
        },
        "adjacent": {
            "source": "finetuned",
            "base": "masked_lm",
            "corpus": "language",
            "positives": "adjacent",
            "head": "training",
            "development": "topical_pairs",
            "training": TINY_TRAINING | {"mini_batch_size": 16, "max_tokens": 32},
        },
        "random": {"source": "random", "base": "masked_lm"},
    },
    "comparisons": {
        "adjacent": {
            "encoders": ["masked_lm", "adjacent"],
            "weighed": ["held_out"],
            "counted_on": "language",
            "surprisal_by": "masked_lm",
        }
    },
    "weights": {
        "shards": 2,
        "integrated_gradients": {"tolerance": 0.01},
        "shapley": {"exact_up_to": 5, "evaluations": 24},
    },
    "information": {"shards": 2},
    "evaluation": {"corpus": "topical_pairs"},
    "analysis": {
        "quantities": [
            "self_information",
            "information_gain",
            "information_gain_corrected",
            "information_gain_bayes",
            "information_gain_exact",
            "surprisal",
        ],
        "minimum_count": 2,
        "bootstrap_draws": 100,
        "permutations": 99,
    },
    "pairs": {"corpora": ["topical_pairs"], "pairs": 6, "comparisons": ["adjacent"]},
    "theory": {
        "corpus": "language",
        "counted_on": "language",
        "tokenizer": "masked_lm",
        "vectors": ["untied"],
        "dimensions": [2],
    },
}


class Workflow:
    """A copy of the workflow's files, so that tests may edit them.

    Its jobs are forked with their libraries imported, unless they are to be `whole` processes.
    """

    def __init__(
        self, directory: Path, config: dict[str, Any] | None = None, *, whole: bool = False
    ) -> None:
        self.directory = directory
        for name in ("Snakefile", "config.yaml"):
            shutil.copy2(ROOT / name, directory)
        for name in ("rules", "scripts", "envs", "experiments", "slurm"):
            shutil.copytree(
                ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        self.config = copy.deepcopy(config or TINY)
        self.environment = dict(os.environ)
        self.path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        if not whole:
            self.path = f"{folder_of_python()}:{self.path}"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Snakemake, in a process group of its own, with the config as it is now.

        What it says goes to stdout.txt and stderr.txt, which take any length.
        """
        (self.directory / "tiny.yaml").write_text(yaml.safe_dump(self.config))
        with (
            (self.directory / "stdout.txt").open("w") as stdout,
            (self.directory / "stderr.txt").open("w") as stderr,
        ):
            return subprocess.Popen(
                [sys.executable, "-m", "snakemake", "--configfile", "tiny.yaml", *arguments],
                cwd=self.directory,
                env=self.environment | {"PATH": self.path},
                stdout=stdout,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake to its end."""
        process = self.start(*arguments)
        process.wait()
        told = [(self.directory / f"std{name}.txt").read_text() for name in ("out", "err")]
        return subprocess.CompletedProcess(process.args, process.returncode, *told)

    def planned(self) -> set[str]:
        """Rules that a run would execute now."""
        done = self.snakemake("--dry-run", "--cores", "1")
        assert done.returncode == 0, done.stderr + done.stdout
        told = (done.stdout + done.stderr).splitlines()
        return {line.split()[1].rstrip(":") for line in told if line.startswith("rule ")} - {"all"}

    def results(self, path: str) -> Path:
        """A file of the run."""
        return self.directory / "results" / self.config["run"] / path
