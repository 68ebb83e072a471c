"""Run all benchmarks in their small form, about ten minutes on two cores, and write one page."""

import os
import platform
import shlex
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from cyclopts import run

ROOT = Path(__file__).parents[1]
LIBRARIES = ("torch", "transformers", "captum", "shap", "polars")
SMALL = {
    "attribution": "--tokens 8 --tokens 16 --repeats 1 --evaluations 64"
    " --output-plot {out}/attribution.svg",
    "convergence": "{run}/encoders/adjacent {run}/corpora/held_out.parquet --column text"
    " --sentences 10 --references 2 --captum 2 --output {out}/convergence.parquet",
    "steep_paths": "--encoders {run}/encoders/masked_lm --encoders {run}/encoders/adjacent"
    " --names masked_lm --names adjacent --text 'The boat sails.' --nodes 8 --nodes 16 --nodes 32"
    " --output-plot {out}/convergence.svg",
    "shapley_estimators": "--players 8 --evaluations 32 --evaluations 128 --sentences 2 --runs 5"
    " --output-plot {out}/shapley_estimators.svg",
    "information_estimators": "3000 10000 --output {out}/information_estimators.svg",
    "information": "1 --plain 0.05 --repeats 1",
    "intervals": "{run} --before masked_lm --after adjacent --corpus held_out --counted-on language"
    " --sentences 50 --subsets 5 --trials 4",
    "scaling": "--sentences 25000 --types 1000 --types 3000 --shards 1",
    "pairs": "--shapes MiniLM --tokens 8 --pairs 2",
    "layers": "--shapes small --sentences 4 --repeats 1",
    "memory": "--tokens 64 --passes 1",
    "cumulants": "8 --output-plot {out}/cumulants.svg",
}
"""Options of each; real_information, surprisal and shapiq_estimators need what is not here."""


def measure(name: str, options: str) -> str:
    """The command of a benchmark, what it took, and what it said, as a section of the page."""
    script = Path(__file__).with_name(f"{name}.py").relative_to(ROOT)
    command = ["python", str(script), *shlex.split(options)]
    search = os.pathsep.join(str(ROOT / folder) for folder in ("scripts", "tests"))
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command[1:]],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": search},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    ended = "" if done.returncode == 0 else f", **exit code {done.returncode}**"
    return f"## {name}\n\n`{shlex.join(command)}`: {seconds:.0f} s{ended}\n\n{done.stdout}\n"


def main(
    *names: str,
    finished_run: Path = Path("results/default"),
    output_page: Path = Path("results/benchmarks/benchmarks.md"),
) -> None:
    """Run benchmarks one after the other; ratios of time hold for an idle machine alone.

    Parameters
    ----------
    names
        Benchmarks; all if none is named.
    finished_run
        Results of the default config, whose encoders some benchmarks take.
    output_page
        Commands, seconds and tables (Markdown).
    """
    if not (finished_run / "summary.md").exists():
        raise SystemExit(f"{finished_run}: no finished run; snakemake --cores 2 makes it")
    output_page.parent.mkdir(parents=True, exist_ok=True)
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    today = datetime.now(UTC).date()
    page = f"# Benchmarks\n\n{today}, {os.cpu_count()} cores, {platform.machine()}; {versions}\n\n"
    for name in names or SMALL:
        options = SMALL[name].format(run=finished_run, out=output_page.parent)
        page += measure(name, options)
        output_page.write_text(page)
    if "exit code" in page:
        raise SystemExit(f"{output_page}: a benchmark failed")


if __name__ == "__main__":
    run(main)
