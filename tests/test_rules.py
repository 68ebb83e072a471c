"""Rule = script = log = benchmark = one name, and a script's modules are inputs of its rule."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from commands import ROOT, run_script

PLUMBING = {"command", "contract", "device", "hub", "memory", "progress", "tables", "vocabulary"}
"""Modules that carry no step of the science: their change reruns nothing."""
DIRECTIVES = ["input", "output", "log", "benchmark", "wildcard_constraints", "params", "threads"]
DIRECTIVES += ["resources", "conda", "shell"]

RULES = {
    match[1]: match[2]
    for path in sorted((ROOT / "rules").glob("*.smk"))
    for match in re.finditer(r"^rule (\w+):\n(.*?)(?=^\S|\Z)", path.read_text(), re.M | re.S)
}
BY_HAND = {"pin_revisions"}
"""Scripts that change a config, before any run of it."""
SCRIPTS = {path.stem for path in (ROOT / "scripts").glob("*.py")}


def imported(path: Path) -> set[str]:
    """Names of all modules of scripts/common that a file imports, directly or not."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "common":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("common."):
            found.add((node.module or "").removeprefix("common."))
    inner = [imported(ROOT / "scripts/common" / f"{name}.py") for name in found]
    return found.union(*inner)


def test_every_script_has_its_rule() -> None:
    assert set(RULES) == SCRIPTS - BY_HAND


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_written_as_all_others(rule: str) -> None:
    body = RULES[rule]
    assert f'script="scripts/{rule}.py"' in body
    assert f'results("logs/{rule}/' in body
    assert f'results("benchmarks/{rule}/' in body
    found = re.findall(r"^    (\w+):", body, re.M)
    assert found == [name for name in DIRECTIVES if name in found]
    assert {"log", "benchmark", "threads", "resources", "conda", "shell"} <= set(found)
    assert {"mem_mb", "runtime"} <= set(re.findall(r"^        (\w+)=", body, re.M))
    assert "2>&1 | tee {log:q}" in body


@pytest.mark.parametrize("rule", RULES)
def test_modules_of_a_rule_are_those_its_script_imports(rule: str) -> None:
    listed = re.search(
        r"^        modules=modules\((.*?)\),\n    (?:    )?\w", RULES[rule], re.M | re.S
    )
    names = set(re.findall(r'"(\w+)"', listed[1])) if listed else set()
    assert names == imported(ROOT / f"scripts/{rule}.py") - PLUMBING


@pytest.mark.parametrize("rule", RULES)
def test_environments_exist(rule: str) -> None:
    name = re.search(r'"\.\./(envs/\w+\.yaml)"', RULES[rule])
    assert name
    assert (ROOT / name[1]).exists()


@pytest.mark.parametrize("rule", RULES)
def test_environments_hold_what_scripts_import(rule: str) -> None:
    path = re.search(r'"\.\./(envs/\w+\.yaml)"', RULES[rule])
    assert path
    held = yaml.safe_load((ROOT / path[1]).read_text())["dependencies"][-1]["pip"]
    script = ROOT / f"scripts/{rule}.py"
    files = [script, *(ROOT / f"scripts/common/{name}.py" for name in imported(script))]
    names = {
        name.partition(".")[0]
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
        )
    }
    known = importlib.metadata.packages_distributions()
    needed = {known[name][0].lower() for name in names if name in known}
    assert needed - {package.partition("==")[0] for package in held} == set()


def test_environments_pin_what_requirements_pin() -> None:
    needed, mark, _ = (ROOT / "requirements.txt").read_text().partition("# what its tests")
    assert mark
    for path in sorted((ROOT / "envs").glob("*.yaml")):
        python, pip, packages = yaml.safe_load(path.read_text())["dependencies"]
        assert re.fullmatch(r"python=\d+\.\d+\.\d+ pip=\d+\.\d+\.\d+", f"{python} {pip}")
        assert set(packages["pip"]) <= set(needed.splitlines()), path.name


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_scripts_are_small_and_tell_what_they_do(script: str) -> None:
    path = ROOT / f"scripts/{script}.py"
    assert len(path.read_text().splitlines()) <= 150
    done = run_script(script, "--help")
    assert done.returncode == 0, done.stderr
    assert f"Example: python scripts/{script}.py" in " ".join(done.stdout.split())
    example, options = done.stdout.split("Parameters", 1)
    for option in re.findall(r"--[a-z][a-z-]+", example.split("Commands")[0]):
        assert option in options, option


def test_the_drawn_rule_graph_is_of_today() -> None:
    drawn = set(re.findall(r">(\w+)</text>", (ROOT / "docs/rulegraph.svg").read_text()))
    elsewhere = {name for name in RULES if name.startswith("download_")}
    default = set(RULES) - elsewhere - {"compare_tokenizers", "select_sentences"}
    assert drawn == default | {"all"}


def test_no_group_of_the_profile_waits_for_a_job_that_waits_for_it() -> None:
    rules = [sys.executable, "-m", "snakemake", "--rulegraph"]
    graph = subprocess.run(rules, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)"', graph, re.M))
    after: dict[str, set[str]] = {name: set() for name in names.values()}
    for first, second in re.findall(r"(\d+) -> (\d+)", graph):
        after[names[first]].add(names[second])

    def follow(rules: set[str]) -> set[str]:
        """Rules whose jobs wait for a job of these, one way or another."""
        found = set().union(*(after[rule] for rule in rules))
        return found if found <= rules else found | follow(rules | found)

    groups = yaml.safe_load((ROOT / "slurm/config.yaml").read_text())["groups"]
    assert set(groups) <= set(RULES)
    for group in set(groups.values()):
        members = {rule for rule in groups if groups[rule] == group} & set(after)
        waiting = follow(members) - members
        assert not [rule for rule in waiting if follow({rule}) & members], group
