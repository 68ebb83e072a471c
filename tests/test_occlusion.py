"""Occlusion against the library's own forward pass on sentences with a token masked or left out."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from commands import WORDS, assert_runs, draw_texts, write_corpus
from sentence_transformers import SentenceTransformer
from tiny_encoder import build_encoder

from common.contract import WEIGHTS
from common.tables import read_metadata, read_table


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_encoder(tmp_path_factory.mktemp("encoder") / "e", WORDS, checked=True)


def embed(model: SentenceTransformer, ids: list[int], mask: list[int]) -> np.ndarray:
    """What the library makes of token ids, without our functions of input embeddings."""
    inputs = {"input_ids": torch.tensor([ids]), "attention_mask": torch.tensor([mask])}
    with torch.no_grad():
        return model(inputs)["sentence_embedding"][0].double().numpy()


@pytest.mark.parametrize("absent", ["mask", "drop"])
def test_contributions_are_differences_to_the_sentence_without_the_token(
    encoder: Path, tmp_path: Path, absent: str
) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", [*draw_texts(6), "boat"])
    weights, vectors = tmp_path / "w.parquet", tmp_path / "v.parquet"
    outputs = ("--output-weights", weights, "--output-vectors", vectors)
    assert_runs("occlude_tokens", encoder, corpus, *outputs, "--absent", absent, "--device", "cpu")
    table, contributions = read_table(weights, WEIGHTS), pl.read_parquet(vectors)
    assert read_metadata(weights)["method"] == "occlusion"
    assert (table["error"] == 0).all()
    model = SentenceTransformer(str(encoder), device="cpu")
    mask_id = model.tokenizer.mask_token_id
    for rows in table.with_columns(contributions["vector"]).partition_by("sentence_id"):
        ids, ones = rows["token_id"].to_list(), [1] * len(rows)
        whole, summed = embed(model, ids, ones), np.zeros(len(rows["vector"][0]))
        gone = [not special for special in rows["special"]]
        for row in rows.iter_rows(named=True):
            k = row["position"]
            if row["special"]:
                assert row["weight"] == 0
                continue
            without = (
                embed(model, ids, [*ones[:k], 0, *ones[k + 1 :]])
                if absent == "drop"
                else embed(model, [*ids[:k], mask_id, *ids[k + 1 :]], ones)
            )
            np.testing.assert_allclose(row["vector"], whole - without, atol=2e-6)
            assert row["weight"] == pytest.approx(np.linalg.norm(whole - without), abs=2e-6)
            summed += whole - without
        nothing = (
            embed(model, ids, [int(not each) for each in gone])
            if absent == "drop"
            else embed(
                model, [mask_id if each else i for i, each in zip(ids, gone, strict=True)], ones
            )
        )
        missed = np.linalg.norm(whole - nothing - summed) / np.linalg.norm(whole - nothing)
        assert rows["completeness"][0] == pytest.approx(missed, rel=1e-3, abs=1e-5)


def test_shards_together_are_the_whole(encoder: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", draw_texts(20))
    found = []
    for shard in ("1-of-1", "1-of-2", "2-of-2"):
        output = tmp_path / f"{shard}.parquet"
        assert_runs(
            *("occlude_tokens", encoder, corpus, "--output-weights", output),
            *("--shard", shard, "--device", "cpu"),
        )
        found.append(read_table(output, WEIGHTS))
    joined = found[1].extend(found[2]).sort(WEIGHTS.keys)
    assert joined.equals(found[0])
