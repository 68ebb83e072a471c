"""The similarity of two sentences as a sum over pairs of their tokens."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch

from common.command import InputError
from common.encoders.encoder import Encoder
from common.memory import Budget, in_passes
from common.tokens.sentences import Sentence
from common.weights.integration import path_of
from common.weights.token_games import evaluate

EMBEDDING_SLACK = 1e-3
"""What contributions may miss of the norm of the embedding, beside their own completeness."""


@dataclass(frozen=True)
class Contributions:
    """Vectors [n, d] that sum, with the embedding [d] of the baseline, to that of the sentence.

    `errors` [n] are those of the vectors' norms, NaN where they are not known.
    """

    vectors: np.ndarray
    errors: np.ndarray
    baseline: np.ndarray
    embedding: np.ndarray

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """The vectors and, last, the baseline [n + 1, d]; their errors [n + 1], the baseline's 0.

        Both in float64.
        """
        return np.vstack([self.vectors, self.baseline]), np.append(self.errors, 0.0)


def attribute_pair(
    first: Contributions, second: Contributions, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Attributions [n + 1, m + 1] of the similarity f(a).f(b) / scale, and the error of each.

    With c_i and c_j the contributions of tokens and c_n and c_m the embeddings of the baselines,
    attribution ij is c_i.c_j / scale, so that all sum to the similarity. It is the attribution of
    Moeller et al., "An Attribution Method for Siamese Encoders" (2023), whose integrated Jacobians
    contracted with the embeddings are the c. Errors are |c_i| e_j + |c_j| e_i, to first order.
    """
    (left, left_errors), (right, right_errors) = first.parts(), second.parts()
    norms = [np.linalg.norm(part, axis=1) for part in (left, right)]
    errors = np.outer(norms[0], right_errors) + np.outer(left_errors, norms[1])
    return left @ right.T / scale, errors / scale


def rows_of(
    sides: tuple[Sentence, Sentence],
    spelled: Callable[[list[int]], list[str]],
    attributions: np.ndarray,
    errors: np.ndarray,
    likeness: np.ndarray,
) -> pl.DataFrame:
    """A row for every pair of tokens, positions null for the baselines, which come first.

    Parameters
    ----------
    sides
        The sentences.
    spelled
        Spells token ids.
    attributions, errors
        Of the tokens and, last, the baselines, (n + 1, m + 1).
    likeness
        Of the tokens alone, (n, m).
    """
    places = [np.arange(-1, len(s.ids)) for s in sides]
    rows, columns = (grid.ravel() for grid in np.meshgrid(*places, indexing="ij"))
    frame = pl.DataFrame({"position": rows, "other_position": columns})
    for before, sentence in zip(("", "other_"), sides, strict=True):
        own = pl.DataFrame(
            {
                f"{before}position": np.arange(len(sentence.ids)),
                f"{before}token": spelled(sentence.ids),
                f"{before}special": sentence.special,
            }
        )
        frame = frame.join(own, f"{before}position", how="left", maintain_order="left")
    # the last row and column, those of the baselines, are the first to be written
    values = {
        name: np.roll(matrix, (1, 1), axis=(0, 1)).ravel()
        for name, matrix in (("attribution", attributions), ("error", errors))
    }
    values["likeness"] = np.pad(likeness, ((1, 0), (1, 0)), constant_values=np.nan).ravel()
    return (
        frame.with_columns(**values)
        .with_columns(
            pl.when(pl.col(name) >= 0).then(name) for name in ("position", "other_position")
        )
        .with_columns(pl.col("error", "likeness").fill_nan(None))
    )


def embed_baselines(
    model: Encoder, sentences: list[Sentence], method: str, baseline: str, within: Budget
) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings [k, d] of sentences of one length, and of what their contributions start from.

    Parameters
    ----------
    method
        integrated_gradients: all tokens are the baseline (zero, mask or pad); shapley, occlusion:
        all but special tokens are absent (mask, pad or drop).

    Raises
    ------
    InputError
        The tokenizer has no token of this kind, or embeddings are not finite.
    """
    ids = torch.tensor([s.ids for s in sentences])
    present = torch.ones_like(ids, dtype=torch.bool)
    whole = evaluate(model, ids, present, "drop", within)
    if method != "integrated_gradients":
        special = torch.tensor([s.special for s in sentences])
        return whole, evaluate(model, ids, special, baseline, within)
    start = path_of(model, sentences, baseline, within).start
    with torch.no_grad():
        values = in_passes(model.embed, start, within=within, task=f"baseline: {baseline}")
    return whole, values.double().cpu().numpy()


def check_sum(found: Contributions, completeness: float, what: str, baseline: str) -> None:
    """Hold the sum of contributions and baseline against the embedding.

    Raises
    ------
    InputError
        They miss more than their completeness says: the baseline, or the encoder, is another.
    """
    whole = found.embedding - found.baseline
    missed = float(np.linalg.norm(whole - found.vectors.sum(0)))
    slack = EMBEDDING_SLACK * float(np.linalg.norm(found.embedding))
    if missed > completeness * float(np.linalg.norm(whole)) + slack:
        raise InputError(
            f"{what}: contributions miss {missed:.3g} of the embedding from baseline {baseline}; "
            "give the encoder, baseline and normalize that they were made with"
        )
