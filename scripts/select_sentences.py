"""Join corpora and select sentences of them."""

import logging
from pathlib import Path

import numpy as np
import polars as pl

from common.command import InputError, run
from common.contract import CORPUS
from common.tables import read_table, write_table


def join_corpora(corpora: list[pl.DataFrame]) -> pl.DataFrame:
    """Document, text and any id of all sentences, in order; no document is in two corpora."""
    parts = [
        corpus.select(pl.lit(place).alias("corpus"), "document_id", "text", "^id$")
        for place, corpus in enumerate(corpora)
    ]
    joined = pl.concat(parts, how="diagonal")
    return joined.select(pl.struct("corpus", "document_id").alias("document"), "text", "^id$")


def draw_different(joined: pl.DataFrame, sentences: int, seed: int) -> pl.DataFrame:
    """`sentences` rows of different texts, each as likely as another, in the order of the corpus.

    Raises
    ------
    InputError
        There are fewer different texts.
    """
    different = joined.unique("text", keep="first", maintain_order=True)
    if sentences > different.height:
        raise InputError(
            f"{sentences} sentences wanted, but there are {different.height} different ones to "
            "select from; ask for fewer, join more corpora or allow more words"
        )
    drawn = np.random.default_rng(seed).choice(different.height, sentences, replace=False)
    return different[np.sort(drawn)]


def main(
    corpora: list[Path],
    *,
    output_corpus: Path,
    sentences: int | None = None,
    max_words: int | None = None,
    seed: int,
) -> None:
    """Join corpora in the order given and select sentences of them.

    Pairs, scores and labels are dropped: a selection is of single sentences.

    Example: python scripts/select_sentences.py stsb.parquet wikitext2.parquet
    --output-corpus some.parquet --sentences 1000 --max-words 40 --seed 0

    Parameters
    ----------
    corpora
        Corpora to join.
    output_corpus
        The selected sentences, numbered anew.
    sentences
        Draw this many different sentences; all are kept where this is not given.
    max_words
        Leave out sentences of more words (separated by blanks); all are kept where not given.
    seed
        Of the draw.
    """
    selected = join_corpora([read_table(path, CORPUS) for path in corpora])
    total = selected.height
    if max_words is not None:
        words = pl.col("text").str.count_matches(r"\S+")
        selected = selected.filter(words <= max_words)
        logging.info("%d of %d sentences have at most %d words", selected.height, total, max_words)
        if not selected.height:
            raise InputError(f"no sentence of {total} has at most {max_words} words; allow more")
    if sentences is not None:
        selected = draw_different(selected, sentences, seed)
    numbered = selected.select(
        pl.col("document").rank("dense").cast(pl.Int64).alias("document_id") - 1, "text", "^id$"
    )
    write_table(numbered.with_row_index("sentence_id"), output_corpus, CORPUS)
    logging.info("%d of %d sentences selected", selected.height, total)


if __name__ == "__main__":
    run(main)
