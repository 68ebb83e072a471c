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
    except Exception as error:
        raise InputError(
            f"{directory}: holds no tokenizer that transformers can load ({error})"
        ) from error
    refuse_empty(tokenizer, str(directory))
    if tokenizer.is_fast:  # sentence encoders are published with both switched on
        tokenizer.backend_tokenizer.no_padding()
        tokenizer.backend_tokenizer.no_truncation()
    return tokenizer


def refuse_empty(tokenizer: PreTrainedTokenizerBase | None, what: str) -> None:
    """Make sure that a tokenizer was read: where its files are missing, transformers makes one up.

    Raises
    ------
    InputError
        There is none, or none of its tokens is of text.
    """
    if tokenizer is None or set(tokenizer.get_vocab().values()) <= set(tokenizer.all_special_ids):
        raise InputError(
            f"{what}: no files of a tokenizer in it, so all text would be unknown; put its own "
            "there (tokenizer.json, vocab.txt or the like)"
        )


def refuse_no_room(
    tokenizer: PreTrainedTokenizerBase, longest: int | None, what: str, prompt: str = ""
) -> None:
    """Make sure that a sentence of one token is not cut behind its `prompt`.

    Raises
    ------
    InputError
        It is, at `longest` tokens, so that nothing of any text would be left.
    """
    needed = len(tokenizer(prompt + "a", verbose=False)["input_ids"])
    if longest is not None and longest < needed:
        behind = f" behind the prompt {prompt!r}" if prompt else ""
        raise InputError(
            f"{what}: takes {longest} tokens (max_seq_length, model_max_length), but a word"
            f"{behind} needs {needed} with special tokens; raise them, or choose another "
            f"{'prompt' if prompt else 'model'}"
        )


def special_ids(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Ids of the tokens that are special wherever they stand, in a text too.

    The unknown token stands for words, so it is not among them, unless it has another part too.
    """
    parts = {
        getattr(tokenizer, f"{part}_token_id") for part in ("bos", "eos", "cls", "sep", "mask")
    }
    added = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    return (added | set(tokenizer.all_special_ids)) - ({tokenizer.unk_token_id} - parts)


def spellings(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Every token by its id; an id that no token has is spelled by its number."""
    known = sorted(set(tokenizer.get_vocab().values()))
    spelled = [f"[no token {number}]" for number in range(known[-1] + 1)]
    for number, token in zip(known, tokenizer.convert_ids_to_tokens(known), strict=True):
        spelled[number] = token
    return spelled


def fingerprint(tokenizer: PreTrainedTokenizerBase) -> str:
    """Hash of the vocabulary: tables of one `tokenizer` speak of the same token ids."""
    vocabulary = json.dumps(tokenizer.get_vocab(), sort_keys=True)
    return hashlib.sha256(vocabulary.encode()).hexdigest()
