"""How alike words are to an encoder: the cosine of their input word vectors, among all cosines."""

import numpy as np
import torch

from common.encoders.encoder import Encoder

DRAWN = 100_000
"""Pairs of types that cosines are held against."""
BLOCK = 4096
"""Types, or pairs of them, whose vectors are in memory together."""


class Likeness:
    """Ranks of the cosines of input word vectors, less their mean, in the vocabulary.

    Cosines by themselves cannot be compared between encoders: those of one may all be near 1. What
    share of the pairs of different types is less alike can be.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        number = len(encoder.tokenizer)
        starts = range(0, number, BLOCK)
        parts = [self._vectors(list(range(k, min(k + BLOCK, number)))).sum(0) for k in starts]
        self.mean = np.sum(parts, axis=0) / number
        drawn = np.random.default_rng(0).integers(number, size=(2, DRAWN))
        drawn = drawn[:, drawn[0] != drawn[1]]
        blocks = np.array_split(drawn, -(-drawn.shape[1] // BLOCK), axis=1)
        cosines = [np.einsum("ph,ph->p", *map(self._units, block.tolist())) for block in blocks]
        self.cosines = np.sort(np.concatenate(cosines))

    def of(self, first: list[int], second: list[int]) -> np.ndarray:
        """Share of pairs of types that are less alike, (n, m), for the tokens of two sentences."""
        cosines = self._units(first) @ self._units(second).T
        return np.searchsorted(self.cosines, cosines) / len(self.cosines)

    def _units(self, ids: list[int]) -> np.ndarray:
        away = self._vectors(ids) - self.mean
        return away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-30)

    def _vectors(self, ids: list[int]) -> np.ndarray:
        with torch.no_grad():
            return self.encoder.embeddings(torch.tensor(ids)).float().cpu().numpy()
