"""What an encoder gives after each of its layers, read off one pass of it."""

import copy
from functools import cached_property
from typing import Any

import torch
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from torch import Tensor, nn

from common.encoders.encoder import Encoder, in_double
from common.weights.path_integral import Embed

ROUNDING = 1e-5
"""Relative difference of two passes that compute the same."""


class Layered:
    """An encoder and encoders that it was cut to, side by side, as one function.

    A cut encoder pools the hidden states after its last layer, behind the norm that the
    architecture applies after its last layer, if it has one. `widths` are those of the vectors of
    each encoder, the whole one last.

    Parameters
    ----------
    ids
        Tokens of a sentence, on which encoders are compared.
    """

    def __init__(self, encoder: Encoder, ids: list[int]) -> None:
        self.encoder, self.tokens = encoder, torch.tensor([ids])
        self.cut: list[tuple[int, int | None]] = []
        """Layers of each cut encoder, and the width that its vectors are cut to."""
        self.transformer, *self.others = encoder.modules
        assert isinstance(self.transformer, Transformer)
        self.transformer.model.config.output_hidden_states = True
        pooled = [k for k, module in enumerate(self.others) if isinstance(module, Pooling)]
        self.until_pooled = self.others[: pooled[0] + 1] if pooled else []
        self.norm = self._find_norm()
        self.widths: tuple[int, ...] = ()

    def add(self, cut: Encoder) -> bool:
        """Put a cut encoder before the whole, if it gives the same of the same sentences."""
        if _tokens_of(cut) != _tokens_of(self.encoder):
            return False
        transformer = cut.modules[0]
        assert isinstance(transformer, Transformer)
        self.cut.append((transformer.model.config.num_hidden_layers, cut.width))
        expected = cut.embed(cut.embeddings(self.tokens))
        try:
            parts = self._parts(self._embeddings)
        except (KeyError, IndexError):  # hidden states are not told, or not all
            return False
        self.widths = tuple(part.shape[-1] for part in parts)
        found = parts[-2]
        return found.shape == expected.shape and bool(
            (found - expected).norm() <= ROUNDING * expected.norm()
        )

    def embed(self, embeddings: Tensor) -> Tensor:
        """Sentence embeddings of all encoders [b, sum of widths] of input embeddings [b, n, h]."""
        return torch.cat(self._parts(embeddings), dim=-1)

    @cached_property
    def embed_double(self) -> Embed:
        """The same in float64, as that of an encoder."""
        copied = copy.deepcopy(self)
        for module in copied.encoder.modules:
            module.double()
        return in_double(copied.embed, self.embed, self._embeddings)

    def only(self, chosen: list[int], embed: Embed) -> Embed:
        """One of these two functions, but giving embeddings of chosen encoders alone."""

        def embed_by_chosen(embeddings: Tensor) -> Tensor:
            parts = embed(embeddings).split(self.widths, dim=-1)
            return torch.cat([parts[one] for one in chosen], dim=-1)

        return embed_by_chosen

    @property
    def _embeddings(self) -> Tensor:
        return self.encoder.embeddings(self.tokens)

    def _parts(self, embeddings: Tensor) -> list[Tensor]:
        features = self.encoder.features([self.transformer], embeddings)
        states = features["all_layer_embeddings"]
        found = []
        for layers, width in self.cut:
            last = layers == len(states) - 1
            tokens = features["token_embeddings"] if last else self.norm(states[layers])
            found.append(_pooled(self.until_pooled, features, tokens)[..., :width])
        whole = _pooled(self.others, features, features["token_embeddings"])
        return [*found, whole[..., : self.encoder.width]]

    def _find_norm(self) -> nn.Module:
        """The module outside all layers that gives the last hidden state; else one of no effect."""
        given: list[tuple[nn.Module, Tensor]] = []

        def record(module: nn.Module, _: object, output: object) -> None:
            if isinstance(output, Tensor):
                given.append((module, output))

        hooks = [
            module.register_forward_hook(record)
            for name, module in self.transformer.named_modules()
            if not any(part.isdigit() for part in name.split(".")) and not [*module.children()]
        ]
        last = self.encoder.features([self.transformer], self._embeddings)["token_embeddings"]
        for hook in hooks:
            hook.remove()
        return next((module for module, one in given if torch.equal(one, last)), nn.Identity())


def _tokens_of(encoder: Encoder) -> tuple[str, str, int | None]:
    """What makes a sentence's tokens: the tokenizer, the prompt and the length."""
    return encoder.fingerprint, encoder.prompt, encoder.longest


def _pooled(modules: list[nn.Module], features: dict[str, Any], tokens: Tensor) -> Tensor:
    """Sentence embeddings [b, d] that modules make of token vectors [b, n, h]."""
    features = features | {"token_embeddings": tokens}
    for module in modules:
        features = module(features)
    return features["sentence_embedding"]
