"""Rule = script = log = benchmark = one name, and a script's modules are inputs of its rule."""

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from commands import ROOT, run_script
from snakemake.settings.types import MaxJobsPerTimespan

from common.workflow.imports import EXEMPT, modules_of
from common.workflow.start import lift_rate_limit

DIRECTIVES = ["input", "output", "log", "benchmark", "wildcard_constraints", "params"]
DIRECTIVES += ["priority", "threads", "resources", "conda", "shell"]

RULES = {
    match[1]: match[2]
    for path in sorted((ROOT / "rules").glob("*.smk"))
    for match in re.finditer(r"^rule (\w+):\n(.*?)(?=^\S|\Z)", path.read_text(), re.M | re.S)
}
DERIVED = {
    name
    for path in sorted((ROOT / "rules").glob("*.smk"))
    for name in re.findall(r"^use rule \w+ as (\w+) with:", path.read_text(), re.M)
}
"""Rules that run the script of another."""
BY_HAND = {"export_weights", "pin_revisions", "weigh_sentences"}
"""Scripts that change a config before any run of it, or need no run."""
SCRIPTS = {path.stem for path in (ROOT / "scripts").glob("*.py")}


def test_every_script_has_its_rule() -> None:
    assert set(RULES) == SCRIPTS - BY_HAND


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_written_as_all_others(rule: str) -> None:
    body = RULES[rule]
    assert f'**script_of("{rule}")' in body
    assert f'"<logs>/{rule}/' in body
    assert f'"<benchmarks>/{rule}/' in body
    found = re.findall(r"^    (\w+):", body, re.M)
    assert found == [name for name in DIRECTIVES if name in found]
    assert {"log", "benchmark", "threads", "resources", "conda", "shell"} <= set(found)
    assert {"mem_mb", "runtime"} <= set(re.findall(r"^        (\w+)=", body, re.M))
    assert "2>&1 | tee {log:q}" in body


LOADED = """
import importlib, json, sys
loaded = {}
for script in sys.argv[1:]:
    for name in [name for name in sys.modules if name.partition(".")[0] == "common"]:
        del sys.modules[name]
    importlib.import_module(script)
    modules = [vars(module) for name, module in sys.modules.items() if name.startswith("common.")]
    loaded[script] = [about["__file__"] for about in modules]
print(json.dumps(loaded))
"""


def test_modules_of_a_script_are_those_that_python_loads() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    command = [sys.executable, "-c", LOADED, *sorted(SCRIPTS)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    exempt = {f"{name.rpartition('.')[2]}.py" for name in EXEMPT} | {"__init__.py"}
    for script, files in json.loads(run.stdout).items():
        loaded = {Path(file) for file in files if Path(file).name not in exempt}
        assert set(modules_of(ROOT / f"scripts/{script}.py")) == loaded, script


def test_imports_for_a_type_do_not_count(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from common.encoders.encoder import Encoder\n"
        "def later():\n    from common.tokens import words\n"
    )
    assert [path.name for path in modules_of(script)] == ["words.py"]


@pytest.mark.parametrize("rule", RULES)
def test_environments_exist(rule: str) -> None:
    name = re.search(r'"\.\./(envs/\w+\.yaml)"', RULES[rule])
    assert name
    assert (ROOT / name[1]).exists()


packages_of = cache(importlib.metadata.packages_distributions)
"""Packages by what they let one import, which takes a second to find."""


@pytest.mark.parametrize("rule", RULES)
def test_environments_hold_what_scripts_import(rule: str) -> None:
    path = re.search(r'"\.\./(envs/\w+\.yaml)"', RULES[rule])
    assert path
    held = yaml.safe_load((ROOT / path[1]).read_text())["dependencies"][-1]["pip"]
    script = ROOT / f"scripts/{rule}.py"
    always = [ROOT / f"scripts/{name.replace('.', '/')}.py" for name in EXEMPT]
    files = [script, *modules_of(script), *always]
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
    known = packages_of()
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
    elsewhere |= {"import_encoder", "measure_similarity", "occlude_tokens", "randomize_encoder"}
    elsewhere |= {"take_checkpoint", "truncate_encoder", "describe_series", "plot_series"}
    elsewhere |= {"integrate_layers"}
    elsewhere |= {"compare_encoders", "rank_encoders", "plot_atlas", "evaluate_weights"}
    default = set(RULES) - elsewhere - {"compare_tokenizers", "select_sentences"}
    derived = DERIVED - {"gather_series", "gather_agreement", "gather_bags"}
    derived -= {"estimate_shapley_of_pairs"}
    assert drawn == default | derived | {"all"}


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
    assert set(groups) <= set(RULES) | DERIVED
    for group in set(groups.values()):
        members = {rule for rule in groups if groups[rule] == group} & set(after)
        waiting = follow(members) - members
        assert not [rule for rule in waiting if follow({rule}) & members], group


def test_only_the_usual_limit_of_the_rate_of_jobs_is_lifted() -> None:
    for told, stays in (("100/1s", False), ("100/1m", True), ("5/1s", True)):
        settings = SimpleNamespace(max_jobs_per_timespan=MaxJobsPerTimespan.parse_choice(told))
        workflow = SimpleNamespace(
            scheduling_settings=settings, scheduler=SimpleNamespace(job_rate_limiter=told)
        )
        lift_rate_limit(workflow)
        assert (workflow.scheduler.job_rate_limiter == told) is stays
