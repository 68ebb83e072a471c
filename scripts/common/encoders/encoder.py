"""Sentence encoders as functions of their input word embeddings."""

import copy
import inspect
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Normalize, Transformer
from torch import Tensor, nn

from common.command import InputError
from common.device import choose_device
from common.tokens.vocabulary import fingerprint

Dtype = Literal["float32", "float64", "bfloat16", "tf32"]


class Encoder:
    """A sentence-transformers directory: tokens in, sentence embeddings of width d out.

    Parameters
    ----------
    directory
        Where the encoder lies.
    device
        auto, cpu or cuda.
    dtype
        float32, float64, bfloat16, or tf32: float32 whose products a GPU rounds to 10 bits.
    normalize
        Keep the modules that scale the embedding to length 1; they are skipped otherwise.

    Raises
    ------
    InputError
        The directory holds no encoder, one that takes no input embeddings, or parameters that
        are not finite.
    """

    def __init__(
        self, directory: Path, *, device: str, dtype: Dtype = "float32", normalize: bool = False
    ) -> None:
        if not (directory / "modules.json").is_file():
            raise InputError(f"{directory}: no sentence-transformers directory (no modules.json)")
        self.directory = directory
        self.device = choose_device(device, tf32=dtype == "tf32")
        transformers.utils.logging.disable_progress_bar()
        precision = torch.float32 if dtype == "tf32" else getattr(torch, dtype)
        try:
            model = SentenceTransformer(
                str(directory),
                device=self.device,
                local_files_only=True,
                model_kwargs={"attn_implementation": "eager", "dtype": precision},
            )
        except Exception as error:
            raise InputError(f"{directory}: cannot be loaded as an encoder ({error})") from error
        transformer = model[0]
        if not isinstance(transformer, Transformer) or (
            "inputs_embeds" not in inspect.signature(transformer.model.forward).parameters
        ):
            raise InputError(
                f"{directory}: its architecture takes no input embeddings (inputs_embeds)"
            )
        model.eval().requires_grad_(False).to(precision)
        for name, parameter in model.named_parameters():
            if not parameter.isfinite().all():
                raise InputError(f"{directory}: parameter {name} holds values that are not finite")
        self.modules = [m for m in model if normalize or not isinstance(m, Normalize)]
        self.word_embeddings = transformer.model.get_input_embeddings()
        self.tokenizer = transformer.tokenizer
        self.longest = model.max_seq_length
        self.fingerprint = fingerprint(self.tokenizer)

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
        return _embed(self.modules, embeddings, attention_mask)

    @cached_property
    def embed_double(self) -> Callable[[Tensor], Tensor]:
        """The same in float64, by a copy of the encoder with the same parameters."""
        return partial(_embed, [copy.deepcopy(module).double() for module in self.modules])

    @property
    def double_bytes(self) -> int:
        """What the copy in float64 takes."""
        return 8 * sum(p.numel() for module in self.modules for p in module.parameters())


def _embed(
    modules: list[nn.Module], embeddings: Tensor, attention_mask: Tensor | None = None
) -> Tensor:
    features = {"inputs_embeds": embeddings}
    if attention_mask is not None:
        features["attention_mask"] = attention_mask
    for module in modules:
        features = module(features)
    return features["sentence_embedding"]
