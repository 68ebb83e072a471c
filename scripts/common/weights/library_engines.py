"""Integrated Gradients and Shapley values by captum and shap, called in the way they document.

They are slower than the engines of this project, and its judges. A library is imported by the
function that needs it, for shap alone takes seconds to load.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from common.command import InputError
from common.encoders.encoder import Encoder
from common.memory import Budget
from common.tokens.sentences import Sentence
from common.weights.coalitions import Estimate
from common.weights.token_games import evaluate

TOKENS_IN_A_PASS = 1024
"""Tokens that a library passes through the encoder at once; one sentence at least."""


def captum_gradients(encoder: Encoder, ids: list[int], baseline: Tensor, nodes: int) -> np.ndarray:
    """Integrated Gradients [n, d], float64, of token ids [n] from `baseline` [1, n, h].

    captum takes a scalar output, so every one of the d dimensions is a run of its own, on `nodes`
    points of Gauss-Legendre quadrature.
    """
    from captum.attr import IntegratedGradients

    end = encoder.embeddings(torch.tensor([ids]))
    width = encoder.embed(end).shape[1]
    method = IntegratedGradients(encoder.embed)
    by_dimension = [
        method.attribute(
            end,
            baselines=baseline,
            target=dimension,
            n_steps=nodes,
            method="gausslegendre",
            internal_batch_size=_rows(len(ids)),
        ).sum(2)
        for dimension in range(width)
    ]
    return torch.cat(by_dimension).T.double().cpu().numpy()


def shap_gradients(
    encoder: Encoder, ids: list[int], baseline: Tensor, nodes: int, seed: int
) -> np.ndarray:
    """Expected gradients [n, d], float64, of token ids [n] from `baseline` [1, n, h].

    With one baseline they are Integrated Gradients by Monte Carlo: the path is sampled at `nodes`
    random points, the same for all d dimensions, of which each is a run of its own (Erion,
    Janizek, Sturmfels, Lundberg and Lee 2021). Holds several arrays [n, h, d] of float64.
    """
    from shap import GradientExplainer

    end = encoder.embeddings(torch.tensor([ids]))
    explainer = GradientExplainer(
        _FromEmbeddings(encoder, end.dtype), baseline.float(), batch_size=_rows(len(ids))
    )
    return explainer.shap_values(end.float(), nsamples=nodes, rseed=seed)[0].sum(1)


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
    shapley = ShapleyValueSampling(_game(encoder, sentence)).attribute(
        ids,
        baselines=substitute,
        n_samples=max(1, orders),
        perturbations_per_eval=_rows(len(player)),
    )
    return _among_special(shapley[0].T.double().cpu().numpy(), player)


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
    explanation = explainer([sentence.text], max_evals=evaluations, silent=True)
    return _among_special(explanation.values[0], player)


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
    """Shapley values of the n tokens of a sentence that are not special, by a library.

    Libraries give no standard error: `error` [n] is NaN. `completeness` is the relative gap of
    efficiency, |sum_i phi_i - (f(s) - f(all absent))| / |f(s) - f(all absent)|.

    Parameters
    ----------
    explain
        `captum_shapley` or `shap_shapley`: contributions [tokens, d], special tokens among them.
    evaluations
        Coalitions that the library may evaluate.
    within
        Memory for the two passes that give f(s) and f(all absent).
    """
    shapley = explain(encoder, sentence, absent, evaluations, sentence_seed(seed, sentence.number))
    player = ~torch.tensor(sentence.special)
    ends = torch.stack([~player, torch.ones_like(player)])
    nobody, everybody = evaluate(encoder, torch.tensor([sentence.ids] * 2), ends, absent, within)
    total = everybody - nobody
    gap = float(np.linalg.norm(shapley.sum(0) - total)) / max(float(np.linalg.norm(total)), 1e-30)
    players = shapley[player.numpy()]
    unknown = np.full(len(players), np.nan)
    return Estimate(players, unknown, np.nan, gap, evaluations, exact=False)


def sentence_seed(seed: int, number: int) -> int:
    """The seed of sentence `number`, for libraries that take none but a single 32-bit integer."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


class _FromEmbeddings(nn.Module):
    """An encoder as the module that shap takes, of float32 input word embeddings."""

    def __init__(self, encoder: Encoder, dtype: torch.dtype) -> None:
        super().__init__()
        self.encoder, self.dtype = encoder, dtype

    def forward(self, embeddings: Tensor) -> Tensor:
        return self.encoder.embed(embeddings.to(self.dtype))


def _rows(length: int) -> int:
    """Sentences of `length` tokens in a pass."""
    return max(1, TOKENS_IN_A_PASS // length)


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
    """Contributions [n, d] of all tokens, from those [players, d] of the players."""
    everyone = np.zeros((len(player), contributions.shape[1]))
    everyone[player.numpy()] = contributions
    return everyone
