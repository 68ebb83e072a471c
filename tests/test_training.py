"""Tokenizers, positives and both trainings, as commands on tiny corpora."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from commands import (
    WORDS,
    assert_refuses,
    assert_runs,
    draw_texts,
    stopped_after,
    write_corpus,
)
from polars.testing import assert_frame_equal
from safetensors.torch import load_file, save_file
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer
from tiny_encoder import build_encoder, build_tokenizer
from transformers import AutoModelForMaskedLM, AutoTokenizer

import pretrain_encoder
from common.command import InputError
from common.contract import ENCODERS, TRAINING
from common.encoders.masked_lm import build_masked_lm, plain
from common.encoders.positives import find_positives
from common.tables import read_table

SHAPE = ("--layers", 1, "--width", 16, "--heads", 2, "--positions", 32, "--pooling", "mean")
COURSE = ("--epochs", 2, "--batch-size", 16, "--learning-rate", 0.01, "--device", "cpu")


def outputs(directory: Path, *names: str) -> list[object]:
    return [word for name in names for word in (f"--output-{name}", directory / name)]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus.parquet", draw_texts(200))


def test_adjacent_positives_stay_in_their_document() -> None:
    corpus = pl.DataFrame(
        {"document_id": [0, 0, 0, 1, 2, 2], "sentence_id": range(6), "text": list("abcdef")}
    )
    found = find_positives(corpus, "adjacent", None)
    assert found.rows() == [("a", "b"), ("b", "c"), ("e", "f")]


def test_dropout_positives_are_each_text_once() -> None:
    corpus = pl.DataFrame(
        {"document_id": [0, 0, 1], "sentence_id": range(3), "text": ["a", "b", "a"]}
    )
    assert find_positives(corpus, "dropout", None).rows() == [("a", "a"), ("b", "b")]


def test_pairs_are_chosen_by_score() -> None:
    corpus = pl.DataFrame(
        {
            "document_id": [0, 0, 1, 1],
            "sentence_id": range(4),
            "text": list("abcd"),
            "pair_id": [0, 0, 1, 1],
            "side": pl.Series([0, 1, 0, 1], dtype=pl.Int8),
            "score": [5.0, 5.0, 1.0, 1.0],
        }
    )
    assert find_positives(corpus, "pairs", None).rows() == [("a", "b"), ("c", "d")]
    assert find_positives(corpus, "pairs", 4.0).rows() == [("a", "b")]
    with pytest.raises(InputError, match="pair_id"):
        find_positives(corpus.drop("pair_id"), "pairs", None)


@pytest.mark.parametrize("model", ["word", "wordpiece"])
def test_tokenizers_are_the_same_every_time(tmp_path: Path, corpus: Path, model: str) -> None:
    for name in ("one", "two"):
        assert_runs(
            *("train_tokenizer", corpus, "--output-tokenizer", tmp_path / name),
            *("--model", model, "--vocabulary", 60, "--positions", 32),
        )
    one, two = ((tmp_path / name / "tokenizer.json").read_bytes() for name in ("one", "two"))
    assert one == two
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "one")
    tokens = tokenizer.convert_ids_to_tokens(tokenizer("A BOAT")["input_ids"])
    assert (tokens[0], tokens[-1]) == ("[CLS]", "[SEP]")
    assert "".join(tokens[1:-1]).replace("##", "") == "aboat"


@pytest.mark.slow
def test_training_is_deterministic_and_learns(tmp_path: Path, corpus: Path) -> None:
    tokenizer = tmp_path / "tokenizer"
    assert_runs(
        *("train_tokenizer", corpus, "--output-tokenizer", tokenizer),
        *("--model", "word", "--vocabulary", 60, "--positions", 32),
    )
    names = ("encoder", "masked-lm", "training", "checkpoints")
    for run in ("one", "two"):
        directory = tmp_path / run
        files = outputs(directory, *names)
        assert_runs(
            *("pretrain_encoder", corpus, tokenizer, *files, *SHAPE, *COURSE),
            *("--mask-share", 0.15, "--seed", 3),
        )
        tuned = outputs(directory / "tuned", "encoder", "training", "checkpoints")
        assert_runs(
            *("finetune_encoder", directory / "encoder", corpus, *tuned, *COURSE),
            *("--positives", "adjacent", "--temperature", 0.05, "--seed", 3),
        )
        assert not (directory / "checkpoints").exists()
    for part in ("encoder", "masked-lm", "tuned/encoder"):
        one, two = (
            (tmp_path / run / part / "model.safetensors").read_bytes() for run in ("one", "two")
        )
        assert one == two, part
    course = read_table(tmp_path / "one/training", TRAINING)
    assert course["loss"].drop_nulls()[0] > course["loss"].drop_nulls()[-1]
    assert course["evaluation_loss"].drop_nulls().len() >= 2
    masked_lm = AutoModelForMaskedLM.from_pretrained(tmp_path / "one/masked-lm")
    encoder = SentenceTransformer(str(tmp_path / "one/encoder"), device="cpu")
    ours, theirs = masked_lm.base_model.state_dict(), encoder[0].auto_model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    tuned_model = SentenceTransformer(str(tmp_path / "one/tuned/encoder"), device="cpu")
    assert not np.allclose(encoder.encode(["a boat"]), tuned_model.encode(["a boat"]))


def test_evaluation_equals_its_definitions(tmp_path: Path) -> None:
    encoder = build_encoder(tmp_path / "encoder", WORDS)
    texts = draw_texts(20)
    scores = np.random.default_rng(0).uniform(0, 5, 10).round(1)
    pairs = np.repeat(np.arange(10), 2)
    corpus = write_corpus(
        *(tmp_path / "pairs.parquet", texts),
        pair_id=pairs.tolist(),
        side=[0, 1] * 10,
        score=scores[pairs].tolist(),
    )
    output = tmp_path / "evaluation.parquet"
    assert_runs(
        *("evaluate_encoder", encoder, corpus, "--output-evaluation", output, "--device", "cpu"),
        *("--name", "e", "--corpus-name", "pairs", "--positive-score", 2.5),
    )
    row = read_table(output, ENCODERS).row(0, named=True)
    points = SentenceTransformer(str(encoder), device="cpu").encode(texts)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    cosines = (points[::2] * points[1::2]).sum(axis=1)
    assert row["sts_spearman"] == pytest.approx(spearmanr(cosines, scores)[0], abs=1e-6)
    distances = ((points[::2] - points[1::2]) ** 2).sum(axis=1)
    assert row["alignment"] == pytest.approx(distances[scores >= 2.5].mean(), rel=1e-5)
    different = np.unique(points, axis=0)
    squared = ((different[:, None] - different[None]) ** 2).sum(axis=2)
    above = squared[np.triu_indices(len(different), 1)]
    assert row["uniformity"] == pytest.approx(np.log(np.exp(-2 * above).mean()), rel=1e-4)
    assert row["mean_cosine"] == pytest.approx(1 - above.mean() / 2, abs=1e-5)


def test_an_encoder_that_has_collapsed_is_told(tmp_path: Path) -> None:
    encoder = build_encoder(tmp_path / "encoder", WORDS)
    parameters = load_file(encoder / "model.safetensors")
    last = [name for name in parameters if name.endswith("output.LayerNorm.weight")][-1]
    parameters[last] *= 1e-4
    parameters[last.replace("weight", "bias")] += 1
    save_file(parameters, encoder / "model.safetensors", {"format": "pt"})
    pairs = np.repeat(np.arange(10), 2).tolist()
    corpus = write_corpus(
        *(tmp_path / "pairs.parquet", draw_texts(20)),
        pair_id=pairs,
        side=[0, 1] * 10,
        score=[float(pair) for pair in pairs],
    )
    output = tmp_path / "evaluation.parquet"
    log = assert_runs(
        *("evaluate_encoder", encoder, corpus, "--output-evaluation", output, "--device", "cpu"),
        *("--name", "e", "--corpus-name", "pairs", "--positive-score", 5),
    )
    assert read_table(output, ENCODERS)["mean_cosine"].item() > 0.999
    assert f"{encoder} has collapsed: the mean cosine of two sentences is 1.000" in log


def test_unscored_corpora_cannot_evaluate(tmp_path: Path, corpus: Path) -> None:
    encoder = build_encoder(tmp_path / "encoder", WORDS)
    line = assert_refuses(
        *("evaluate_encoder", encoder, corpus, "--output-evaluation", tmp_path / "e.parquet"),
        *("--name", "e", "--corpus-name", "pairs", "--positive-score", 2.5),
    )
    assert "corpus.parquet" in line
    assert "'pair_id' and 'score'" in line


def test_the_sparse_output_layer_gives_the_loss_and_gradient_of_the_full_one() -> None:
    torch.manual_seed(0)
    sparse = build_masked_lm(50, 0, layers=1, width=16, heads=2, positions=12)
    full = plain(sparse).eval()
    ids = torch.randint(5, 50, (6, 12))
    attention = torch.ones_like(ids)
    attention[:3, 9:] = 0
    labels = torch.where(torch.rand(ids.shape) < 0.3, ids, -100)
    losses = [
        m(input_ids=ids, attention_mask=attention, labels=labels).loss for m in (sparse, full)
    ]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-5)
    for loss in losses:
        loss.backward()
    for ours, theirs in zip(sparse.parameters(), full.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-6)


@pytest.mark.parametrize(
    ("epochs", "stops"),
    [(3, (1, 5)), (3, (2,)), (3, (3,)), (3, (9,)), (2.5, (8,)), (47, (15,))],
    ids=["twice", "within", "between", "at the end", "at half an epoch", "between reports"],
)
def test_a_training_stopped_at_a_checkpoint_ends_as_an_uninterrupted_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, epochs: float, stops: tuple[int, ...]
) -> None:
    """Of epochs of three steps, with ten checkpoints and a hundred reports, or one a step."""
    some = write_corpus(tmp_path / "c.parquet", draw_texts(49))
    tokenizer = build_tokenizer(WORDS)
    tokenizer.save_pretrained(tmp_path / "tokenizer")

    def train(folder: Path) -> None:
        pretrain_encoder.main(
            some,
            tmp_path / "tokenizer",
            output_encoder=folder / "encoder",
            output_masked_lm=folder / "masked_lm",
            output_training=folder / "training.parquet",
            output_checkpoints=folder / "checkpoints",
            **{"layers": 1, "width": 16, "heads": 2, "positions": 32, "pooling": "mean"},
            **{"epochs": epochs, "batch_size": 16, "learning_rate": 0.01, "mask_share": 0.15},
            **{"seed": 3, "device": "cpu"},
        )

    train(tmp_path / "whole")
    for stop in stops:
        with stopped_after(stop):
            train(tmp_path / "stopped")
        assert not (tmp_path / "stopped/encoder").exists()
    with caplog.at_level("INFO"):
        train(tmp_path / "stopped")
    assert f"checkpoint-{stops[-1]}" in caplog.text
    whole, stopped = (
        read_table(tmp_path / name / "training.parquet", TRAINING).drop("seconds")
        for name in ("whole", "stopped")
    )
    assert whole["step"].max() == math.ceil(3 * epochs)
    assert_frame_equal(whole, stopped, check_exact=True)
    one, two = (tmp_path / n / "encoder/model.safetensors" for n in ("whole", "stopped"))
    assert one.read_bytes() == two.read_bytes()
