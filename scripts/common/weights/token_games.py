"""Games of the tokens of a sentence: the value of a coalition is its embedding without the others.

Special tokens are no players, they are always there.
"""

import numpy as np
import torch
from torch import Tensor

from common.command import InputError
from common.encoders.encoder import Encoder
from common.memory import Budget, in_passes
from common.tokens.sentences import Sentence
from common.weights.coalitions import Estimate, Plan, evaluate_plans


def estimate_together(
    model: Encoder, sentences: list[Sentence], plans: list[Plan], absent: str, within: Budget
) -> list[Estimate]:
    """Play the games of `sentences` of one length by their `plans`, in the same passes."""
    ids = np.array([s.ids for s in sentences])
    player = ~np.array([s.special for s in sentences])

    def values(wanted: dict[int, np.ndarray]) -> np.ndarray:
        owner = np.repeat(list(wanted), [len(coalitions) for coalitions in wanted.values()])
        present = np.ones((len(owner), ids.shape[1]), dtype=bool)
        present[player[owner]] = np.concatenate([c.ravel() for c in wanted.values()])
        tokens, here = torch.from_numpy(ids[owner]), torch.from_numpy(present)
        return evaluate(model, tokens, here, absent, within)

    return evaluate_plans(plans, values)


def refuse_to_drop_all(model: Encoder, sentences: list[Sentence]) -> None:
    """Make sure that a sentence without its tokens has special ones left.

    Raises
    ------
    InputError
        One has none.
    """
    if not all(any(s.special) for s in sentences):
        raise InputError(
            f"{model.directory}: adds no special tokens, so not all can be dropped; use mask or pad"
        )


@torch.no_grad()
def evaluate(
    model: Encoder, ids: Tensor, present: Tensor, absent: str, within: Budget
) -> np.ndarray:
    """Embeddings [m, d], float64, of tokens `ids` [m, n] of which only `present` [m, n] are there.

    Absent tokens become the mask or pad token, or are dropped by the attention mask.

    Raises
    ------
    InputError
        The encoder gives embeddings that are not finite.
    """
    if absent == "drop":

        def embed(tokens: Tensor, here: Tensor) -> Tensor:
            return model.embed(model.embeddings(tokens), here.long().to(model.device))
    else:
        substitute = torch.tensor(model.token_id(absent))

        def embed(tokens: Tensor, here: Tensor) -> Tensor:
            return model.embed(model.embeddings(tokens.where(here, substitute)))

    values = in_passes(embed, ids, present, within=within, task=f"absent: {absent}")
    if not values.isfinite().all():
        raise InputError(f"{model.directory}: gives embeddings that are not finite")
    return values.double().cpu().numpy()
