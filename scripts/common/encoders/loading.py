"""Encoders of sentence-transformers as all scripts load them, with what published ones lack."""

import inspect
import logging
from pathlib import Path
from typing import Any

import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from common.command import InputError
from common.encoders.supported import refuse_unsupported
from common.tokens.vocabulary import refuse_empty

UNLIMITED = 2**31
PADS = ("eos", "sep", "unk", "bos", "cls")
"""Tokens that pad if the tokenizer has none for it: they are attended to by no other."""


def load_encoder(
    directory: Path, device: str, *, what: Path | None = None, **model_kwargs: Any
) -> SentenceTransformer:
    """The encoder of a directory in float32, whatever its checkpoint holds, as `complete`d.

    Parameters
    ----------
    what
        How errors call the directory; by its path if left out.
    model_kwargs
        For transformers; `dtype` for another precision.

    Raises
    ------
    InputError
        The directory holds none, or one that cannot be weighed.
    """
    what = what or directory
    if not (directory / "modules.json").is_file():
        raise InputError(f"{what}: no sentence-transformers directory (no modules.json)")
    refuse_unsupported(directory, str(what))
    transformers.utils.logging.disable_progress_bar()
    try:
        encoder = SentenceTransformer(
            str(directory),
            device=device,
            local_files_only=True,
            model_kwargs={"dtype": "float32", **model_kwargs},
        )
    except Exception as error:
        raise InputError(f"{what}: cannot be loaded as an encoder ({error})") from error
    complete(encoder, str(what))
    return encoder


def prompt_of(encoder: SentenceTransformer) -> str:
    """What encode() puts before every sentence."""
    return encoder.prompts.get(encoder.default_prompt_name or "") or ""


def complete(encoder: SentenceTransformer, what: str) -> None:
    """Give the tokenizer of an encoder a token to pad with, and the length that the model takes.

    Raises
    ------
    InputError
        Its architecture takes no input embeddings, or a decoder follows its encoder; a token has no
        embedding; there is no tokenizer, or none of its tokens can pad.
    """
    transformer = encoder[0]
    if not isinstance(transformer, Transformer):
        raise InputError(
            f"{what}: its first module, {type(transformer).__name__}, takes no input "
            "embeddings (inputs_embeds)"
        )
    model, tokenizer = transformer.model, transformer.tokenizer
    kind = type(model).__name__
    takes = inspect.signature(model.forward).parameters
    if "inputs_embeds" not in takes:
        raise InputError(
            f"{what}: its architecture, {kind}, takes no input embeddings (inputs_embeds)"
        )
    if "decoder_input_ids" in takes:
        raise InputError(
            f"{what}: {kind} has a decoder, whose output would be the embedding; choose an "
            "architecture that sentence-transformers takes the encoder of, as T5"
        )
    if "message" in transformer.modality_config:
        raise InputError(
            f"{what}: puts sentences into a chat template (modality_config: message), whose tokens "
            "are not the sentence's; choose an encoder of plain text"
        )
    refuse_vocabulary(tokenizer, model, what)
    if tokenizer.pad_token_id is None:
        pad = next((token for name in PADS if (token := getattr(tokenizer, f"{name}_token"))), None)
        if pad is None:
            raise InputError(f"{what}: its tokenizer has no pad token, nor another to pad with")
        tokenizer.pad_token = pad
        logging.info("%s: no pad token; %s pads", what, pad)
    length = tokenizer.model_max_length
    if not isinstance(length, int) or length < 1:
        raise InputError(
            f"{what}: its length is {length!r} (max_seq_length, model_max_length); it takes a "
            "whole number from 1"
        )
    longest = positions(model)
    if longest < length:
        logging.info(
            "%s: sentences are cut to %d tokens, for which it has positions", what, longest
        )
        tokenizer.model_max_length = longest


def refuse_vocabulary(
    tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel, what: str
) -> None:
    """Hold the ids of a tokenizer against the model's embeddings.

    Raises
    ------
    InputError
        There is no tokenizer, or one of its tokens has no embedding.
    """
    refuse_empty(tokenizer, what)
    try:
        table: Any = model.get_input_embeddings()
        rows = table.weight.shape[0]
    except (AttributeError, NotImplementedError) as error:
        raise InputError(
            f"{what}: {type(model).__name__} has no table of word embeddings"
        ) from error
    vocabulary = tokenizer.get_vocab()
    token = max(vocabulary, key=vocabulary.__getitem__)
    if vocabulary[token] >= rows:
        raise InputError(
            f"{what}: token {token!r} has id {vocabulary[token]}, the encoder has {rows} "
            "embeddings; resize them (resize_token_embeddings) and train on, or remove the token"
        )


def positions(model: PreTrainedModel) -> int:
    """Tokens that fit; RoBERTa and its kin count positions from behind that of the pad token."""
    most = getattr(model.config, "max_position_embeddings", None)
    fit = [most if isinstance(most, int) and most > 0 else UNLIMITED]
    for table in _position_tables(model):
        skipped = 0 if table.padding_idx is None else table.padding_idx + 1
        fit.append(table.num_embeddings - skipped)
    return min(fit)


def pad_of_positions(model: PreTrainedModel) -> int | None:
    """Id of the token that positions pass over, wherever it stands; None if they pass over none."""
    tables = _position_tables(model)
    return next((t.padding_idx for t in tables if t.padding_idx is not None), None)


def _position_tables(model: PreTrainedModel) -> list[nn.Embedding]:
    named = [m for name, m in model.named_modules() if name.endswith("position_embeddings")]
    return [module for module in named if isinstance(module, nn.Embedding)]
