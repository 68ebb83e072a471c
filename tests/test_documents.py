"""README and docs: pages made from the code are up to date, commands exist, the notebook runs."""

import importlib
import json
import re
import runpy
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cyclopts
import pytest
import yaml
from commands import ROOT

WRITTEN = runpy.run_path(str(ROOT / "documents/write_pages.py"))["PAGES"]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
SCHEMA = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text())
TARGETS = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.M))


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command in README and docs with the document that it is in."""
    for path in DOCUMENTS:
        text = re.sub(r"^## (\w+)\n\n```text.*?```", "", path.read_text(), flags=re.M | re.S)
        blocks = "\n".join(re.findall(r"^```(?:bash)?\n(.*?)^```", text, re.M | re.S))
        lines = blocks.replace("\\\n", " ").splitlines() + re.findall(r"`([^`\n]+)`", text)
        for line in lines:
            words = shlex.split(line, comments=True) if line.count("'") % 2 == 0 else []
            words = [word for word in words if not re.match(r"(PYTHONPATH=|time$|\$)", word)]
            if words and words[0] in ("python", "snakemake", "make") and len(words) > 1:
                yield path.name, words


@pytest.mark.parametrize("name", WRITTEN)
def test_pages_made_from_the_code_are_up_to_date(name: str) -> None:
    assert (ROOT / f"docs/{name}.md").read_text() == WRITTEN[name](), "run make pages"


def test_the_errors_hold_what_a_script_says() -> None:
    """An error as a user sees it is found on the page."""
    text = WRITTEN["errors"]()
    assert "- …: no row for …, …; describe their data first" in text
    assert "unknown key …; …allowed: …" in text


def test_scripts_and_options_of_commands_exist() -> None:
    helps = WRITTEN["commands"]()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", helps, re.M | re.S))
    seen = 0
    for where, words in commands():
        if words[0] != "python" or not words[1].endswith(".py"):
            continue
        if "<" in words[1]:
            continue
        assert (ROOT / words[1]).is_file(), (where, words)
        source = (ROOT / words[1]).read_text()
        for option in re.findall(r"--[a-z][\w-]*", " ".join(words[2:])):
            known = sections[Path(words[1]).stem] if "scripts/" in words[1] else source
            spelled = option if "scripts/" in words[1] else option[2:].replace("-", "_")
            assert spelled in known or option in ("--help",), (where, option, words)
        seen += 1
    assert seen > 10


def benchmarks() -> Iterator[tuple[str, list[str]]]:
    """Name and arguments of every command of a benchmark."""
    for _, words in commands():
        if words[0] == "python" and words[1].startswith("benchmarks/") and "<" not in words[1]:
            yield Path(words[1]).stem, [w for w in words[2:] if not w.startswith(("[", "0.2]"))]


def test_commands_of_benchmarks_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a command, and each command all options that it needs."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    mains = {}
    for name, words in benchmarks():
        mains[name] = importlib.import_module(name).main
        app = cyclopts.App(default_command=mains[name])
        called, _, _ = app.parse_args(words, exit_on_error=False, print_error=False)
        assert called is mains[name]
    runnable = {p.stem for p in ROOT.glob("benchmarks/*.py") if "run(main)" in p.read_text()}
    assert set(mains) == runnable - {"shapiq_estimators"}  # shapiq is not installed


@pytest.mark.parametrize("name", ["information_estimators", "shapley_estimators"])
def test_a_benchmark_runs_in_its_smallest_form(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As benchmarks/README.md has it; the others take minutes, or an encoder or run of yours."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/benchmarks").mkdir(parents=True)
    words = next(w for n, w in benchmarks() if n == name and "results/benchmarks" in " ".join(w))
    app = cyclopts.App(default_command=importlib.import_module(name).main)
    app(words, exit_on_error=False, result_action="return_value")
    assert list((tmp_path / "results/benchmarks").glob("*.svg"))


def test_configs_settings_and_targets_of_commands_exist() -> None:
    seen = 0
    for where, words in commands():
        if words[0] == "make":
            assert all(w in TARGETS for w in words[1:] if "=" not in w), (where, words)
        if words[0] == "snakemake":
            for option, value in pairwise(words):
                if option == "--configfile" and not value.startswith("mine"):
                    assert (ROOT / value).is_file(), (where, words)
                    seen += 1
            settings = words[words.index("--config") + 1 :] if "--config" in words else []
            for setting in settings:
                key = setting.partition("=")[0]
                if setting.startswith("-"):
                    break
                assert key in SCHEMA["properties"], (where, words)
    assert seen > 3


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own assertions hold polars, pandas and DuckDB against each other."""
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((ROOT / "docs/reading.ipynb").read_text())
    cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    known: dict[str, object] = {}
    for cell in cells:
        exec(cell, known)
    assert known["by_duckdb"] == [("boat", 1.5), ("the", 0.25)]
    assert len(cells) > 5


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "benchmarks/README.md"])
def test_links_outside_the_site_lead_somewhere(name: str) -> None:
    """`make docs` checks those of the site."""
    for target in re.findall(r"\]\(([^)#]+)", (ROOT / name).read_text()):
        assert target.startswith("https://") or (ROOT / name).parent.joinpath(target).exists()
