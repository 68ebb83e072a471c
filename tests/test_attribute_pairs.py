"""Similarities attributed to pairs of tokens, against integrated Jacobians by reverse mode."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from commands import WORDS, assert_refuses, assert_runs, write_corpus
from polars.testing import assert_frame_equal
from sentence_transformers import SentenceTransformer
from tiny_encoder import build_encoder

from common.contract import PAIRS
from common.encoders.encoder import Encoder
from common.memory import Budget
from common.tables import read_metadata, read_table
from common.tokens.sentences import make_sentences
from common.weights.integration import path_of
from common.weights.pair_attributions import Contributions, attribute_pair, embed_baselines
from common.weights.quadrature import STRAIGHT

TEXTS = ["the boat ran", "a sail made the moon", "the boat ran", "wind held"]
NODES = 8


def attribute(
    folder: Path,
    encoder: Path,
    *options: object,
    method: str = "integrate_gradients",
    texts: list[str] = TEXTS,
) -> pl.DataFrame:
    """The pairs of texts 0 and 1, 2 and 3, and so on."""
    sides = {"pair_id": [0, 0, 1, 1], "side": [0, 1, 0, 1]}
    inputs = [encoder, write_corpus(folder / "c.parquet", texts, **sides)]
    made = (folder / "v.parquet", folder / "w.parquet")
    shared = ("--device", "cpu", "--dtype", "float64")
    assert_runs(method, *inputs, "--output-vectors", made[0], "--output-weights", made[1], *shared)
    output = ("--output-pairs", folder / "p.parquet", *options)
    assert_runs("attribute_pairs", *inputs, *made, *output, *shared)
    return read_table(folder / "p.parquet", PAIRS)


def integrated_jacobian(model: Encoder, text: str) -> np.ndarray:
    """Contributions [n, d] from the zero baseline, by a Jacobian in reverse mode at every node."""
    end = model.embeddings(torch.tensor(model.tokenizer(text)["input_ids"]))
    places, weights = np.polynomial.legendre.leggauss(NODES)
    total = torch.zeros(())
    for place, weight in zip(places, weights, strict=True):
        inputs = end * (place + 1) / 2
        found = torch.autograd.functional.jacobian(lambda x: model.embed(x[None])[0], inputs)
        total = total + weight / 2 * torch.einsum("dnh,nh->nd", found, end)
    return total.numpy()


def contributions_of(model: Encoder, text: str) -> tuple[Contributions, np.ndarray]:
    """Those of a text at `NODES` nodes, and the same by Jacobians of reverse mode."""
    [sentence] = make_sentences([text], model.tokenizer, None)
    within = Budget(10**9, 10**9)
    path = path_of(model, [sentence], "zero", within)
    vectors = path.contributions(STRAIGHT, [NODES])[0].numpy()
    whole, start = embed_baselines(model, [sentence], "integrated_gradients", "zero", within)
    found = Contributions(vectors, np.zeros(len(vectors)), start[0], whole[0])
    return found, integrated_jacobian(model, text)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "lasttoken", "weightedmean"])
def test_equals_integrated_jacobians_of_reverse_mode(
    tmp_path: Path, pooling: str, normalize: bool
) -> None:
    build_encoder(
        tmp_path / "e", WORDS, checked=True, layers=1, width=8, pooling=pooling, normalize=normalize
    )
    model = Encoder(tmp_path / "e", device="cpu", dtype="float64", normalize=normalize)
    (first, left), (second, right) = (contributions_of(model, text) for text in TEXTS[:2])
    scale = float(np.linalg.norm(first.embedding) * np.linalg.norm(second.embedding))
    found, _ = attribute_pair(first, second, scale)
    np.testing.assert_allclose(found[:-1, :-1], left @ right.T / scale, atol=1e-5)
    swapped, _ = attribute_pair(second, first, scale)
    np.testing.assert_allclose(swapped, found.T, atol=1e-12)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_rows_sum_to_the_similarity(tmp_path: Path, similarity: str) -> None:
    encoder = build_encoder(tmp_path / "e", WORDS, checked=True, layers=1, width=8)
    found = attribute(tmp_path, encoder, "--similarity", similarity)
    vectors = SentenceTransformer(str(encoder), device="cpu").double().encode(TEXTS)
    norms = np.linalg.norm(vectors, axis=1)
    for pair, (a, b) in enumerate([(0, 1), (2, 3)]):
        rows = found.filter(pl.col("pair_id") == pair)
        size = norms[a] * norms[b] if similarity == "dot" else 1.0
        expected = vectors[a] @ vectors[b] * size / (norms[a] * norms[b])
        assert rows["similarity"][0] == pytest.approx(expected, abs=1e-6 * size)
        gap = abs(rows["attribution"].sum() - rows["similarity"][0])
        assert gap == pytest.approx(rows["completeness"][0] * size, abs=1e-9 * size)
        assert rows["completeness"][0] < 5e-3
        assert len(rows) == np.prod([len(TEXTS[k].split()) + 3 for k in (a, b)])
    ends = found.filter((pl.col("pair_id") == 1) & pl.col("other_position").is_null())
    assert ends["token"].to_list() == [None, "[CLS]", "the", "boat", "ran", "[SEP]"]
    assert ends["special"].to_list() == [None, True, False, False, False, True]
    assert read_metadata(tmp_path / "p.parquet")["similarity"] == similarity


def test_shapley_values_and_shards(tmp_path: Path) -> None:
    encoder = build_encoder(tmp_path / "e", WORDS, checked=True, layers=1, width=8)
    options = ("--baseline", "mask")
    found = attribute(tmp_path, encoder, *options, method="estimate_shapley")
    assert found["completeness"].max() < 1e-6
    specials = found.filter(pl.col("special"))
    assert specials["attribution"].abs().max() == 0
    shard = attribute(tmp_path, encoder, *options, "--shard", "2-of-2", method="estimate_shapley")
    assert_frame_equal(shard, found.filter(pl.col("pair_id") == 1))
    inputs = [tmp_path / f"{name}.parquet" for name in "cvw"]
    output = ("--output-pairs", tmp_path / "p.parquet", "--device", "cpu")
    line = assert_refuses("attribute_pairs", encoder, *inputs, *output, "--baseline", "pad")
    assert "sentence_id 0: contributions miss" in line
    alone = write_corpus(tmp_path / "c.parquet", TEXTS)
    line = assert_refuses("attribute_pairs", encoder, *inputs, *output)
    assert f"{alone}: no pairs" in line


def test_a_token_that_is_not_seen_carries_nothing(tmp_path: Path) -> None:
    options = {"architecture": "gpt2", "pooling": "cls"}
    encoder = build_encoder(tmp_path / "e", WORDS, checked=True, layers=1, width=8, **options)
    model = Encoder(encoder, device="cpu", dtype="float64")
    first, second = (contributions_of(model, text)[0] for text in TEXTS[:2])
    found, _ = attribute_pair(first, second, 1.0)
    assert np.abs(found[0, 0]) > 0
    assert np.abs(found[1:-1]).max() == 0
    assert np.abs(found[:, 1:-1]).max() == 0
