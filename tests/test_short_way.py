"""One encoder and one file by two keys: what they stand for, what they cost, how the run ends."""

import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from commands import ROOT, WORDS, draw_texts, write_corpus
from tiny_encoder import build_encoder
from workflow import TINY, Workflow

from common.workflow.configuration import ConfigError, unpinned, validated
from common.workflow.costs import Shape, lines_of, shape_of, size_of
from common.workflow.ending import errors_of, results_of
from common.workflow.shards import shards_of

OWN = ROOT / "experiments" / "own_text.yaml"
COMMIT = "0123456789" * 4


def own(**keys: Any) -> dict[str, Any]:
    return yaml.safe_load(OWN.read_text()) | keys


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    build_encoder(folder / "My Model (v2)", WORDS)
    build_encoder(folder / "sub" / "My Model (v2)", WORDS, seed=1)
    (folder / "notes.2024.txt").write_text("\n".join(draw_texts(40)))
    return folder


def test_the_config_has_no_more_than_eight_lines() -> None:
    assert len(OWN.read_text().splitlines()) <= 8


def test_a_directory_and_a_file(place: Path) -> None:
    config = validated(
        own(encoder=str(place / "My Model (v2)"), text=str(place / "notes.2024.txt"))
    )
    assert list(config["corpora"]) == ["notes-2024"]
    assert list(config["encoders"]) == ["my-model-v2"]
    assert config["encoders"]["my-model-v2"]["source"] == "path"
    comparison = config["comparisons"]["own_text"]
    assert comparison["encoders"] == ["my-model-v2"]
    assert comparison["weighed"] == ["notes-2024"]
    assert comparison["counted_on"] is None


def test_encoders_of_one_name_are_told_apart(place: Path) -> None:
    both = [str(place / "My Model (v2)"), str(place / "sub" / "My Model (v2)")]
    config = validated(own(encoder=both, text=str(place / "notes.2024.txt")))
    assert config["comparisons"]["own_text"]["encoders"] == ["my-model-v2", "my-model-v2-2"]
    assert [encoder["path"] for encoder in config["encoders"].values()] == both


@pytest.mark.parametrize("revision", [None, COMMIT])
def test_a_name_on_the_hub_needs_no_commit(place: Path, revision: str | None) -> None:
    name = "tiny/after" + (f"@{revision}" if revision else "")
    config = validated(own(encoder=name, text=str(place / "notes.2024.txt")))
    assert config["encoders"]["after"]["repository"] == "tiny/after"
    assert config["encoders"]["after"]["revision"] == revision
    assert unpinned(config) == []


FAULTS = {
    "nothing": ({}, "encoder and text: not given; add --config encoder="),
    "no text": ({"encoder": "tiny/after"}, "text: not given"),
    "no encoder": ({"text": "a.txt"}, "encoder: not given"),
    "both ways": (
        {"encoder": "tiny/after", "text": "a.txt", "corpora": {}},
        "corpora: encoder and text stand for these",
    ),
    "no directory": ({"encoder": "models/no/such", "text": "a.txt"}, "is no directory and no name"),
    "no file": ({"encoder": "tiny/after", "text": "missing.txt"}, "no such file 'missing.txt'"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults_name_the_key(case: str) -> None:
    keys, told = FAULTS[case]
    with pytest.raises(ConfigError) as raised:
        validated(own() | keys)
    assert told in str(raised.value)
    assert len(raised.value.faults) == 1


def test_costs_follow_what_is_there(tmp_path: Path) -> None:
    config = validated(yaml.safe_load((ROOT / "config.yaml").read_text()))
    tables = [("integrated_gradients", "adjacent", "held_out")]
    told = list(lines_of(config, tmp_path, tables))
    assert told[0].startswith("train masked_lm: 156,000 sentences, about")
    assert any(line.startswith("weigh held_out by adjacent") for line in told)
    assert "of one core in all" in told[-1]
    for name in config["encoders"]:
        (tmp_path / "encoders" / name).mkdir(parents=True)
    corpus = write_corpus(tmp_path / "corpora" / "held_out.parquet", ["a" * 45] * 7)
    size = size_of(config, tmp_path, corpus.stem)
    assert size is not None
    assert size.sentences == 7
    [line, total] = lines_of(config, tmp_path, tables)
    assert ": 7 sentences" in line
    table = tmp_path / "weights" / "integrated_gradients" / "adjacent" / "held_out.parquet"
    table.parent.mkdir(parents=True)
    table.touch()
    assert list(lines_of(config, tmp_path, tables)) == []
    assert total


def test_shapes_and_sizes_of_the_users_own(place: Path, tmp_path: Path) -> None:
    keys = {"encoder": str(place / "My Model (v2)"), "text": str(place / "notes.2024.txt")}
    config = validated(own(**keys))
    assert shape_of(config, tmp_path, "my-model-v2") == Shape(2, 32)
    size = size_of(config, tmp_path, "notes-2024")
    assert size is not None
    assert size.sentences == 40
    unknown = validated(own(**keys | {"encoder": "tiny/after"}))
    assert shape_of(unknown, tmp_path, "after") is None
    told = list(lines_of(unknown, tmp_path, [("shapley", "after", "notes-2024")]))
    assert told == ["weigh notes-2024 by after, shapley: shape of after not known yet"]


def test_shards_stay_as_they_were(tmp_path: Path) -> None:
    kept = tmp_path / "shards.txt"
    assert shards_of(5, kept, 8, 2) == 5
    assert shards_of("auto", kept, 8, 2) == 4
    assert shards_of("auto", kept, 8, 3) == 3
    assert shards_of("auto", kept, 2, 12) == 1
    assert shards_of("auto", kept, None, 12) == 1
    kept.write_text("4\n")
    assert shards_of("auto", kept, 64, 2) == 4


def test_errors_are_those_of_this_run(tmp_path: Path) -> None:
    for name, lines in {
        "old": ["a.py: error: old"],
        "new": ["text", "b.py: error: new", "x"],
    }.items():
        (tmp_path / f"{name}.log").write_text("\n".join(lines))
    old = tmp_path / "old.log"
    since = old.stat().st_mtime

    os.utime(old, (since - 100, since - 100))
    assert errors_of(tmp_path, since - 1) == [f"{tmp_path / 'new.log'}: b.py: error: new"]
    assert list(results_of(tmp_path)) == ["Look at "]


@pytest.mark.slow
def test_from_two_keys_to_a_summary(place: Path, tmp_path: Path) -> None:
    workflow = Workflow(tmp_path, whole=True)
    keys = (f"encoder={place / 'My Model (v2)'}", f"text={place / 'notes.2024.txt'}")
    workflow.config = own() | {"device": "cpu"}
    workflow.config["analysis"] = TINY["analysis"] | {"quantities": ["self_information"]}
    planned = workflow.snakemake("-n", "--cores", "2", "--config", *keys)
    assert "weigh notes-2024 by my-model-v2, shapley: 40 sentences" in planned.stderr
    done = workflow.snakemake("--cores", "2", "-q", "rules", "--config", *keys)
    assert done.returncode == 0, done.stderr[-6000:]
    last = [line for line in done.stderr.splitlines() if line.startswith("Look at ")]
    assert "results/own_text/summary.md, results/own_text/explorer.html" in last[0]
    assert "- own_text on notes-2024, Integrated Gradients: by my-model-v2" in done.stderr
    weights = pl.read_parquet(
        tmp_path / "results/own_text/weights/shapley/my-model-v2/notes-2024.parquet"
    )
    assert weights["sentence_id"].n_unique() == 40


@pytest.mark.slow
def test_the_error_is_the_last_thing_that_a_reader_sees(place: Path, tmp_path: Path) -> None:
    workflow = Workflow(tmp_path)
    workflow.config = own(device="cpu")
    (tmp_path / "dots.txt").write_text("...\n")
    keys = (f"encoder={place / 'My Model (v2)'}", "text=dots.txt")
    failed = workflow.snakemake("--cores", "1", "--config", *keys)
    assert failed.returncode == 1
    lines = [line for line in failed.stderr.splitlines() if line.strip()]
    place_of = max(k for k, line in enumerate(lines) if "download_corpus.py: error: " in line)
    rest = [
        line for line in lines[place_of + 1 :] if not line.startswith(("Complete log", "Elapsed"))
    ]
    assert lines[place_of].startswith("results/own_text/logs/download_corpus/dots.log: ")
    assert len(rest) <= 2, rest
