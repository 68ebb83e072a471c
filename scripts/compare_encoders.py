"""Compare the weights of every two encoders of a comparison: do they agree on what matters?"""

import logging
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from common.arrays import Floats
from common.command import InputError, run
from common.contract import AGREEMENT
from common.correlations.comparison import Comparison, within_bounds
from common.correlations.replicates import columns_of_replicates
from common.correlations.resampling import Draws, Tokens
from common.correlations.weighed_tokens import crossed, rows_of
from common.correlations.within_sentences import MeanRho

RHO = ("sentence_spearman",)


class Agreement:
    """The mean rho within sentences of the weights by every two encoders, of each training.

    Parameters
    ----------
    tokens
        Sentence and type of each of n tokens.
    weights
        (trainings, encoders, n).
    """

    def __init__(self, tokens: Tokens, weights: Floats) -> None:
        self.tokens = tokens
        self.pairs = list(combinations(range(weights.shape[1]), 2))
        self.rho = [MeanRho(tokens, one, one) for one in weights]

    def statistics(self, draws: Draws) -> Floats:
        """Rho of each pair (trainings, pairs, draws)."""
        first, second = map(list, zip(*self.pairs, strict=True))
        return np.stack([rho.means(draws)[first, second] for rho in self.rho])


def main(compared: Comparison, *, output_agreement: Path) -> None:
    """Compare the weights (norms) of every two encoders of a comparison by their ranks.

    The mean, over sentences, of Spearman's rho of the weights that two encoders give the same
    tokens, or words, however rare. Special tokens are left out. Intervals are of a bootstrap over
    sentences and types.

    Example: python scripts/compare_encoders.py --weights bert.parquet mpnet.parquet
    --encoders bert mpnet --information information.parquet --output-agreement agreement.parquet
    --comparison atlas --corpus stsb --method shapley --draws 2000 --confidence 0.95 --seed 0

    Parameters
    ----------
    output_agreement
        Table of the pairs of encoders.
    """
    tokens, names = compared.read(minimum_count=0), compared.encoders
    if len(names) < 2:
        raise InputError(f"--encoders {names[0]}: one encoder has none to agree with; give two")
    weights = rows_of(tokens, *compared.tables).reshape(-1, len(names), len(tokens))
    sample = Agreement(crossed(tokens), weights)
    [(points, drawn)] = compared.resample([sample])
    rows: list[dict[str, Any]] = []
    for k, (i, j) in enumerate(sample.pairs):
        about = {
            **{"comparison": compared.comparison, "corpus": compared.corpus},
            **{"method": compared.method, "encoder": names[i], "stage": i},
            **{"other": names[j], "other_stage": j, "n": len(tokens)},
        }
        ranked = [int(rho.ranked[i]) for rho in sample.rho]
        columns = columns_of_replicates(RHO, points[:, [k]], drawn[:, [k]], compared.confidence)
        for each, sentences in zip(columns, [*ranked, min(ranked)], strict=False):
            rows.append(about | {"sentences": sentences} | each | within_bounds(each, RHO))
    for row in rows:
        logging.info(
            "%s and %s: mean rho %+.3f of %d sentences",
            *(row[name] for name in ("encoder", "other", RHO[0], "sentences")),
        )
    compared.write(rows, output_agreement, AGREEMENT)


if __name__ == "__main__":
    run(main)
