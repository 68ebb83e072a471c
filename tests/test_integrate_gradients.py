"""The command that integrates gradients: shards, baselines, numbers, bad input."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from commands import WORDS, assert_refuses, assert_runs, draw_texts, write_corpus
from polars.testing import assert_frame_equal
from safetensors.torch import load_file, save_file
from tiny_encoder import build_encoder

from common.contract import WEIGHTS
from common.encoders.encoder import Encoder
from common.memory import Budget
from common.tables import read_metadata, read_table
from common.weights.path_integral import PathIntegral
from common.weights.quadrature import STRAIGHT

TEXTS = draw_texts(10)


def options(**changed: object) -> list[object]:
    """The command's options, with what a test changes."""
    settings = {"baseline": "zero", "tolerance": 1e-3, "max-nodes": 256, "seed": 0, **changed}
    return [word for name, value in settings.items() for word in (f"--{name}", value)]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_encoder(tmp_path_factory.mktemp("encoder") / "e", WORDS, checked=True)


def weigh(encoder: Path, corpus: Path, **changed: object) -> pl.DataFrame:
    output = corpus.with_name("w.parquet")
    arguments = (encoder, corpus, "--output-weights", output, *options(**changed))
    assert_runs("integrate_gradients", *arguments)
    return read_table(output, WEIGHTS)


def test_weighs_every_token_the_same_alone_and_in_a_batch(encoder: Path, tmp_path: Path) -> None:
    together = weigh(encoder, write_corpus(tmp_path / "c.parquet", TEXTS))
    model = Encoder(encoder, device="cpu")
    encoded = model.tokenizer(TEXTS)["input_ids"]
    assert together["token_id"].to_list() == [token for ids in encoded for token in ids]
    assert together["completeness"].max() <= 1e-3
    relative = pl.col("error") / pl.col("weight").mean().over("sentence_id")
    assert 0 < together.select(relative.max()).item() <= 1e-3
    assert not together["truncated"].any()
    assert read_metadata(tmp_path / "w.parquet")["tokenizer"] == model.fingerprint
    first = together.filter(sentence_id=0)
    assert first["special"].to_list() == [True, *[False] * (len(first) - 2), True]
    assert first["token"].to_list() == ["[CLS]", *TEXTS[0].split(), "[SEP]"]
    end = model.embeddings(torch.tensor(encoded[:1]))
    alone = PathIntegral(model.embed, torch.zeros_like(end), end, Budget(30_000, 30_000))
    weights = alone.integrate(STRAIGHT, 1e-6, 256)[0][0].norm(dim=1).numpy()
    assert first["weight"].to_numpy() == pytest.approx(weights, rel=5e-3)
    assert (np.abs(first["weight"] - weights) <= first["error"] + 1e-5 * weights).all()


def test_the_users_names_of_rows_are_kept(encoder: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS[:2], id=pl.Series(["x-7", None]))
    weights = weigh(encoder, corpus)
    assert weights.group_by("sentence_id", maintain_order=True).agg(
        pl.col("id").first(), same=pl.col("id").n_unique() == 1
    ).rows() == [(0, "x-7", True), (1, None, True)]


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 50])
def test_shards_together_are_the_whole_to_the_last_bit(
    encoder: Path, tmp_path: Path, count: int
) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS)
    whole = weigh(encoder, corpus)
    numbers = range(1, count + 1) if count < 10 else (1, 50)
    shards = [weigh(encoder, corpus, shard=f"{k}-of-{count}") for k in numbers]
    assert shards[-1].schema == whole.schema
    if count < 10:
        assert_frame_equal(pl.concat(shards).sort(WEIGHTS.keys), whole, check_exact=True)
    else:
        assert shards[-1].is_empty()  # there are fewer batches than shards


@pytest.mark.parametrize("baseline", ["mask", "pad"])
def test_tokens_of_the_baseline_weigh_nothing(encoder: Path, tmp_path: Path, baseline: str) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", ["the boat", f"the [{baseline.upper()}] boat"])
    found = weigh(encoder, corpus, baseline=baseline)
    nothing = pl.col("token") == f"[{baseline.upper()}]"
    assert found.filter(nothing)["weight"].to_list() == [0.0]
    assert found.filter(~nothing)["weight"].min() > 0


@pytest.mark.parametrize(("dtype", "most"), [("float64", 1e-6), ("bfloat16", 0.1)])
def test_other_numbers(encoder: Path, tmp_path: Path, dtype: str, most: float) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS[:3])
    plain = weigh(encoder, corpus)["weight"]
    other = weigh(encoder, corpus, dtype=dtype, tolerance=most)
    assert other["completeness"].max() <= most
    assert other["weight"].to_numpy() == pytest.approx(plain.to_numpy(), rel=0.1)


@pytest.mark.parametrize(("engine", "most"), [("captum", 1e-3), ("shap", 0.5)])
def test_other_engines_write_the_same_table(
    encoder: Path, tmp_path: Path, engine: str, most: float
) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS[:2])
    own = weigh(encoder, corpus)
    other = weigh(encoder, corpus, engine=engine, **{"max-nodes": 64})
    measured = ("weight", "word_weight", "error", "completeness")
    assert_frame_equal(other.drop(measured), own.drop(measured))
    assert other["completeness"].max() <= most
    assert other["error"].is_null().all()
    assert other["weight"].to_numpy() == pytest.approx(own["weight"].to_numpy(), rel=2 * most)


def test_long_sentences_are_flagged(encoder: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", ["the boat", "sea " * 60])
    found = weigh(encoder, corpus, tolerance=1)
    flags = found.group_by("sentence_id", maintain_order=True).agg(
        pl.col("truncated").unique(), pl.len()
    )
    assert flags.rows() == [(0, [False], 4), (1, [True], 36)]


def test_a_sentence_that_misses_the_tolerance_stops_the_run(encoder: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS[:4])
    settings = options(baseline="mask", tolerance=1e-9, **{"max-nodes": 8, "on-missed": "stop"})
    output = tmp_path / "w.parquet"
    line = assert_refuses(
        *("integrate_gradients", encoder, corpus, "--output-weights", output), *settings
    )
    assert f"{corpus}: sentence_id " in line
    assert "after 8 nodes is above the tolerance of 1e-09; raise max_nodes" in line
    assert " baseline " in line
    assert not output.exists()


def test_sentences_that_miss_the_tolerance_are_kept_and_counted(
    encoder: Path, tmp_path: Path
) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS[:3])
    output = tmp_path / "w.parquet"
    settings = options(baseline="mask", tolerance=1e-9, **{"max-nodes": 8})
    log = assert_runs("integrate_gradients", encoder, corpus, "--output-weights", output, *settings)
    assert "3 sentences did not reach the tolerance of 1e-09" in log
    assert "raise max_nodes to " in log
    found = read_table(output, WEIGHTS)
    assert found["sentence_id"].n_unique() == 3
    assert found["error"].min() > 0


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("shard", "3-of-2", "--shard 3-of-2: not like 1-of-8"),
        ("memory", 0.5, "--memory 0.5: the encoder alone takes 1.0 GiB"),
        ("engine", "magic", "magic"),
    ],
)
def test_options_that_cannot_be(
    encoder: Path, tmp_path: Path, option: str, value: object, message: str
) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS[:2])
    output = tmp_path / "w.parquet"
    arguments = (encoder, corpus, "--output-weights", output, *options(**{option: value}))
    assert message in assert_refuses("integrate_gradients", *arguments)
    assert not output.exists()


def test_bad_sentences_and_encoders_are_named(tmp_path: Path) -> None:
    encoder = build_encoder(tmp_path / "e", WORDS, checked=True)
    corpus = write_corpus(tmp_path / "c.parquet", ["the boat", "  "])
    arguments = (encoder, corpus, "--output-weights", tmp_path / "w.parquet", *options())
    assert f"{corpus}: sentence_id 1 has no tokens" in assert_refuses(
        "integrate_gradients", *arguments
    )
    file = encoder / "model.safetensors"
    parameters = load_file(file)
    parameters["embeddings.LayerNorm.weight"].fill_(float("nan"))
    save_file(parameters, file, metadata={"format": "pt"})
    assert str(encoder) in (line := assert_refuses("integrate_gradients", *arguments))
    assert "not finite" in line
    assert not (tmp_path / "w.parquet").exists()


@pytest.mark.parametrize("architecture", ["t5", "modernbert"])
def test_embeddings_that_meet_a_norm_first(tmp_path: Path, architecture: str) -> None:
    """The embedding jumps where the path leaves zero, since only the direction counts."""
    encoder = build_encoder(tmp_path / "e", WORDS, checked=True, architecture=architecture)
    corpus = write_corpus(tmp_path / "c.parquet", ["the boat ran"])
    output = tmp_path / "w.parquet"
    settings = options(baseline="zero", **{"max-nodes": 48, "on-missed": "stop"})
    line = assert_refuses(
        *("integrate_gradients", encoder, corpus, "--output-weights", output), *settings
    )
    assert re.search("take baseline (pad|mask)", line)
    found = weigh(encoder, corpus, baseline="pad", **{"max-nodes": 256})
    assert found["completeness"].max() <= 1e-2


@pytest.mark.parametrize(
    ("script", "option", "value", "allowed"),
    [
        ("integrate_gradients", "--tolerance", 0, "> 0"),
        ("integrate_gradients", "--max-nodes", 0, ">= 1"),
        ("estimate_shapley", "--evaluations", 0, ">= 1"),
        ("estimate_shapley", "--exact-up-to", -1, ">= 0"),
    ],
)
def test_numbers_that_cannot_be_are_refused(
    tmp_path: Path, script: str, option: str, value: int, allowed: str
) -> None:
    line = assert_refuses(
        *(script, tmp_path, tmp_path, "--output-weights", tmp_path / "w.parquet", option, value)
    )
    assert f"for {option}. Must be {allowed}" in line
