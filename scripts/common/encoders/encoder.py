"""Sentence encoders as functions of their input word embeddings."""

import copy
from collections import Counter
from functools import cached_property, partial
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

import torch
from sentence_transformers.base.modules import Normalize, Transformer
from torch import Tensor, nn

from common.command import InputError
from common.device import choose_device
from common.encoders.loading import load_encoder, pad_of_positions, prompt_of
from common.tokens.vocabulary import fingerprint, refuse_no_room
from common.weights.path_integral import Embed, has_forward_mode

Dtype = Literal["float32", "float64", "bfloat16", "tf32"]
ANY_TEXT = "a b c"
"""Whatever its tokens are, it gets the token types of every sentence."""


class Encoder:
    """A sentence-transformers directory: tokens in, sentence embeddings of width d out.

    `prompt` is what encode() puts before every sentence, `longest` how many tokens it takes,
    `unplaced` the id of a token that has no position of its own, as pads of RoBERTa have none.

    Parameters
    ----------
    directory
        Where the encoder lies.
    device
        auto, cpu or cuda.
    dtype
        float32, float64, bfloat16, or tf32: float32 whose products a GPU rounds to 10 bits.
    normalize
        Scale the embedding to length 1 if the last module does; it is left out otherwise.
    what
        How errors call the directory; by its path if left out.

    Raises
    ------
    InputError
        The directory holds no encoder, one that takes no input embeddings, or no text behind its
        prompt, or parameters that are not finite.
    """

    def __init__(
        self,
        directory: Path,
        *,
        device: str,
        dtype: Dtype = "float32",
        normalize: bool = False,
        what: Path | None = None,
    ) -> None:
        self.directory = what or directory
        self.device = choose_device(device, tf32=dtype == "tf32")
        precision = torch.float32 if dtype == "tf32" else getattr(torch, dtype)
        eager = {"attn_implementation": "eager", "experts_implementation": "eager"}
        model = load_encoder(directory, self.device, what=what, dtype=precision, **eager)
        model.eval().requires_grad_(False).to(precision)
        for name, parameter in model.named_parameters():
            if not parameter.isfinite().all():
                raise InputError(
                    f"{self.directory}: parameter {name} holds values that are not finite"
                )
        modules = list(model)
        last = [] if normalize else list(takewhile(_scales, reversed(modules)))
        self.modules: list[nn.Module] = modules[: len(modules) - len(last)]
        self.scaling: list[nn.Module] = last
        self.width = model.truncate_dim
        transformer = modules[0]
        assert isinstance(transformer, Transformer)
        self.word_embeddings = transformer.model.get_input_embeddings()
        self.tokenizer: Any = transformer.tokenizer
        self.longest = model.max_seq_length
        self.unplaced = pad_of_positions(transformer.model)
        self.fingerprint = fingerprint(self.tokenizer)
        self.prompt = prompt_of(model)
        refuse_no_room(self.tokenizer, self.longest, str(self.directory), self.prompt)
        inputs = model.preprocess([ANY_TEXT], prompt=self.prompt or None)
        self.prompt_length = inputs.get("prompt_length")
        self.token_types = (
            inputs["token_type_ids"][0].tolist() if "token_type_ids" in inputs else []
        )

    def token_id(self, kind: str) -> int:
        """Id of the tokenizer's special token of this `kind`, mask or pad.

        Raises
        ------
        InputError
            The tokenizer has none.
        """
        number = getattr(self.tokenizer, f"{kind}_token_id")
        if number is None:
            raise InputError(f"{self.directory}: its tokenizer has no {kind} token; choose another")
        return int(number)

    def embeddings(self, ids: Tensor) -> Tensor:
        """Input word embeddings [..., h] of token ids [...]."""
        return self.word_embeddings(ids.to(self.device))

    def embed(self, embeddings: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Sentence embeddings [b, d] of input word embeddings [b, n, h].

        `attention_mask` [b, n] is 0 for tokens to be left out; None attends to all.
        """
        return self.pass_through(self.modules, embeddings, attention_mask)

    @cached_property
    def embed_double(self) -> Embed:
        """The same in float64, by a copy of the encoder with the same parameters."""
        copied = partial(self.pass_through, [copy.deepcopy(m).double() for m in self.modules])
        return in_double(copied, self.embed, self._any_embeddings)

    @property
    def double_bytes(self) -> int:
        """What the copy in float64 takes."""
        return 8 * sum(p.numel() for module in self.modules for p in module.parameters())

    @cached_property
    def forward_mode(self) -> bool:
        """Whether its derivatives can be had in forward mode; reverse mode is slower."""
        return has_forward_mode(self.embed, self._any_embeddings)

    @property
    def _any_embeddings(self) -> Tensor:
        return self.embeddings(torch.tensor(self.tokenizer([self.prompt + ANY_TEXT])["input_ids"]))

    def pass_through(
        self,
        modules: list[nn.Module],
        embeddings: Tensor,
        attention_mask: Tensor | None = None,
        output: str = "sentence_embedding",
    ) -> Tensor:
        """What `modules` make [b, d] of input word embeddings [b, n, h]: as encode() does, cut."""
        return self.features(modules, embeddings, attention_mask)[output][..., : self.width]

    def features(
        self,
        modules: list[nn.Module],
        embeddings: Tensor,
        attention_mask: Tensor | None = None,
    ) -> dict[str, Any]:
        """All that `modules` leave for those that follow."""
        features: dict[str, Any] = {"inputs_embeds": embeddings}
        if attention_mask is not None:
            features["attention_mask"] = attention_mask
        if self.prompt_length:
            features["prompt_length"] = self.prompt_length
        if self.token_types:
            types = torch.tensor(_stretched(self.token_types, embeddings.shape[1]))
            features["token_type_ids"] = types.to(self.device).expand(len(embeddings), -1)
        for module in modules:
            features = module(features)
        return features


def in_double(copied: Embed, embed: Embed, embeddings: Tensor) -> Embed:
    """A copy in float64 of `embed`; or itself, where an architecture's code holds it to float32."""
    try:
        copied(embeddings.double())
    except RuntimeError:
        return lambda others: embed(others.to(embeddings)).double()
    return copied


def _scales(module: nn.Module) -> bool:
    return isinstance(module, Normalize) and module.module_output_name == "sentence_embedding"


def _stretched(types: list[int], length: int) -> list[int]:
    """Token types of a sentence of so many tokens: as in `types` at its ends, one type between."""
    [(between, _)] = Counter(types).most_common(1)
    first = list(takewhile(lambda each: each != between, types))
    last = list(takewhile(lambda each: each != between, reversed(types)))[::-1]
    return [*first, *[between] * (length - len(first) - len(last)), *last]
