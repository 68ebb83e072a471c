"""Similarity of the sentences of pairs, and what pages show of them."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from commands import WORDS, assert_runs, draw_texts, write_corpus
from sentence_transformers import SentenceTransformer
from tiny_encoder import build_encoder

from common.contract import CORPUS, SIMILARITIES
from common.reports.paired_sentences import pairs_of
from common.tables import read_table, write_table


def pairs(texts: list[str]) -> pl.DataFrame:
    """Triplets: sides 0, 1 and 2 in turn."""
    numbers = np.arange(len(texts))
    return pl.DataFrame(
        {
            "document_id": numbers // 3,
            "sentence_id": numbers,
            "text": texts,
            "pair_id": numbers // 3,
            "side": pl.Series(numbers % 3, dtype=pl.Int8),
        }
    )


def test_cosine_is_that_of_encode(tmp_path: Path) -> None:
    encoder = build_encoder(tmp_path / "encoder", WORDS)
    texts = draw_texts(12)
    write_table(pairs(texts), tmp_path / "c.parquet", CORPUS)
    output = ("--output-similarities", tmp_path / "s.parquet", "--device", "cpu")
    assert_runs("measure_similarity", encoder, tmp_path / "c.parquet", *output)
    found = read_table(tmp_path / "s.parquet", SIMILARITIES)
    vectors = SentenceTransformer(str(encoder), device="cpu").encode(texts).astype(float)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = (unit[0::3] * unit[1::3]).sum(axis=1)
    assert found["pair_id"].to_list() == [0, 1, 2, 3]
    np.testing.assert_allclose(found["similarity"], expected, atol=1e-6)
    alone = write_corpus(tmp_path / "l.parquet", texts)
    assert_runs("measure_similarity", encoder, alone, *output)
    assert len(read_table(tmp_path / "s.parquet", SIMILARITIES)) == 0


def test_sides_of_triplets(tmp_path: Path) -> None:
    corpus = pairs(["a", "p", "n", "b", "q", "m"])
    table = pl.DataFrame({"pair_id": [0, 1], "similarity": [0.5, -0.25]})
    write_table(table, tmp_path / "s.parquet", SIMILARITIES)
    shown = corpus.filter(pl.col("sentence_id") != 4).select("sentence_id")
    assert pairs_of(corpus, shown, [tmp_path / "s.parquet"]) == {
        "partner": [1, 0, 0, None, 3],
        "text": ["p", "a", "a", "q", "b"],
        "score": None,
        "similarity": [[0.5, 0.5, None, -0.25, None]],
    }
    assert pairs_of(corpus.drop("pair_id", "side"), shown, []) is None


@pytest.mark.parametrize("score", [None, 4.5])
def test_a_score_that_is_missing_stays_so(score: float | None) -> None:
    corpus = pairs(["a", "p", "n"]).with_columns(score=pl.lit(score, pl.Float64))
    found = pairs_of(corpus, corpus.select("sentence_id"), [])
    assert found is not None
    assert found["score"] == [score] * 3
    assert found["similarity"] is None
