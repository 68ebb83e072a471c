"""The image runs as a user whom it has no name for, as under `docker run --user 1234`."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ROOT

UNKNOWN = ["unshare", "--map-user=61234", "--map-group=61234", "env", "-i"]
"""A user namespace in which this user has a number alone; no variable of the session is left."""
ENVIRONMENT = re.search(r"^ENV (.+)$", (ROOT / "Dockerfile").read_text(), re.M)


def plan(folder: Path, *variables: str) -> subprocess.CompletedProcess[str]:
    """A dry run of the smallest workflow, as an unknown user."""
    (folder / "Snakefile").write_text("rule all:\n")
    snakemake = [sys.executable, "-m", "snakemake", "--dry-run"]
    path = f"PATH={Path(sys.executable).parent}:/usr/bin:/bin"
    command = [*UNKNOWN, path, *variables, *snakemake]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run([*UNKNOWN, "true"], check=False).returncode != 0,
    reason="no user namespaces here",
)
def test_an_unknown_user_runs_snakemake_with_the_variables_of_the_image(tmp_path: Path) -> None:
    assert ENVIRONMENT
    variables = ENVIRONMENT[1].replace("/tmp", str(tmp_path)).split()
    nameless = plan(tmp_path, *(one for one in variables if not one.startswith("USER=")))
    assert "getpwuid(): uid not found: 61234" in nameless.stdout + nameless.stderr
    named = plan(tmp_path, *variables)
    assert named.returncode == 0, named.stdout + named.stderr
