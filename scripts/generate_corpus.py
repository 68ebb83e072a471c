"""Generate a corpus of the embedded language, and the exact values of its words."""

import logging
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from common.command import InputError, run
from common.contract import CORPUS, LANGUAGE
from common.corpora.grammar import Grammar, load_grammar
from common.progress import progress
from common.tables import write_table

BLOCK = 10_000
"""Documents or pairs sampled at a time."""
SCORES = np.array([0.0, 2.5, 5.0])
"""Of a pair whose topics share nothing, their field, or are one."""


def generate_documents(
    grammar: Grammar, size: int, sentences: tuple[int, int], generator: np.random.Generator
) -> pl.DataFrame:
    """`size` documents of one uniformly drawn topic each, of `sentences` (fewest, most) sentences.

    Returns document_id and text, in reading order.
    """
    lengths = generator.integers(sentences[0], sentences[1] + 1, size)
    topics = generator.integers(len(grammar.fields), size=size)
    blocks = []
    with progress("sampling", size, "documents") as bar:
        for start in range(0, size, BLOCK):
            block = slice(start, min(start + BLOCK, size))
            documents = np.repeat(np.arange(block.start, block.stop), lengths[block])
            blocks.append(_sampled(grammar, documents, topics[documents], generator))
            bar.update(block.stop - start)
    return pl.concat(blocks)


def generate_scored_pairs(
    grammar: Grammar, size: int, generator: np.random.Generator
) -> pl.DataFrame:
    """`size` pairs of sentences in equal shares of each of `SCORES`, in random order.

    Each sentence's topic alone is uniform, because fields have equally many topics.
    Returns document_id, text, pair_id, side and score.
    """
    same_topic = np.eye(len(grammar.fields), dtype=int)
    shared = same_topic + (grammar.fields[:, None] == grammar.fields)
    wanted = generator.permutation(np.arange(size) % len(SCORES))
    blocks = []
    with progress("sampling", size, "pairs") as bar:
        for start in range(0, size, BLOCK):
            kind = wanted[start : start + BLOCK]
            first = generator.integers(len(shared), size=len(kind))
            lots = generator.random((len(kind), len(shared)))
            second = np.where(shared[first] == kind[:, None], lots, -1).argmax(axis=1)
            pairs = np.repeat(np.arange(start, start + len(kind)), 2)
            topics = np.stack([first, second], axis=1).ravel()
            blocks.append(_sampled(grammar, pairs, topics, generator))
            bar.update(len(kind))
    return pl.concat(blocks).with_columns(
        pair_id="document_id",
        side=pl.Series(np.tile([0, 1], size), dtype=pl.Int8),
        score=pl.Series(np.repeat(SCORES[wanted], 2)),
    )


def _sampled(
    grammar: Grammar, documents: np.ndarray, topics: np.ndarray, generator: np.random.Generator
) -> pl.DataFrame:
    texts = list(grammar.sample(topics, generator, documents))
    return pl.DataFrame({"document_id": documents, "text": texts})


def exact_values(grammar: Grammar) -> pl.DataFrame:
    """P(w) and KL(w), in nats, of every word in lower case, with its class and home topics."""
    return pl.DataFrame(
        {
            "word": [word.lower() for word in grammar.words],
            "word_class": grammar.word_classes,
            "topics": grammar.homes,
            "probability": grammar.probabilities(),
            "information_gain": grammar.information_gain(),
        }
    )


def main(
    *,
    output_corpus: Path,
    output_exact: Path,
    form: Literal["documents", "scored_pairs"],
    size: int,
    sentences: tuple[int, int],
    burstiness: float = 0.0,
    seed: int,
) -> None:
    """Generate a corpus of the embedded language, whose P(w) and KL(w) are known exactly (nats).

    Example: python scripts/generate_corpus.py --output-corpus language.parquet
    --output-exact exact.parquet --form documents --size 16000 --sentences 4 9 --seed 0

    Parameters
    ----------
    output_corpus
        The sentences.
    output_exact
        Exact probability and information gain of every word.
    form
        Documents of one topic each, or pairs scored by what their topics share: 5 one topic,
        2.5 one field, 0 neither.
    size
        Documents or pairs.
    sentences
        Fewest and most sentences of a document; pairs take no notice.
    burstiness
        Probability that two slots of a word class, in one document, hold one word because documents
        repeat their words; 0: only their topic makes them alike.
    seed
        Of all random draws.
    """
    if size < 1 or not 1 <= sentences[0] <= sentences[1]:
        raise InputError(
            f"size {size}, sentences {sentences}: size and fewest sentences must be 1 or more, "
            "fewest not above most"
        )
    if not 0 <= burstiness < 1:
        raise InputError(f"burstiness {burstiness}: must be 0 or more, and less than 1")
    grammar = load_grammar(burstiness)
    generator = np.random.default_rng(seed)
    if form == "documents":
        corpus = generate_documents(grammar, size, sentences, generator)
    else:
        corpus = generate_scored_pairs(grammar, size, generator)
    write_table(corpus.with_row_index("sentence_id"), output_corpus, CORPUS)
    write_table(exact_values(grammar), output_exact, LANGUAGE)
    logging.info(
        "%d sentences of %d words, %d topics",
        corpus.height,
        len(grammar.words),
        len(grammar.fields),
    )


if __name__ == "__main__":
    run(main)
