"""The workflow runs from any folder, from a path with blanks, and as a module of another."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml
from commands import ROOT
from workflow import TINY

pytestmark = pytest.mark.slow

CORPUS = "results/tiny/corpora/mine.parquet"
TEXT = "The boat left the harbour.\nThe cake was in the oven.\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in a folder with blanks."""
    home = tmp_path_factory.mktemp("a check out") / "word weighting"
    home.mkdir()
    for name in ("Snakefile", "config.yaml"):
        shutil.copy2(ROOT / name, home)
    for name in ("rules", "scripts", "envs"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    return home


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder of the user, with blanks, that holds a text."""
    place = tmp_path / "my work"
    (place / "data").mkdir(parents=True)
    (place / "data" / "my text.txt").write_text(TEXT)
    return place


def config() -> dict:
    """The tiny config with a corpus of a file that is named relative to the working directory."""
    mine = {"source": "file", "files": ["data/my text.txt"]}
    return TINY | {"corpora": TINY["corpora"] | {"mine": mine}}


def snakemake(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *map(str, arguments)]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def texts(place: Path) -> list[str]:
    return pl.read_parquet(place / CORPUS)["text"].to_list()


def test_a_directory_elsewhere(home: Path, place: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config()))
    where = ("-s", home / "Snakefile", "--directory", place)
    run = snakemake(tmp_path, *where, "--configfile", "mine.yaml", "--", CORPUS)
    assert run.returncode == 0, run.stderr
    assert texts(place) == TEXT.splitlines()
    assert not (home / "results").exists()


def test_from_another_folder_its_own_config_is_taken(home: Path, place: Path) -> None:
    (place / "config.yaml").write_text(yaml.safe_dump(config()))
    run = snakemake(place, "-s", home / "Snakefile", CORPUS)
    assert run.returncode == 0, run.stderr
    assert texts(place) == TEXT.splitlines()
    again = snakemake(place, "-s", home / "Snakefile", CORPUS)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_from_a_folder_without_config_one_line_says_which_is_taken(home: Path, place: Path) -> None:
    run = snakemake(place, "-s", home / "Snakefile", "--dry-run", "--quiet")
    assert run.returncode == 0, run.stderr
    said = run.stdout + run.stderr
    line = f"no config.yaml here and no --configfile: taking {home / 'config.yaml'}"
    assert said.splitlines().count(line) == 1


def test_as_a_module_of_another_workflow(home: Path, place: Path) -> None:
    (place / "outer.yaml").write_text(yaml.safe_dump({"of_words": config()}))
    (place / "Snakefile").write_text(
        'configfile: "outer.yaml"\n'
        "module word_weighting:\n"
        f"    snakefile: {str(home / 'Snakefile')!r}\n"
        '    config: config["of_words"]\n'
        "use rule * from word_weighting as ww_*\n"
    )
    run = snakemake(place, CORPUS)
    assert run.returncode == 0, run.stderr
    assert "no config.yaml here" not in run.stderr
    assert texts(place) == TEXT.splitlines()
    whole = snakemake(place, "--dry-run", "--quiet", "rules", "--", "ww_all")
    assert whole.returncode == 0, whole.stderr
    assert "ww_gather_weights" in whole.stdout
