"""Benchmarks can be imported, and take the options that `make benchmark` gives them."""

import importlib
import re
import shlex
import sys
from pathlib import Path

import cyclopts
import pytest
from commands import ROOT

BENCHMARKS = ROOT / "benchmarks"
ELSEWHERE = {"shapiq_estimators": "shapiq"}
"""Benchmarks of libraries that are not installed with the project."""


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])


def accepts(name: str, options: str) -> bool:
    """Whether the command line of a benchmark parses."""
    main = importlib.import_module(name).main
    app = cyclopts.App(default_command=main)
    command, bound, _ = app.parse_args(shlex.split(options), exit_on_error=False)
    return command is main and bool(bound.arguments)


def small() -> dict[str, str]:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("run_benchmarks").SMALL
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize("name", small())
def test_small_forms_parse(name: str, tmp_path: Path) -> None:
    assert accepts(name, small()[name].format(run=tmp_path, out=tmp_path))


def test_every_benchmark_is_on_the_page_and_in_the_small_forms() -> None:
    commands = {
        path.stem for path in BENCHMARKS.glob("*.py") if "\ndef main(" in path.read_text()
    } - {"run_benchmarks"}
    page = set(re.findall(r"^\| `(\w+)\.py`", (BENCHMARKS / "README.md").read_text(), re.M))
    assert page == commands
    assert commands - set(small()) == {"real_information", "surprisal", *ELSEWHERE}
