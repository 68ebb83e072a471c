"""Shapley values by captum and shap, called as their users call them: slower, and judges of ours.

A library is imported by the function that needs it, for shap alone takes seconds to load.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from common.command import InputError
from common.encoders.encoder import Encoder
from common.memory import Budget
from common.tokens.sentences import Sentence
from common.weights.coalitions import Estimate
from common.weights.token_games import evaluate

TOKENS_IN_A_PASS = 1024
"""Tokens that captum passes through the encoder at once; one sentence at least."""


def estimate_by_library(
    explain: Callable[[Encoder, Sentence, str, int, int], np.ndarray],
    encoder: Encoder,
    sentence: Sentence,
    absent: str,
    *,
    evaluations: int,
    seed: int,
    within: Budget,
) -> Estimate:
    """What `captum_shapley` or `shap_shapley` finds.

    The libraries tell no standard error.
    """
    found = explain(encoder, sentence, absent, evaluations, sentence_seed(seed, sentence.number))
    player = ~torch.tensor(sentence.special)
    ends = torch.stack([~player, torch.ones_like(player)])
    nobody, everybody = evaluate(encoder, torch.tensor([sentence.ids] * 2), ends, absent, within)
    total = everybody - nobody
    gap = float(np.linalg.norm(found.sum(0) - total)) / max(float(np.linalg.norm(total)), 1e-30)
    unknown = np.full(int(player.sum()), np.nan)
    return Estimate(found[player.numpy()], unknown, np.nan, gap, evaluations, exact=False)


def captum_shapley(
    encoder: Encoder, sentence: Sentence, absent: str, evaluations: int, seed: int
) -> np.ndarray:
    """Shapley values [n, d], float64, of a sentence's tokens; 0 for special ones.

    Means over random orders of the players (Castro, Gomez and Tejada 2009), as many as
    `evaluations` coalitions allow and at least one; an order takes a coalition a player. All
    dimensions share them.

    Raises
    ------
    InputError
        `absent` is drop, or the tokenizer has no such token.
    """
    from captum.attr import ShapleyValueSampling

    substitute = _substitute(encoder, absent, "captum")
    player = ~torch.tensor(sentence.special)
    ids = torch.tensor(sentence.ids)[player][None]
    orders = (evaluations - 1) // ids.shape[1] if ids.shape[1] > 1 else 1
    torch.manual_seed(seed)
    found = ShapleyValueSampling(_game(encoder, sentence)).attribute(
        ids,
        baselines=substitute,
        n_samples=max(1, orders),
        perturbations_per_eval=max(1, TOKENS_IN_A_PASS // len(player)),
    )
    return _among_special(found[0].T.double().cpu().numpy(), player)


def shap_shapley(
    encoder: Encoder, sentence: Sentence, absent: str, evaluations: int, seed: int
) -> np.ndarray:
    """What shap.Explainer finds by default for text [n, d], float64; 0 for special tokens.

    That is Owen values: Shapley values among the orders that keep together the groups of shap's
    own tree over the tokens. Once the `evaluations` are spent, the tokens of a group share alike
    what is left. The masker masks token ids, not strings, or pieces of words would become others.

    Raises
    ------
    InputError
        `absent` is drop, the tokenizer has no such token, or shap cannot find the
        sentence's tokens in its text.
    """
    import shap

    substitute = _substitute(encoder, absent, "shap")
    player = ~torch.tensor(sentence.special)
    ids = torch.tensor(sentence.ids)[player][None]
    game = _game(encoder, sentence)
    if ids.shape[1] == 1:  # shap's tree needs two tokens
        alone = game(ids) - game(torch.full_like(ids, substitute))
        return _among_special(alone.cpu().numpy(), player)
    tokenizer = partial(
        encoder.tokenizer, add_special_tokens=False, truncation=True, max_length=ids.shape[1]
    )
    if not encoder.tokenizer.is_fast or tokenizer(sentence.text)["input_ids"] != ids[0].tolist():
        raise InputError(
            f"engine shap: cannot find the tokens of sentence_id {sentence.number} in its text; "
            "use engine own or captum"
        )
    masker = shap.maskers.Text(tokenizer, mask_token=substitute, output_type="token_ids")
    np.random.seed(seed)  # noqa: NPY002 - shap breaks ties by numpy's global generator
    explainer = shap.Explainer(lambda players: game(torch.from_numpy(players)), masker)
    found = explainer([sentence.text], max_evals=evaluations, silent=True)
    return _among_special(found.values[0], player)


def sentence_seed(seed: int, number: int) -> int:
    """The seed of sentence `number`, for libraries that take none but a single 32-bit integer."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _substitute(encoder: Encoder, absent: str, engine: str) -> int:
    if absent == "drop":
        raise InputError(f"engine {engine}: absent drop is only in engine own")
    return encoder.token_id(absent)


def _game(encoder: Encoder, sentence: Sentence) -> Callable[[Tensor], Tensor]:
    """Embeddings [m, d], float64, of token ids [m, players] in the places of the players."""
    whole, player = torch.tensor(sentence.ids), ~torch.tensor(sentence.special)

    def embed(players: Tensor) -> Tensor:
        tokens = whole.repeat(len(players), 1)
        tokens[:, player] = players
        return encoder.embed(encoder.embeddings(tokens)).double()

    return embed


def _among_special(contributions: np.ndarray, player: Tensor) -> np.ndarray:
    found = np.zeros((len(player), contributions.shape[1]))
    found[player.numpy()] = contributions
    return found
