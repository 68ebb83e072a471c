"""Occlusion as a method that weighs sentences: its setting, and what it does.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2014), section 4.2; of
tokens, Li, Monroe and Jurafsky, "Understanding Neural Networks through Representation Erasure"
(2016), equation 3.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import cyclopts
import numpy as np
import torch

from common.tokens.sentences import Sentence
from common.weights.token_games import evaluate, refuse_to_drop_all
from common.weights.weighing import Opened

BATCH = 64


@cyclopts.Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Occlusion:
    """What a token's absence is.

    Parameters
    ----------
    absent
        What stands for an absent token: the mask or pad token, or nothing (attention mask).
    """

    name: ClassVar[str] = "occlusion"

    absent: Literal["mask", "pad", "drop"] = "mask"

    @property
    def nothing(self) -> str:
        """What stands for tokens that are not there."""
        return self.absent

    def batches_of(self, sentences: list[Sentence]) -> int:
        """Sentences of one length that are weighed together at most."""
        return BATCH

    def start(self, opened: Opened) -> Callable[[list[Sentence]], Iterator[list[Sentence]]]:
        """A function that weighs a batch and gives its sentences, all at once.

        A token's contribution is the embedding less that without the token. Contributions need not
        sum to anything; completeness is what their sum misses of the embedding less that without
        any token.

        Raises
        ------
        InputError
            All tokens of a sentence would be dropped.
        """
        if self.absent == "drop":
            refuse_to_drop_all(opened.encoder, opened.sentences)

        def weigh(batch: list[Sentence]) -> Iterator[list[Sentence]]:
            present = [_each_absent(np.array(s.special)) for s in batch]
            sizes = [len(rows) for rows in present]
            ids = np.repeat([s.ids for s in batch], sizes, axis=0)
            values = evaluate(
                opened.encoder,
                torch.from_numpy(ids),
                torch.from_numpy(np.concatenate(present)),
                self.absent,
                opened.within,
            )
            for sentence, found in zip(batch, np.split(values, np.cumsum(sizes)[:-1]), strict=True):
                whole, nothing, without = found[0], found[1], found[2:]
                contributions = np.zeros((len(sentence.ids), len(whole)))
                contributions[~np.array(sentence.special)] = whole - without
                missed = np.linalg.norm(whole - nothing - contributions.sum(0))
                completeness = missed / max(float(np.linalg.norm(whole - nothing)), 1e-30)
                sentence.weigh(contributions, 0.0, float(completeness), {"evaluations": len(found)})
            yield batch

        return weigh

    def conclude(self, opened: Opened, weighed: list[Sentence]) -> None:
        """Say how many passes the sentences took."""
        passes = sum(s.cost["evaluations"] for s in weighed)
        logging.info("%.1f passes a sentence", passes / max(len(weighed), 1))


def _each_absent(special: np.ndarray) -> np.ndarray:
    """Which tokens are there: all, the special ones alone, and all but each other token in turn."""
    without = ~np.eye(len(special), dtype=bool)[~special]
    return np.concatenate([np.ones((1, len(special)), bool), special[None], without])
