"""Measure the similarity of the sentences of pairs by a sentence encoder."""

import logging
from pathlib import Path
from typing import Literal

import polars as pl
from sentence_transformers.util import pairwise_cos_sim

from common.command import run
from common.contract import CORPUS, SIMILARITIES
from common.device import choose_device
from common.encoders.loading import load_encoder
from common.tables import read_table, write_table


def main(
    encoder: Path,
    corpus: Path,
    *,
    output_similarities: Path,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> None:
    """Measure the cosine of the embeddings of sides 0 and 1 of every pair.

    Example: python scripts/measure_similarity.py encoder sts.parquet
    --output-similarities similarities.parquet

    Parameters
    ----------
    encoder
        Directory of the encoder.
    corpus
        Pairs of sentences (Parquet).
    output_similarities
        A row for every pair; of a corpus without pairs, none.
    device
        auto, cpu or cuda.
    """
    table = read_table(corpus, CORPUS)
    if "pair_id" not in table.columns:
        logging.info("%s: no pairs, nothing to measure", corpus)
        none = pl.DataFrame(schema={"pair_id": pl.Int64, "similarity": pl.Float64})
        write_table(none, output_similarities, SIMILARITIES)
        return
    left, right = (table.filter(pl.col("side") == side) for side in (0, 1))
    pairs = left.join(right, on="pair_id", suffix="_1", maintain_order="left")
    model = load_encoder(encoder, choose_device(device))
    first, second = (
        model.encode(pairs[side].to_list(), convert_to_tensor=True) for side in ("text", "text_1")
    )
    cosines = pairwise_cos_sim(first, second).double().cpu().clamp(-1, 1)
    found = pairs.select("pair_id", similarity=pl.Series(cosines.numpy()))
    write_table(found, output_similarities, SIMILARITIES)


if __name__ == "__main__":
    run(main)
