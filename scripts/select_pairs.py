"""Draw the pairs of a corpus whose similarity is attributed."""

import logging
from pathlib import Path

import numpy as np
import polars as pl

from common.command import InputError, run
from common.contract import CORPUS
from common.tables import read_table, write_table


def main(
    corpus: Path, *, output_pairs: Path, output_sentences: Path, pairs: int | None = None, seed: int
) -> None:
    """Draw pairs of sentences from a corpus, and list their different sentences.

    Example: python scripts/select_pairs.py stsb.parquet --output-pairs pairs.parquet
    --output-sentences sentences.parquet --pairs 100 --seed 0

    Parameters
    ----------
    corpus
        Pairs of sentences.
    output_pairs
        Sides 0 and 1 of the pairs drawn, numbered as in the corpus.
    output_sentences
        The first of the sentences of each text among them: weighed once, however many pairs it is
        in.
    pairs
        Draw this many pairs; all are taken where this is not given, or there are not more.
    seed
        Of the draw.
    """
    table = read_table(corpus, CORPUS)
    if "pair_id" not in table.columns:
        raise InputError(f"{corpus}: no pairs; give a corpus of two text columns")
    sides = table.filter(pl.col("side") < 2)
    whole = sides.group_by("pair_id").len().filter(len=2)["pair_id"].sort()
    if not len(whole):
        raise InputError(f"{corpus}: no pair has both its sides; look at its pair_id and side")
    size = min(pairs or len(whole), len(whole))
    drawn = np.sort(np.random.default_rng(seed).choice(whole.to_numpy(), size, replace=False))
    chosen = sides.filter(pl.col("pair_id").is_in(drawn)).sort("sentence_id")
    different = chosen.unique("text", keep="first", maintain_order=True)
    write_table(chosen, output_pairs, CORPUS)
    write_table(different, output_sentences, CORPUS)
    text = "%d of %d pairs, %d different sentences"
    logging.info(text, size, len(whole), len(different))


if __name__ == "__main__":
    run(main)
