"""What contrastive recipes differ in: the pooling, a head, the loss and what picks a checkpoint."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MultipleNegativesRankingLoss,
)
from sentence_transformers.sentence_transformer.modules import Pooling

from common.command import InputError
from common.device import choose_device
from common.encoders.loading import load_encoder


def load_base(base: Path, pooling: str | None, device: str) -> SentenceTransformer:
    """An encoder to train, in float32, with its own pooling or another.

    Raises
    ------
    InputError
        The encoder cannot be loaded, or another pooling is asked for and it has no pooling module.
    """
    encoder = load_encoder(base, choose_device(device))
    if pooling is None:
        return encoder
    places = [place for place, module in enumerate(encoder) if isinstance(module, Pooling)]
    if not places:
        raise InputError(f"{base}: no pooling module to set to {pooling!r}; leave pooling out")
    for place in places:
        encoder[place] = Pooling(encoder[place].embedding_dimension, pooling_mode=pooling)
    return encoder


@contextmanager
def cut_at(encoder: SentenceTransformer, tokens: int | None) -> Iterator[None]:
    """Sentences are cut to so many tokens within the block, if `encoder` takes as many."""
    longest = encoder.max_seq_length
    if tokens is not None and (longest is None or tokens < longest):
        encoder.max_seq_length = tokens
    yield
    encoder.max_seq_length = longest


def with_head(encoder: SentenceTransformer) -> SentenceTransformer:
    """The same modules, and a layer with tanh after them: the MLP head of Gao et al. (2021)."""
    width = encoder.get_embedding_dimension()
    assert width is not None
    return SentenceTransformer(modules=[*encoder, Dense(width, width)], device=str(encoder.device))


def info_nce(
    encoder: SentenceTransformer, temperature: float, mini_batch_size: int | None
) -> MultipleNegativesRankingLoss | CachedMultipleNegativesRankingLoss:
    """Cross entropy (nats) of the positive among all positives and negatives of the batch.

    Logits are cosine / temperature. With a `mini_batch_size`, so many sentences pass the encoder
    at a time and the loss and gradient are those of the whole batch (GradCache, Gao et al. 2021).
    """
    if mini_batch_size is None:
        return MultipleNegativesRankingLoss(encoder, scale=1 / temperature)
    return CachedMultipleNegativesRankingLoss(
        encoder, scale=1 / temperature, mini_batch_size=mini_batch_size
    )


class DevelopmentSet(EmbeddingSimilarityEvaluator):
    """Spearman's rho of cosine and score, of the encoder as it will be saved.

    Parameters
    ----------
    pairs
        Columns first, second and score.
    saved
        The encoder that is scored in place of the one in training: it shares the modules, without
        a head that will be dropped.
    """

    def __init__(self, pairs: pl.DataFrame, saved: SentenceTransformer) -> None:
        first, second, scores = (pairs[c].to_list() for c in ("first", "second", "score"))
        super().__init__(first, second, scores, main_similarity="cosine", write_csv=False)
        self.primary_metric = "spearman_cosine"
        self.saved = saved

    def embed_inputs(self, model: SentenceTransformer, sentences: Any, **settings: Any) -> Any:
        """Embeddings [n, d] of the encoder to be saved, whatever `model` is."""
        embeddings: np.ndarray = super().embed_inputs(self.saved, sentences, **settings)
        return embeddings
