"""What groups of pairs of tokens add to the similarity of pairs of sentences, in any draw."""

import numpy as np

from common.arrays import Floats
from common.correlations.resampling import Draws, Tokens

SHARES = ("attribution", "share", "token_share")


class PairShares:
    """Sums of attributions over groups, per pair, over the similarity, and over that of tokens.

    Parameters
    ----------
    tokens
        Pair of sentences and types of each of n rows.
    attributions
        By each encoder, (encoders, n).
    members
        Whether each row is in each group, (groups, n).
    alone
        Whether a row is that of both baselines, of which each pair has one, (n,).
    of_tokens
        Whether it is of two tokens, (n,).
    """

    def __init__(
        self,
        tokens: Tokens,
        attributions: Floats,
        members: Floats,
        *,
        alone: Floats,
        of_tokens: Floats,
    ) -> None:
        self.tokens, self.pairs = tokens, alone
        groups = np.concatenate([members, np.ones((1, len(tokens))), of_tokens[None]])
        self.parts = attributions[:, None] * groups

    def statistics(self, draws: Draws) -> Floats:
        """Statistics (encoders, groups, 3, draws) in the order of `SHARES`."""
        times = draws.of_tokens(self.tokens)
        sums = self.parts @ times
        groups, whole, tokens = sums[:, :-2], sums[:, -2:-1], sums[:, -1:]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([groups / (self.pairs @ times), groups / whole, groups / tokens], 2)
