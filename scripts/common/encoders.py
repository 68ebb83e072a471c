"""Sentence encoders as functions of their input word embeddings."""

import inspect
from pathlib import Path

import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Normalize, Transformer
from torch import Tensor

from common.command import InputError
from common.device import choose_device
from common.vocabulary import fingerprint


class Encoder:
    """A sentence-transformers directory: tokens in, sentence embeddings of width d out.

    Parameters
    ----------
    directory
        Where the encoder lies.
    device
        auto, cpu or cuda.
    normalize
        Keep the modules that scale the embedding to length 1; they are skipped otherwise.

    Raises
    ------
    InputError
        The directory holds no encoder, one that takes no input embeddings, or parameters that
        are not finite.
    """

    def __init__(self, directory: Path, *, device: str, normalize: bool) -> None:
        if not (directory / "modules.json").is_file():
            raise InputError(f"{directory}: no sentence-transformers directory (no modules.json)")
        self.directory = directory
        self.device = choose_device(device)
        transformers.utils.logging.disable_progress_bar()
        try:
            model = SentenceTransformer(
                str(directory),
                device=self.device,
                local_files_only=True,
                model_kwargs={"attn_implementation": "eager", "dtype": torch.float32},
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
        model.eval().requires_grad_(False)
        for name, parameter in model.named_parameters():
            if not parameter.isfinite().all():
                raise InputError(f"{directory}: parameter {name} holds values that are not finite")
        self.modules = [m for m in model if normalize or not isinstance(m, Normalize)]
        self.word_embeddings = transformer.model.get_input_embeddings()
        self.tokenizer = transformer.tokenizer
        self.longest = model.max_seq_length
        self.fingerprint = fingerprint(self.tokenizer)

    def tokenize(self, texts: list[str]) -> tuple[list[list[int]], list[list[bool]], int]:
        """Token ids and special-token masks of each text, and how many texts were truncated."""
        encoded = self.tokenizer(texts, return_special_tokens_mask=True, verbose=False)
        ids, special = encoded["input_ids"], encoded["special_tokens_mask"]
        long = [k for k, tokens in enumerate(ids) if self.longest and len(tokens) > self.longest]
        if long:
            cut = self.tokenizer(
                [texts[k] for k in long],
                truncation=True,
                max_length=self.longest,
                return_special_tokens_mask=True,
            )
            for k, tokens, mask in zip(
                long, cut["input_ids"], cut["special_tokens_mask"], strict=True
            ):
                ids[k], special[k] = tokens, mask
        return ids, [[bool(flag) for flag in mask] for mask in special], len(long)

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
        features = {"inputs_embeds": embeddings}
        if attention_mask is not None:
            features["attention_mask"] = attention_mask
        for module in self.modules:
            features = module(features)
        return features["sentence_embedding"]
