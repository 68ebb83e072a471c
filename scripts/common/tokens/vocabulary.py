"""Tokenizers read from a directory, and the identity of their vocabularies."""

import hashlib
import json
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from common.command import InputError


def load_tokenizer(directory: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of an encoder or tokenizer directory, as it neither pads nor cuts by itself.

    Raises
    ------
    InputError
        The directory holds none.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(directory), local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{directory}: holds no tokenizer that transformers can load ({error})"
        ) from error
    if tokenizer.is_fast:  # sentence encoders are published with both switched on
        tokenizer.backend_tokenizer.no_padding()
        tokenizer.backend_tokenizer.no_truncation()
    return tokenizer


def fingerprint(tokenizer: PreTrainedTokenizerBase) -> str:
    """Hash of the vocabulary: tables of one `tokenizer` speak of the same token ids."""
    vocabulary = json.dumps(tokenizer.get_vocab(), sort_keys=True)
    return hashlib.sha256(vocabulary.encode()).hexdigest()
