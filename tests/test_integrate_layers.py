"""Weights by all layers of an encoder from passes of it alone, held against each cut encoder's."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import tiny_encoder
from commands import WORDS, assert_refuses, assert_runs, write_corpus
from polars.testing import assert_frame_equal
from sentence_transformers import SentenceTransformer
from tiny_encoder import build_encoder

import integrate_gradients
import integrate_layers
import truncate_encoder
from common.command import InputError
from common.contract import WEIGHTS
from common.encoders.encoder import Encoder
from common.tables import read_metadata, read_table
from common.weights import integration, layer_weights
from common.weights.integrated_gradients import IntegratedGradients
from common.weights.weighing import Weighing
from common.workflow.series import weighed_together

LAYERS = 2
TEXTS = ["the boat ran", "a cake made", "the sea held sugar", "a moon saw planet"]
"""Of two lengths: what passes hold is measured for each length, which takes most of the time."""
STRICT: dict[str, Any] = {"tolerance": 1e-12, "max_nodes": 8, "on_missed": "stop"}


def build_series(folder: Path, spread: float = 20.0, **options: Any) -> list[Path]:
    """An encoder of two layers that bends the paths, last, and what it is after each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_encoder, "SPREAD", spread)
        whole = build_encoder(
            folder / "whole", WORDS, layers=LAYERS, width=16, checked=True, **options
        )
    cut = [folder / f"layer{layers}" for layers in range(LAYERS + 1)]
    for layers, output in enumerate(cut):
        truncate_encoder.main(whole, layers=layers, output_encoder=output)
    return [*cut, whole]


def by_each(encoders: list[Path], corpus: Path, folder: Path, **settings: Any) -> list[Path]:
    """Tables of weights of each encoder by itself."""
    tables = [folder / "alone" / f"{encoder.name}.parquet" for encoder in encoders]
    for encoder, table in zip(encoders, tables, strict=True):
        integrate_gradients.main(
            encoder,
            corpus,
            weighing=Weighing(device="cpu"),
            gradients=IntegratedGradients(**settings),
            output_weights=table,
        )
    return tables


def at_once(
    encoders: list[Path], corpus: Path, folder: Path, memory: float = 4, **settings: Any
) -> list[Path]:
    """Tables of weights of each encoder from passes of the last."""
    integrate_layers.main(
        encoders,
        corpus=corpus,
        weighing=Weighing(device="cpu", memory=memory, output_checkpoints=folder / "kept"),
        gradients=IntegratedGradients(**settings),
        output_layers=folder / "layers",
    )
    assert not (folder / "kept").exists()
    return [folder / "layers" / f"{encoder.name}.parquet" for encoder in encoders]


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of a BERT whose vectors a dense layer makes narrower after the pooling."""
    return build_series(tmp_path_factory.mktemp("series"), dense=8, normalize=True)


@pytest.mark.parametrize(
    "options",
    [
        {"architecture": "bert", "dense": 8},
        {"architecture": "gpt2"},  # a norm after its last layer
        {"architecture": "albert", "pooling": "cls"},  # its layers are one module
    ],
    ids=["dense", "norm", "shared"],
)
def test_all_layers_weigh_as_each_alone(tmp_path: Path, options: dict[str, Any]) -> None:
    encoders = build_series(tmp_path, **options)
    corpus = write_corpus(tmp_path / "corpus.parquet", TEXTS)
    with pytest.MonkeyPatch.context() as patch:
        # no encoder weighs by itself
        patch.setattr(Weighing, "weigh", None)
        found = at_once(encoders, corpus, tmp_path)
    expected = by_each(encoders, corpus, tmp_path)
    errors = []
    for one, other in zip(found, expected, strict=True):
        assert pq.read_schema(one).equals(pq.read_schema(other), check_metadata=True)
        a, b = read_table(one, WEIGHTS), read_table(other, WEIGHTS)
        kept = ["sentence_id", "position", "token_id", "token", "special", "word", "truncated"]
        assert_frame_equal(a.select(kept), b.select(kept))
        mean = b["weight"].mean()
        gap = float((a["weight"] - b["weight"]).abs().max() or 0) / mean
        errors.append(float(b["error"].max() or 0) / mean)
        assert gap < (1e-6 if one == found[-1] else 2e-3)
        assert a["completeness"].max() < 1e-3
    assert max(errors) > 1e-5, "paths are straight: nothing was tried"


@pytest.mark.parametrize("memory", [4, 1.01])
def test_sentences_that_no_rule_integrates_are_refined_at_once_if_there_is_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: float
) -> None:
    encoders = build_series(tmp_path, architecture="qwen2")
    encoders = [*encoders[:2], encoders[-1]]
    corpus = write_corpus(tmp_path / "corpus.parquet", TEXTS[:1])
    expected = by_each(encoders, corpus, tmp_path, tolerance=0.01, max_nodes=1024)
    alone: list[Path] = []

    def refine_alone(encoder: Encoder, *arguments: Any, **settings: Any) -> None:
        alone.append(encoder.directory)
        integration.refine_alone(encoder, *arguments, **settings)

    monkeypatch.setattr(layer_weights, "refine_alone", refine_alone)
    found = at_once(encoders, corpus, tmp_path, memory=memory, tolerance=0.01, max_nodes=1024)
    assert alone == ([] if memory == 4 else encoders)
    for one, other in zip(found, expected, strict=True):
        a, b = read_table(one, WEIGHTS), read_table(other, WEIGHTS)
        if one == found[-1]:
            assert_frame_equal(a, b, rel_tol=1e-6)
        mean = float(b["weight"].mean())
        assert float((a["weight"] - b["weight"]).abs().max()) < 0.01 * mean
        assert max(float(t["completeness"].max()) for t in (a, b)) < 0.01
        assert max(float(t["error"].max()) for t in (a, b)) < 0.01 * mean


@pytest.mark.parametrize("difference", ["parameters", "length"])
def test_an_encoder_that_was_not_cut_from_the_last_weighs_alone(
    tmp_path: Path, series: list[Path], caplog: pytest.LogCaptureFixture, difference: str
) -> None:
    stranger = tmp_path / "stranger"
    if difference == "parameters":
        build_encoder(stranger, WORDS, layers=1, width=16, seed=5, checked=True)
    else:
        shorter = SentenceTransformer(str(series[1]), device="cpu")
        shorter.max_seq_length = 4
        shorter.save(str(stranger))
    corpus = write_corpus(tmp_path / "corpus.parquet", TEXTS[:1])
    encoders = [series[1], stranger, series[-1]]
    with caplog.at_level("INFO"):
        found = at_once(encoders, corpus, tmp_path)
    assert f"{stranger}: cannot be read off {series[-1]}" in caplog.text
    for one, other in zip(found, by_each(encoders, corpus, tmp_path), strict=True):
        assert one.read_bytes() == other.read_bytes()


class Interrupted(Exception):
    """Stands for whatever ends a job between two batches."""


@pytest.mark.parametrize("tolerance", [1e-3, 3e-7])
def test_goes_on_after_a_kill_to_the_same_bytes(
    tmp_path: Path, series: list[Path], monkeypatch: pytest.MonkeyPatch, tolerance: float
) -> None:
    """By rules, and where rounding leaves no more than refinement."""
    encoders = [series[1], series[-1]]
    corpus = write_corpus(tmp_path / "corpus.parquet", TEXTS)
    monkeypatch.setattr(IntegratedGradients, "batches_of", lambda *_: 2)
    settings: dict[str, Any] = {"tolerance": tolerance, "max_nodes": 64}
    expected = [path.read_bytes() for path in at_once(encoders, corpus, tmp_path, **settings)]
    weighed: list[int] = []

    def stopping(after: int, function: Callable) -> Callable:
        def counted(*arguments: Any, **options: Any) -> Any:
            weighed.append(1)
            if len(weighed) > after:
                raise Interrupted
            return function(*arguments, **options)

        return counted

    whole = [layer_weights.by_rules, layer_weights.refined]
    for name, function, after in zip(("by_rules", "refined"), whole, (1, 1), strict=True):
        weighed.clear()
        monkeypatch.setattr(layer_weights, name, stopping(after, function))
        if name == "by_rules" or tolerance < 1e-6:
            with pytest.raises(Interrupted):
                at_once(encoders, corpus, tmp_path, **settings)
            assert [*(tmp_path / "kept").rglob("*.npz")]
        monkeypatch.setattr(layer_weights, name, function)
    again = at_once(encoders, corpus, tmp_path, **settings)
    assert [path.read_bytes() for path in again] == expected


def test_as_a_command_whose_folders_are_gathered(tmp_path: Path, series: list[Path]) -> None:
    corpus = write_corpus(tmp_path / "corpus.parquet", TEXTS)
    folders = [tmp_path / shard for shard in ("1-of-2", "2-of-2")]
    for folder in folders:
        words = ["integrate_layers", series[1], series[-1], "--corpus", corpus, "--device", "cpu"]
        assert_runs(*words, "--shard", folder.name, "--output-layers", folder)
    about, hashes = set(), []
    for encoder in (series[1], series[-1]):
        table = tmp_path / f"{encoder.name}.parquet"
        of_one = ("--table", "weights", "--encoder", encoder.name)
        assert_runs("gather_tables", *folders, "--output-table", table, *of_one)
        assert read_table(table, WEIGHTS)["sentence_id"].n_unique() == 4
        metadata = read_metadata(table)
        about.add((metadata["encoder"], metadata["method"], metadata["corpus"]))
        hashes.append(metadata["config_hash"])
    assert about == {(name, "integrated_gradients", "corpus") for name in ("layer1", "whole")}
    assert len(set(hashes)) == 2


def test_what_is_of_one_encoder_alone_is_refused(tmp_path: Path, series: list[Path]) -> None:
    corpus = write_corpus(tmp_path / "corpus.parquet", TEXTS[:1])
    words = ["--corpus", corpus, "--output-layers", tmp_path / "layers"]
    script = "integrate_layers"
    line = assert_refuses(script, *series[1:], *words, "--engine", "captum")
    assert "--engine captum: weighs by one encoder alone; take own" in line
    line = assert_refuses(script, *series[1:], *words, "--output-vectors", tmp_path / "v.parquet")
    assert "write vectors by integrate_gradients.py" in line
    line = assert_refuses(script, series[1], *series[1:], *words)
    assert "layer1: two encoders have this name" in line
    assert not (tmp_path / "layers").exists()


def test_a_missed_sentence_stops_the_job(tmp_path: Path, series: list[Path]) -> None:
    corpus = write_corpus(tmp_path / "corpus.parquet", TEXTS[:2])
    with pytest.raises(InputError, match=r"sentence_id \d: .* is above the tolerance"):
        at_once([series[1], series[-1]], corpus, tmp_path, **STRICT)
    assert not (tmp_path / "layers").exists()


def test_which_encoders_are_weighed_together() -> None:
    encoders: dict[str, Any] = {name: {"source": "pretrained"} for name in ("a", "a.2", "b")}
    for number in ("", ".2"):
        for layers in (0, 1):
            encoders[f"a@layer{layers}{number}"] = {
                "source": "layer",
                "base": f"a{number}",
                "layers": layers,
            }
    config = {"encoders": encoders, "weights": {"integrated_gradients": {"engine": "own"}}}
    asked = [("integrated_gradients", name, "one") for name in encoders]
    asked += [("shapley", name, "two") for name in encoders]
    asked += [("integrated_gradients", name, "two") for name in ("a", "b")]
    assert weighed_together(config, asked) == {
        ("a", "one"): ["a@layer0", "a@layer1", "a"],
        ("a.2", "one"): ["a@layer0.2", "a@layer1.2", "a.2"],
    }
    other = copy.deepcopy(config)
    other["weights"]["integrated_gradients"]["engine"] = "captum"
    assert weighed_together(other, asked) == {}
    assert weighed_together({"encoders": encoders, "weights": {"shapley": {}}}, asked) == {}
