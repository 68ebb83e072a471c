"""Valid configs with one thing broken: one line with the key, its value and what is allowed."""

import copy
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import ROOT
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from workflow import TINY, Workflow

from common.workflow.configuration import SCHEMA, ConfigError, check_yaml, validated

SCHEMA_OF_CONFIG = yaml.safe_load(SCHEMA.read_text())
TEXT = "requirements.txt"
VALID: dict[str, dict[str, Any]] = {
    **{
        path.stem: yaml.safe_load(path.read_text())
        for path in [ROOT / "config.yaml", *sorted((ROOT / "experiments").glob("*.yaml"))]
        # own_text is whole with two keys of the command line (test_short_way); a series that was
        # filled in is a list (test_series)
        if path.stem not in ("own_text", "course", "layers")
    },
    "tiny": TINY,
}
for name, config in VALID.items():
    VALID[name] = json.loads(json.dumps(config))  # entries of one anchor are one no longer
    for corpus in VALID[name]["corpora"].values():
        if "files" in corpus:
            corpus["files"] = [TEXT]

OF_OBJECTS = ("properties", "additionalProperties")
Path_ = tuple[str | int, ...]
Leaf = tuple[str, Path_, dict[str, Any]]

OTHERS: dict[str, list[Any]] = {
    "string": ["", "a b", "A", "é", "../up", "-rf", "$(touch x)", "a;b", "a'b", "name\n", "a" * 99],
    "integer": ["many", "8 GB", 1.5, 8.0, True, math.nan, math.inf, [3], {}, "3"],
    "number": ["much", "4 GiB", True, math.nan, math.inf, -math.inf, [0.5], {}, "0.5"],
    "boolean": ["yes", "true", 0, 1, [], 2.5],
    "array": ["a", 3, {}, True],
    "object": [[], "a", 3, True],
}
"""Values that are of another type, or that no name of ours may have."""


def kinds_of(about: dict[str, Any]) -> list[str]:
    kinds = about.get("type", "string")
    return kinds if isinstance(kinds, list) else [kinds]


def resolved(about: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in about:
        return SCHEMA_OF_CONFIG["$defs"][about["$ref"].rpartition("/")[2]]
    return about


def leaves(value: Any, about: dict[str, Any], path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Path and schema of every node of a config that was filled with its defaults."""
    about = resolved(about)
    if "source" in about.get("required", []) and "allOf" in about:
        by_source = {
            one["if"]["properties"]["source"]["const"]: one["then"] for one in about["allOf"]
        }
        source = about["properties"]["source"]
        about = copy.deepcopy(resolved(by_source[value["source"]])) | {"type": "object"}
        about["properties"]["source"] = source
        about["required"] = ["source", *about["required"]]
    if value is None:
        about = {
            key: about[key] for key in about if key not in ("required", "additionalProperties")
        }
    if isinstance(value, list):
        about = {key: about[key] for key in about if key not in OF_OBJECTS}
    yield path, about
    if isinstance(value, dict):
        for key, inner in value.items():
            under = about.get("properties", {}).get(key) or about["additionalProperties"]
            yield from leaves(inner, under, (*path, key))
    if isinstance(value, list) and "items" in about:
        for place, inner in enumerate(value):
            yield from leaves(inner, about["items"], (*path, place))


@cache
def nodes() -> list[tuple[str, Path_, dict[str, Any]]]:
    found = []
    for name, config in VALID.items():
        filled = validated(copy.deepcopy(config))
        found += [(name, path, about) for path, about in leaves(filled, SCHEMA_OF_CONFIG)]
    return found


def is_wrong(value: Any, about: dict[str, Any]) -> bool:  # noqa: PLR0911
    """Whether a value is of none of a schema's types, or outside its bounds: written anew."""
    kinds = kinds_of(about)
    if "enum" in about or "anyOf" in about:
        options = about.get("enum") or [
            o for a in about["anyOf"] for o in resolved(a).get("enum", [])
        ]
        allowed = [*options, *([None] if "null" in kinds else [])]
        return type(value) not in (str, type(None)) or value not in allowed
    if isinstance(value, bool):
        return "boolean" not in kinds
    if isinstance(value, int | float):
        if not {"integer", "number"} & set(kinds) or not math.isfinite(value):
            return True
        if "number" not in kinds and isinstance(value, float):
            return True
        inside = about.get("minimum", -math.inf) <= value <= about.get("maximum", math.inf)
        above = about.get("exclusiveMinimum", -math.inf) < value
        return not (inside and above and value < about.get("exclusiveMaximum", math.inf))
    if isinstance(value, str):
        fits = re.fullmatch(about.get("pattern", ".*").rstrip("$"), value, re.DOTALL)
        return "string" not in kinds or not fits or len(value) < about.get("minLength", 0)
    return {list: "array", dict: "object", type(None): "null"}[type(value)] not in kinds


@st.composite
def wrong_values(draw: st.DrawFn) -> tuple[str, Path_, Any]:
    """A node of a valid config, and a value that it must not have."""
    config, path, about = draw(st.sampled_from([n for n in nodes() if n[1]]))
    known = [value for kind in kinds_of(about) for value in OTHERS.get(kind, [])]
    bounds = [about[k] for k in about if "inimum" in k or "aximum" in k]
    values = st.one_of(
        st.sampled_from(known + OTHERS["integer"] + OTHERS["string"]),
        st.sampled_from([-1, 0, 10**30, *(b + k for b in bounds for k in (-1, 0, 1))]),
        st.integers(max_value=-1),
        st.text("abc XYZ'\"$;\n", max_size=8),
        st.none(),
    )
    return config, path, draw(values.filter(lambda value: is_wrong(value, about)))


def broken(name: str, path: Path_, change: Callable[[Any, Any], None]) -> dict[str, Any]:
    config = validated(copy.deepcopy(VALID[name]))
    inner: Any = config
    for part in path[:-1]:
        inner = inner[part]
    change(inner, path[-1])
    return config


def fault(config: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        validated(config)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 1000
    return line


def dotted(path: Path_) -> str:
    return ".".join(map(str, path))


profile = settings(
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@given(wrong_values())
@example(("quick_hub", ("weights",), None))
@settings(profile, max_examples=500)
def test_wrong_values_are_named_with_what_is_allowed(case: tuple[str, Path_, Any]) -> None:
    name, path, value = case

    def change(inner: Any, key: Any) -> None:
        inner[key] = value

    line = fault(broken(name, path, change))
    assert line.startswith(f"{dotted(path)}: "), line
    shown = " ".join(repr(value)[:20].split())
    assert shown in line, line
    assert any(told in line for told in ("allowed: ", "is missing", "there are: ")), line


@given(st.data())
@settings(profile, max_examples=100)
def test_misspelt_keys_are_named_with_the_nearest(data: st.DataObject) -> None:
    fixed = [n for n in nodes() if n[1] and n[2].get("additionalProperties") is False]
    name, path, about = data.draw(st.sampled_from(fixed))
    key = data.draw(st.sampled_from(sorted(about["properties"])))
    place = data.draw(st.integers(0, len(key)))
    wrong = key[:place] + data.draw(st.sampled_from("qxz")) + key[place:]
    config = broken(name, (*path, wrong), lambda inner, key: inner.update({key: 1}))
    line = fault(config)
    assert line.startswith(f"{dotted(path)}: unknown key {wrong!r}; did you mean "), line
    assert "allowed: " in line


def needed() -> list[tuple[str, Path_]]:
    return [
        (name, (*path, key)) for name, path, about in nodes() for key in about.get("required", [])
    ]


@given(st.sampled_from(needed()))
@settings(profile, max_examples=60)
def test_missing_keys_are_named(case: tuple[str, Path_]) -> None:
    name, path = case
    line = fault(broken(name, path, lambda inner, key: inner.pop(key)))
    assert line.startswith(f"{dotted(path[:-1]) or 'the config'}: key {path[-1]!r} is missing")


def test_nothing_follows_from_a_comparison_with_a_fault_of_its_own() -> None:
    path = ("comparisons", "adjacent", "uniqt")
    config = broken("tiny", path, lambda inner, key: inner.update({key: 1}))
    config["comparisons"] = {"adjacent": config["comparisons"]["adjacent"]}
    assert fault(config).startswith("comparisons.adjacent: unknown key 'uniqt'; did you mean ")


def references() -> list[tuple[str, Path_]]:
    """Where a config names another entry of itself."""
    found = []
    for name, config in VALID.items():
        for section in ("encoders", "comparisons", "corpora"):
            for entry, about in config[section].items():
                for key in ("base", "corpus", "development", "surprisal_by"):
                    if about.get(key):
                        found.append((name, (section, entry, key)))
                for key in ("encoders", "weighed", "corpora"):
                    found += [
                        (name, (section, entry, key, place))
                        for place in range(len(about.get(key, [])))
                    ]
                if "counted_on" in about:
                    found.append((name, (section, entry, "counted_on")))
        found.append((name, ("evaluation", "corpus")))
    return found


@given(st.sampled_from(references()), st.from_regex("[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True))
@settings(profile, max_examples=100)
def test_missing_references_are_named_with_what_there_is(
    case: tuple[str, Path_], nobody: str
) -> None:
    name, path = case
    of_encoder = {"base", "encoders", "surprisal_by"} & {*path[2:]}
    section = "encoders" if of_encoder else "corpora"
    while nobody in VALID[name][section]:
        nobody += "x"

    def change(inner: Any, key: Any) -> None:
        inner[key] = nobody

    line = fault(broken(name, path, change))
    where = dotted(part for part in path if isinstance(part, str))
    assert line.startswith(f"{where}: nothing is named {nobody!r}; there are: "), line


@given(st.data())
@settings(profile, max_examples=40)
def test_cycles_are_named(data: st.DataObject) -> None:
    """An encoder based on one of those that are made of it, near or far."""
    name = data.draw(st.sampled_from(sorted(VALID)))
    encoders = VALID[name]["encoders"]
    based = sorted(encoder for encoder, about in encoders.items() if "base" in about)
    if not based:
        return
    end = data.draw(st.sampled_from(based))
    chain = [end]
    while encoders[chain[-1]].get("base") in based:
        chain.append(encoders[chain[-1]]["base"])
    start = data.draw(st.sampled_from(chain))
    config = copy.deepcopy(VALID[name])
    config["encoders"][start]["base"] = end
    line = fault(config)
    assert line.startswith("encoders.")
    assert f"depends on itself through {line.split('.')[1].split(':')[0]} -> " in line


WHOLE: dict[str, tuple[dict[tuple[str, ...], Any], str]] = {
    "evaluated on single sentences": (
        {("evaluation", "corpus"): "language"},
        "evaluation.corpus: 'language' holds no scored pairs; allowed: topical_pairs",
    ),
    "developed on single sentences": (
        {("encoders", "adjacent", "development"): "language"},
        "encoders.adjacent.development: 'language' holds no scored pairs; allowed: topical_pairs",
    ),
    "pairs of single sentences": (
        {("encoders", "adjacent", "positives"): "pairs"},
        "encoders.adjacent.positives: 'pairs' need 2 texts a row, but corpus 'language' has 1",
    ),
    "triplets of pairs": (
        {
            ("encoders", "adjacent", "positives"): "triplets",
            ("encoders", "adjacent", "corpus"): "topical_pairs",
        },
        "encoders.adjacent.positives: 'triplets' need 3 texts a row",
    ),
    "scores of sentences": (
        {("encoders", "adjacent", "minimum_score"): 3},
        "encoders.adjacent.minimum_score: 3, but positives 'adjacent'",
    ),
    "surprisal by an encoder without its output layer": (
        {("comparisons", "adjacent", "surprisal_by"): "adjacent"},
        "comparisons.adjacent.surprisal_by: 'adjacent' has no masked language model any more; "
        "allowed: masked_lm",
    ),
    "fewest above most": (
        {("corpora", "language", "sentences"): [9, 4]},
        "corpora.language.sentences: fewest is above most in [9, 4]",
    ),
    "a width that heads do not divide": (
        {("encoders", "masked_lm", "architecture"): {"width": 10, "heads": 4}},
        "encoders.masked_lm.architecture.width: 10 is no multiple of 4 heads",
    ),
    "a section left empty": (
        {("analysis",): None},
        "analysis: None; allowed: object",
    ),
    "no method": ({("weights",): {"shards": 2}}, "weights: one of the keys integrated_gradients, "),
    "a file that is not there": (
        {("corpora", "text"): {"source": "file", "files": ["no file.txt"]}},
        "corpora.text.files: no such file 'no file.txt'",
    ),
    "a file whose name Snakemake would fill in": (
        {("corpora", "text"): {"source": "file", "files": ["{corpus}.txt"]}},
        "corpora.text.files.0: '{corpus}.txt'; allowed: string, pattern ^[^{}",
    ),
    "a file whose name is two lines": (
        {("corpora", "text"): {"source": "file", "files": ["no\nfile.txt"]}},
        "corpora.text.files.0: 'no\\nfile.txt'; allowed: string, pattern ^[^{}",
    ),
    "a file of no known kind": (
        {("corpora", "text"): {"source": "file", "files": ["README.md"]}},
        "corpora.text.files: README.md: unknown kind of file; known are .txt .csv .tsv",
    ),
    "a pattern that nothing is like": (
        {("corpora", "text"): {"source": "file", "files": ["docs/*.tsv"]}},
        "corpora.text.files: no file is like 'docs/*.tsv'",
    ),
    "a folder without files of a known kind": (
        {("corpora", "text"): {"source": "file", "files": ["slurm"]}},
        "corpora.text.files: no file of a known kind in 'slurm'",
    ),
    "columns by number of a text": (
        {("corpora", "text"): {"source": "file", "files": [TEXT], "id_column": 2}},
        "corpora.text.text_columns: missing, but other columns are numbers",
    ),
    "columns by number of what has names": (
        {("corpora", "text"): {"source": "file", "files": [TEXT], "text_columns": [2]}},
        "corpora.text.text_columns: [2]; numbers are of columns of csv and tsv files without a",
    ),
    "an encoding that is none": (
        {("corpora", "text"): {"source": "file", "files": ["requirements.txt"], "encoding": "hex"}},
        "corpora.text.encoding: 'hex' is not known to Python",
    ),
    "a year for a name": (
        {("run",): 2024},
        "run: 2024; allowed: string, pattern ^[a-z0-9][a-z0-9_-]{0,63}$; YAML takes it for no "
        "text: write it in quotes",
    ),
    "a no for a name": ({("run",): False}, "run: False; allowed: string, pattern ^[a-z0-9]["),
    "a number that YAML takes for text": (
        {("weights", "integrated_gradients", "tolerance"): "5e-2"},
        "weights.integrated_gradients.tolerance: '5e-2'; allowed: number, exclusiveMinimum 0, "
        "maximum 1; YAML takes it for text: write 5.0e-2",
    ),
    "a whole number that YAML takes for text": (
        {("analysis", "permutations"): "1e5"},
        "analysis.permutations: '1e5'; allowed: integer, minimum 99, maximum 1000000; YAML takes "
        "it for text: write 100000",
    ),
    "a number in quotes": (
        {("replicates",): "3"},
        "replicates: '3'; allowed: integer, minimum 1, maximum 100; it is text: write it without",
    ),
    "a score of single texts": (
        {
            ("corpora", "text"): {
                "source": "file",
                "files": ["requirements.txt"],
                "score_column": "s",
            }
        },
        "corpora.text.score_column: 's' would be of a pair",
    ),
}


@pytest.mark.parametrize("case", WHOLE)
def test_settings_that_contradict_each_other(case: str) -> None:
    changes, said = WHOLE[case]
    config = copy.deepcopy(TINY)
    for path, value in changes.items():
        inner = config
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = value
    assert fault(config).startswith(said)


@pytest.mark.slow
def test_the_command_says_the_same_before_any_job(tmp_path: Path) -> None:
    workflow = Workflow(tmp_path)
    for path, value in (
        (("weights", "memory"), "4 GiB"),
        (("encoders", "masked_lm", "training", "learning_rate"), math.nan),
        (("run",), "$(touch harm)\n"),
        (("encoders", "adjacent", "base"), "adjacent"),
    ):
        workflow.config = copy.deepcopy(TINY)
        inner: Any = workflow.config
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = value
        done = workflow.snakemake("--cores", "1")
        assert done.returncode == 1
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1, done.stderr
        assert lines[0].startswith(f"tiny.yaml: {'.'.join(path[:2])}")
        assert not {"results", "harm"} & {path.name for path in tmp_path.iterdir()}


def test_all_faults_are_told_in_one_go(tmp_path: Path) -> None:
    config = copy.deepcopy(TINY)
    empty, pointer = tmp_path / "empty.csv", tmp_path / "pointer.txt"
    empty.touch()
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    (tmp_path / "config.json").write_text(pointer.read_text())
    config["run"] = 2024
    config["seed"] = -1
    config["corpora"]["language"] |= {"sise": 3, "sentences": [9, 4]}
    config["corpora"]["text"] = {"source": "file", "files": ["no.txt", str(empty), str(pointer)]}
    config["encoders"]["adjacent"] |= {"base": "nobody", "corpus": "nothing"}
    config["encoders"]["local"] = {"source": "path", "path": str(tmp_path), "pooling": "cls"}
    config["comparisons"]["adjacent"]["weighed"] = ["nowhere"]
    del config["weights"]
    with pytest.raises(ConfigError) as caught:
        validated(config)
    told = dict(line.split(": ", 1) for line in caught.value.faults)
    assert sorted(told) == [
        "comparisons.adjacent.weighed",
        "corpora.language",
        "corpora.language.sentences",
        "corpora.text.files",
        "encoders.adjacent.base",
        "encoders.adjacent.corpus",
        "encoders.local.path",
        "run",
        "seed",
        "the config",
    ]
    files = [line for line in caught.value.faults if ".text.files" in line]
    assert [part in line for part, line in zip(("no such", "empty: no text"), files, strict=True)]
    assert "'weights' is missing" in told["the config"]
    assert "git lfs pull" in told["encoders.local.path"]


def test_values_of_the_command_line_are_read_as_yaml() -> None:
    config = copy.deepcopy(TINY)
    overrides: dict[str, Any] = {
        "weights": {"shards": "3", "integrated_gradients": {"tolerance": "0.02"}},
        "analysis": {"quantities": ["self_information"], "confidence": "0.9"},
        "corpora": {"held_out": {"sentences": ["2", "5"]}},
        "replicates": "two",
    }
    config["weights"]["shards"] = "3"
    config["weights"]["integrated_gradients"]["tolerance"] = "0.02"
    config["analysis"] |= overrides["analysis"]
    config["corpora"]["held_out"]["sentences"] = ["2", "5"]
    filled = validated(copy.deepcopy(config), overrides)
    assert filled["weights"]["shards"] == 3
    assert filled["weights"]["integrated_gradients"]["tolerance"] == 0.02
    assert filled["analysis"]["confidence"] == 0.9
    assert filled["corpora"]["held_out"]["sentences"] == [2, 5]
    config["replicates"] = "two"
    with pytest.raises(ConfigError, match=r"^replicates: 'two'; allowed: integer"):
        validated(copy.deepcopy(config), overrides)
    with pytest.raises(ConfigError, match="shards: '3'"):  # not of the command line
        validated(config)


def test_the_command_line_and_broken_yaml(tmp_path: Path) -> None:
    workflow = Workflow(tmp_path)
    for override in ('weights={"shards": 3}', "analysis={minimum_count: 5}", "seed=3"):
        done = workflow.snakemake("--cores", "1", "-n", "-q", "--config", override)
        assert done.returncode == 0, done.stderr
    done = workflow.snakemake("--cores", "1", "-n", "--config", "run=2024", "weights={shards: x}")
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 2
    assert "run: 2024; " in lines[0]
    assert "write it in quotes" in lines[0]
    assert "weights.shards: 'x'; allowed: integer" in lines[1]
    (tmp_path / "config.yaml").write_text("run: a\nweights:\n  memory: 2\n shards: 1\n")
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1"]
    environment = os.environ | {"PATH": workflow.path}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "config.yaml: line 4, column 2: not YAML" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_an_environment_that_is_not_active_is_told_before_any_job(tmp_path: Path) -> None:
    workflow = Workflow(tmp_path)
    bare = tmp_path / "bin"
    bare.mkdir()
    for command in ("bash", "sh", "which"):
        (bare / command).symlink_to(shutil.which(command) or command)
    for told in ("no command python; activate", f"{bare}/python lacks what scripts need"):
        workflow.path = str(bare)
        done = workflow.snakemake("--cores", "1")
        assert done.returncode == 1
        assert told in done.stderr
        assert "Traceback" not in done.stderr
        assert not workflow.results("corpora").exists()
        (bare / "python").write_text("#!/bin/sh\nexit 1\n")
        (bare / "python").chmod(0o755)


def test_a_key_that_stands_twice_is_one_line(tmp_path: Path) -> None:
    for config in (ROOT / "config.yaml", *(ROOT / "experiments").glob("*.yaml")):
        check_yaml(config)
    workflow = Workflow(tmp_path)
    text = "run: one\nweights:\n  memory: 2\n  shards: 1\n  memory: 4\n"
    (tmp_path / "twice.yaml").write_text(text)
    done = workflow.snakemake("--configfile", "twice.yaml", "--cores", "1")
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "twice.yaml: weights.memory: stands twice, in lines 3 and 5; keep one of them"
    )
    (tmp_path / "listed.yaml").write_text("k: [{a: 1, a: 2}]")
    with pytest.raises(ConfigError, match=r"^k\.0\.a: stands twice, in lines 1 and 1"):
        check_yaml(tmp_path / "listed.yaml")
    for content in ("", "[1]", "a word"):
        (tmp_path / "no.yaml").write_text(content)
        with pytest.raises(ConfigError, match="no settings"):
            check_yaml(tmp_path / "no.yaml")
