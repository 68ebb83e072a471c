"""Sentences as weighted bags of an encoder's input word vectors, and what their cosines tell."""

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from scipy.stats import rankdata

from common.arrays import Floats
from common.encoders.encoder import Encoder
from common.tokens.sentences import make_sentences

CHUNK = 100
"""Draws whose ranks are held at a time."""


class Bags:
    """The two sentences of each of n scored pairs as bags of tokens, without special ones.

    Parameters
    ----------
    pairs
        Columns first, second and score.
    encoder
        Whose tokens and input word vectors are taken; sentences are cut as it cuts them.
    """

    def __init__(self, pairs: pl.DataFrame, encoder: Encoder) -> None:
        self.sides = [_counts(pairs[side].to_list(), encoder) for side in ("first", "second")]
        self.scores = pairs["score"].to_numpy()
        self.vectors = encoder.word_embeddings.weight.detach().double().cpu().numpy()

    @property
    def occurrences(self) -> Floats:
        """Times that each type occurs in the sentences, [types]."""
        return np.sum([side.sum(axis=0) for side in self.sides], axis=0)

    def cosines(self, weights: Floats) -> Floats:
        """Cosine of the weighted sums of both sentences of each pair, (n,); 0 of an empty bag.

        Parameters
        ----------
        weights
            Of each type, [types].
        """
        one, other = (side @ (weights[:, None] * self.vectors) for side in self.sides)
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        products = np.einsum("nd,nd->n", one, other)
        return np.divide(products, lengths, out=np.zeros(len(one)), where=lengths > 0)


def spearman(values: Floats, scores: Floats, draws: list[np.ndarray]) -> tuple[float, Floats]:
    """Spearman's rho of values and scores (n,), and of each draw of pairs (draws,)."""
    found = [
        _correlations(rankdata(values[some], axis=1), rankdata(scores[some], axis=1))
        for some in draws
    ]
    whole = _correlations(rankdata(values)[None], rankdata(scores)[None])
    return float(whole[0]), np.concatenate(found)


def draw_pairs(pairs: int, draws: int, seed: int) -> list[np.ndarray]:
    """Numbers of pairs that are drawn with replacement, (some draws, pairs) at a time."""
    generator = np.random.default_rng(seed)
    sizes = [min(CHUNK, draws - start) for start in range(0, draws, CHUNK)]
    return [generator.integers(pairs, size=(size, pairs)) for size in sizes]


def _correlations(x: Floats, y: Floats) -> Floats:
    x, y = (ranks - ranks.mean(axis=1, keepdims=True) for ranks in (x, y))
    with np.errstate(invalid="ignore"):
        return (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))


def _counts(texts: list[str], encoder: Encoder) -> csr_array:
    """Times that each type is in each text, (texts, types)."""
    sentences = make_sentences(texts, encoder.tokenizer, encoder.longest, encoder.prompt)
    ids = [np.array(s.ids)[~np.array(s.special, bool)] for s in sentences]
    rows = np.repeat(np.arange(len(texts)), [len(one) for one in ids])
    shape = (len(texts), len(encoder.word_embeddings.weight))
    return csr_array((np.ones(len(rows)), (rows, np.concatenate(ids))), shape=shape)
