"""Distributions of pairs of co-occurring words: exact of the generated language, or counted."""

from pathlib import Path
from typing import Literal

import numpy as np

from common.arrays import Floats
from common.command import InputError
from common.contract import ADJACENT_COUNTS, TOKEN_COUNTS
from common.corpora.grammar import load_grammar
from common.tables import read_parts, read_table, shared_metadata
from common.tokens.pair_counts import pair_halves

Cooccurrence = Literal["adjacent", "sentence"]
"""Where the words of a pair stand: in adjacent sentences of a document, or in one sentence."""


def exact_pairs(cooccurrence: Cooccurrence) -> tuple[list[str], Floats]:
    """Words of the generated language, lower case, and P(w, w') [types, types]."""
    grammar = load_grammar()
    joint = {
        "adjacent": grammar.adjacent_pair_probabilities,
        "sentence": grammar.pair_probabilities,
    }[cooccurrence]()
    return [word.lower() for word in grammar.words], joint


def counted_pairs(
    tokens: Path, pairs: Path, types: int
) -> tuple[list[str], tuple[Floats, Floats], int]:
    """The most frequent tokens, `types` at most, and the pairs of each half of the documents.

    Tokens without a pair in one of the halves are left out.

    Returns
    -------
    The tokens, the counts of their pairs in each half, [types, types], and the number of tokens.

    Raises
    ------
    InputError
        Fewer than 3 tokens are left, or the pairs are those of another tokenizer.
    """
    shared_metadata([tokens, pairs], "tokenizer")
    counted = read_table(tokens, TOKEN_COUNTS)
    halves = pair_halves(read_parts(pairs, ADJACENT_COUNTS), len(counted))
    kept = np.sort(np.argsort(-counted["count"].to_numpy(), kind="stable")[:types])
    seen = np.zeros(len(kept), bool)
    while not seen.all():
        dense = [half.among(kept) for half in halves]
        seen = np.all([half.any(axis=1) for half in dense], axis=0)
        kept = kept[seen]
    if len(kept) < 3:
        raise InputError(
            f"{pairs}: {len(kept)} tokens have pairs in both halves of the documents, at least 3 "
            "are needed; take a larger corpus"
        )
    number = int(counted["count"].gather(kept).sum())
    return counted["token"].gather(kept).to_list(), (dense[0], dense[1]), number
