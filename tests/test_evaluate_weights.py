"""Bags of word vectors by plain loops, and static encoders as sentence-transformers reads them."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.stats
from commands import WORDS, assert_refuses, assert_runs, draw_texts, write_corpus
from sentence_transformers import SentenceTransformer
from test_words import TOKENIZERS
from tiny_encoder import build_encoder

import estimate_information
from common.contract import INFORMATION, WEIGHTED_BAGS, WEIGHTS
from common.reports.weights_alone import on_bags
from common.tables import read_table
from count_tokens import main as count_tokens

SCHEMES = ["information_gain", "none", "occlusion", "self_information", "sif"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder, its weights, quantities, and scored pairs with a word that has none."""
    place = tmp_path_factory.mktemp("bags")
    encoder = build_encoder(place / "encoder", WORDS, checked=True)
    corpus = write_corpus(
        place / "corpus.parquet", [t.replace("moon", "sea") for t in draw_texts(60)]
    )
    options = ("--output-weights", place / "w.parquet", "--device", "cpu")
    assert_runs("occlude_tokens", encoder, corpus, *options)
    made = {f"output_{kind}": place / f"{kind}.parquet" for kind in ("tokens", "pairs", "lengths")}
    count_tokens(corpus, encoder, **made)
    counts = {name.removeprefix("output_"): path for name, path in made.items()}
    estimate_information.main(**counts, output_information=place / "information.parquet")
    texts = [*draw_texts(40, seed=3), "moon", "moon sea"]
    pair = np.repeat(np.arange(len(texts) // 2), 2)
    scores = np.repeat(np.random.default_rng(0).random(len(texts) // 2), 2)
    side = [0, 1] * (len(texts) // 2)
    more = {"pair_id": pair.tolist(), "side": side, "score": scores.tolist()}
    write_corpus(place / "pairs.parquet", texts, **more)
    return place


def command(folder: Path, output: Path, weights: str = "w.parquet") -> list[object]:
    return [
        *(folder / "encoder", folder / "pairs.parquet"),
        *("--information", folder / "information.parquet", "--weights", folder / weights),
        *("--output-bags", output, "--comparison", "c", "--name", "e", "--corpus-name", "sts"),
        *("--draws", "200", "--confidence", "0.95", "--seed", "1"),
    ]


def test_bags_are_those_of_plain_loops(folder: Path, tmp_path: Path) -> None:
    assert_runs("evaluate_weights", *command(folder, tmp_path / "bags.parquet"))
    table = read_table(tmp_path / "bags.parquet", WEIGHTED_BAGS)
    assert table["scheme"].to_list() == SCHEMES
    model = SentenceTransformer(str(folder / "encoder"), device="cpu")
    vectors = model[0].model.get_input_embeddings().weight.detach().numpy()
    types = read_table(folder / "information.parquet", INFORMATION)
    tokens = read_table(folder / "w.parquet", WEIGHTS).filter(~pl.col("special"))
    own = {"occlusion": dict(tokens.group_by("token_id").agg(pl.col("weight").mean()).rows())}
    for scheme, column in (
        ("self_information",) * 2,
        ("information_gain", "information_gain_bayes"),
    ):
        own[scheme] = dict(types.drop_nulls(column).select("token_id", column).rows())
    p = dict(types.select("token_id", "probability").rows())
    own["sif"] = {word: 0.001 / (0.001 + p.get(word, 0)) for word in range(len(vectors))}
    own["none"] = dict.fromkeys(range(len(vectors)), 1.0)
    pairs = pl.read_parquet(folder / "pairs.parquet")
    ids = [model.tokenizer(text, add_special_tokens=False)["input_ids"] for text in pairs["text"]]
    moon = model.tokenizer.get_vocab()["moon"]
    assert moon not in own["occlusion"]
    seen = {word for one in ids for word in one}
    for row in table.iter_rows(named=True):
        weights = own[row["scheme"]]
        rest = np.mean(list(weights.values()))
        bags = [sum(weights.get(word, rest) * vectors[word] for word in one) for one in ids]
        cosines = [
            one @ two / np.sqrt(one @ one * (two @ two))
            for one, two in zip(bags[::2], bags[1::2], strict=True)
        ]
        rho = scipy.stats.spearmanr(cosines, pairs["score"][::2]).statistic
        assert row["sts_spearman"] == pytest.approx(rho, abs=1e-6)
        assert row["sts_spearman_low"] < rho < row["sts_spearman_high"]
        assert (row["n"], row["types"]) == (21, len(seen))
        assert row["types_weighted"] == len(seen & set(weights))
        assert row["sts_spearman_change"] == pytest.approx(
            rho - table.filter(scheme="none")["sts_spearman"][0], abs=1e-6
        )
    assert table.filter(scheme="none").select("sts_spearman_change_low").item() == 0
    assert table.filter(scheme="occlusion")["types_weighted"][0] == len(seen) - 1
    (line,) = on_bags(table)
    assert "no weights" in line
    assert "occlusion" in line


def test_weights_of_another_tokenizer_are_refused(folder: Path, tmp_path: Path) -> None:
    other = build_encoder(tmp_path / "o", WORDS, tokenizer=TOKENIZERS["bytes"], checked=True)
    options = ("--output-weights", folder / "other.parquet", "--device", "cpu")
    assert_runs("occlude_tokens", other, folder / "corpus.parquet", *options)
    line = assert_refuses(
        "evaluate_weights", *command(folder, tmp_path / "bags.parquet", "other.parquet")
    )
    assert "other.parquet: not of the tokens of" in line
    assert not (tmp_path / "bags.parquet").exists()


def test_static_encoders_are_weighted_means(folder: Path, tmp_path: Path) -> None:
    static = tmp_path / "static"
    options = ("--weights", folder / "w.parquet", "--output-encoder", static)
    log = assert_runs("export_weights", folder / "encoder", *options)
    assert "types have a weight; 32 dimensions" in log
    model = SentenceTransformer(str(folder / "encoder"), device="cpu")
    vectors = model[0].model.get_input_embeddings().weight.detach().numpy()
    tokens = read_table(folder / "w.parquet", WEIGHTS).filter(~pl.col("special"))
    weights = dict(tokens.group_by("token_id").agg(pl.col("weight").mean()).rows())
    rest = np.mean(list(weights.values()))
    for text in ("the boat saw a cake", "sea moon"):
        ids = model.tokenizer(text, add_special_tokens=False)["input_ids"]
        expected = np.mean([weights.get(word, rest) * vectors[word] for word in ids], axis=0)
        found = SentenceTransformer(str(static), device="cpu").encode(text)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
