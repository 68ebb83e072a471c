"""Integrated Gradients by captum and shap as their users call them: slower, and judges of ours.

A library is imported by the function that needs it, for shap alone takes seconds to load.
"""

import numpy as np
import torch
from torch import Tensor, nn

from common.encoders.encoder import Encoder

TOKENS_IN_A_PASS = 1024
"""Tokens that the libraries pass through the encoder at once; one sentence at least."""


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


class _FromEmbeddings(nn.Module):
    """An encoder as the module that shap takes, of float32 input word embeddings."""

    def __init__(self, encoder: Encoder, dtype: torch.dtype) -> None:
        super().__init__()
        self.encoder, self.dtype = encoder, dtype

    def forward(self, embeddings: Tensor) -> Tensor:
        return self.encoder.embed(embeddings.to(self.dtype))


def _rows(length: int) -> int:
    return max(1, TOKENS_IN_A_PASS // length)
