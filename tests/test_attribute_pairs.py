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

from common.contract import CORPUS, PAIRS
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
    vectors, weights = folder / "v.parquet", folder / "w.parquet"
    shared = ("--device", "cpu", "--dtype", "float64")
    made = ("--output-vectors", vectors, "--output-weights", weights)
    assert_runs(method, *inputs, *made, *shared)
    output = ("--output-pairs", folder / "p.parquet", *options)
    tables = ("--vectors", vectors, "--weights", weights)
    assert_runs("attribute_pairs", *inputs, *tables, *output, *shared)
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
    found = attribute(tmp_path, encoder, method="estimate_shapley")
    assert found["completeness"].max() < 1e-6
    specials = found.filter(pl.col("special"))
    assert specials["attribution"].abs().max() == 0
    shard = attribute(tmp_path, encoder, "--shard", "2-of-2", method="estimate_shapley")
    assert_frame_equal(shard, found.filter(pl.col("pair_id") == 1))
    options = ["--vectors", tmp_path / "v.parquet", "--weights", tmp_path / "w.parquet"]
    options += ["--output-pairs", tmp_path / "p.parquet", "--device", "cpu"]
    other = build_encoder(tmp_path / "o", WORDS, checked=True, layers=1, width=8, seed=1)
    line = assert_refuses("attribute_pairs", other, tmp_path / "c.parquet", *options)
    assert "sentence_id 0: contributions miss" in line
    alone = write_corpus(tmp_path / "c.parquet", TEXTS)
    line = assert_refuses("attribute_pairs", encoder, alone, *options)
    assert f"{alone}: no pairs" in line


def test_sentences_are_weighed_once_by_each_method_in_shards(tmp_path: Path) -> None:
    encoder = build_encoder(tmp_path / "e", WORDS, checked=True, layers=1, width=8)
    sides = {"pair_id": [0, 0, 1, 1, 2], "side": [0, 1, 0, 1, 0]}
    corpus = write_corpus(tmp_path / "c.parquet", [*TEXTS, "wind"], **sides)
    drawn = ("--output-pairs", tmp_path / "d.parquet", "--seed", 0)
    different = tmp_path / "s" / "c.parquet"
    assert_runs("select_pairs", corpus, *drawn, "--output-sentences", different)
    assert read_table(tmp_path / "d.parquet", CORPUS)["sentence_id"].to_list() == [0, 1, 2, 3]
    assert read_table(different, CORPUS)["sentence_id"].to_list() == [0, 1, 3]
    tables: dict[str, list[Path]] = {"vectors": [], "weights": []}
    for method, shards in (("integrate_gradients", 2), ("occlude_tokens", 1)):
        for shard in range(1, shards + 1):
            options: list[object] = ["--shard", f"{shard}-of-{shards}", "--device", "cpu"]
            for kind, paths in tables.items():
                paths.append(tmp_path / f"{method}.{shard}.{kind}.parquet")
                options += [f"--output-{kind}", paths[-1]]
            assert_runs(method, encoder, different, *options)
    options = ["--output-pairs", tmp_path / "p.parquet", "--device", "cpu"]
    both = ("--vectors", *tables["vectors"], "--weights", *tables["weights"])
    assert_runs("attribute_pairs", encoder, tmp_path / "d.parquet", *both, *options)
    found = read_table(tmp_path / "p.parquet", PAIRS)
    assert read_metadata(tmp_path / "p.parquet")["corpus"] == "c"
    assert found["method"].unique().sort().to_list() == ["integrated_gradients", "occlusion"]
    expected = attribute(tmp_path, encoder, texts=TEXTS)
    of_gradients = found.filter(method="integrated_gradients")
    assert_frame_equal(of_gradients, expected, abs_tol=1e-5)
    lacking = ("--vectors", *tables["vectors"], "--weights", *tables["weights"][1:])
    line = assert_refuses("attribute_pairs", encoder, tmp_path / "d.parquet", *lacking, *options)
    assert "the corpus has" in line


def test_likeness_ranks_cosines_of_input_word_vectors(tmp_path: Path) -> None:
    encoder = build_encoder(tmp_path / "e", WORDS, checked=True, layers=1, width=8)
    found = attribute(tmp_path, encoder).drop_nulls("likeness")
    model = Encoder(encoder, device="cpu")
    vectors = model.word_embeddings.weight.detach().numpy()
    unit = vectors - vectors.mean(0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    cosines = unit @ unit.T
    others = cosines[~np.eye(len(cosines), dtype=bool)]
    for row in found.sample(30, seed=0).iter_rows(named=True):
        ids = model.tokenizer.convert_tokens_to_ids([row["token"], row["other_token"]])
        share = (others < cosines[tuple(ids)]).mean()
        assert row["likeness"] == pytest.approx(share, abs=0.01)
        assert row["likeness"] > 0.999 or row["token"] != row["other_token"]


def test_a_token_that_is_not_seen_carries_nothing(tmp_path: Path) -> None:
    options = {"architecture": "gpt2", "pooling": "cls"}
    encoder = build_encoder(tmp_path / "e", WORDS, checked=True, layers=1, width=8, **options)
    model = Encoder(encoder, device="cpu", dtype="float64")
    first, second = (contributions_of(model, text)[0] for text in TEXTS[:2])
    found, _ = attribute_pair(first, second, 1.0)
    assert np.abs(found[0, 0]) > 0
    assert np.abs(found[1:-1]).max() == 0
    assert np.abs(found[:, 1:-1]).max() == 0
