"""How the weight of each sentence is shared out among its tokens, in any draw of the sentences."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from common.arrays import Floats
from common.contract import STATISTICS
from common.correlations.statistics import Ratios, Regressions

WITHIN = (*STATISTICS, "sentence_spearman")


class WithinSentences:
    """Regressions of shares on quantities, and the mean of Spearman's rho within sentences.

    Parameters
    ----------
    sentence
        Sentence of each token, from 0, (n,).
    quantities
        Regressors in nats, (quantities, n).
    shares
        Of the weight of the sentence, (stages, n).
    sentences
        Number of sentences, those without a token counted in.

    Attributes
    ----------
    ranked
        Sentences that have a rho for all stages; means are over them, (quantities,).
    """

    def __init__(
        self, sentence: NDArray[np.intp], quantities: Floats, shares: Floats, sentences: int
    ) -> None:
        self.tokens = len(sentence)
        self.regressions = Regressions(sentence, quantities, shares, sentences)
        rho = np.stack(
            [[sentence_spearman(sentence, x, y, sentences) for y in shares] for x in quantities]
        )
        paired = np.asarray(np.isfinite(rho).all(axis=1, keepdims=True))
        self.ranked = paired[:, 0].sum(axis=1)
        numbers = np.broadcast_to(paired, rho.shape).astype(float)
        self.means = Ratios(np.where(paired, rho, 0), numbers)

    def statistics(self, draws: Floats) -> Floats:
        """Statistics (quantities, stages, 5, draws) in the order of `WITHIN`."""
        means = self.means.statistics(draws)[:, :, None]
        return np.concatenate([self.regressions.statistics(draws), means], axis=2)


def sentence_spearman(
    sentence: NDArray[np.intp], quantity: Floats, weight: Floats, sentences: int
) -> Floats:
    """Spearman's rho of quantity and weight within each sentence, (sentences,).

    NaN where it is undefined: a sentence of fewer than two tokens, of equal quantities or of equal
    weights.
    """
    frame = pl.DataFrame({"sentence": sentence, "x": quantity, "y": weight})
    ranks = pl.col("x", "y").rank("average").over("sentence")
    centred = ranks - (pl.len().over("sentence") + 1) / 2
    x, y = (column.to_numpy() for column in frame.select(centred))
    xx, xy, yy = (np.bincount(sentence, term, sentences) for term in (x * x, x * y, y * y))
    with np.errstate(invalid="ignore"):
        return np.clip(xy / np.sqrt(xx * yy), -1, 1)
