"""Texts cut at spaces, each different piece made into tokens once."""

import json
from collections.abc import Callable

import numpy as np
import polars as pl
import pyarrow.compute as pc
from transformers import PreTrainedTokenizerBase

Types = tuple[np.ndarray, np.ndarray]
"""Types of texts laid end to end, shape (sum of lengths,), and the lengths."""
Numberer = Callable[[list[str]], Types]

BY_CHARACTER = {
    "BertNormalizer",
    "Lowercase",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "StripAccents",
}
"""Normalizers whose result for a piece does not depend on what is beyond a space."""
AT_SPACES = {"BertPreTokenizer", "Whitespace", "WhitespaceSplit"}
FURTHER = AT_SPACES | {"Digits", "Punctuation"}


def cuts_at_spaces(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the tokens of a text are those of its pieces between spaces, one after the other.

    So it is for BERT's tokenizers; those that spell a space, as byte-level ones do, are not such.
    """
    parts = json.loads(tokenizer.backend_tokenizer.to_str())
    normalizers = _sequence(parts["normalizer"], "normalizers")
    first, *others = _sequence(parts["pre_tokenizer"], "pretokenizers") or [""]
    return (
        BY_CHARACTER.issuperset(normalizers)
        and first in AT_SPACES
        and FURTHER.issuperset(others)
        and not any(c.isspace() for added in parts["added_tokens"] for c in added["content"])
    )


def each_once(number: Numberer, tokenizer: PreTrainedTokenizerBase) -> Callable[[pl.Series], Types]:
    """`number`, given each different piece of the texts once where they may be cut at spaces."""
    if not cuts_at_spaces(tokenizer):
        return lambda texts: number(texts.to_list())

    def number_pieces(texts: pl.Series) -> Types:
        pieces = pc.split_pattern(texts.to_arrow(), " ")
        coded = pieces.flatten().dictionary_encode()
        ids, lengths = number(coded.dictionary.to_pylist())
        which = coded.indices.to_numpy()
        repeats = lengths[which]
        begins = (np.cumsum(lengths) - lengths)[which] - (np.cumsum(repeats) - repeats)
        places = np.repeat(begins, repeats) + np.arange(repeats.sum())
        return ids[places], np.add.reduceat(repeats, pieces.offsets.to_numpy()[:-1])

    return number_pieces


def _sequence(step: dict | None, members: str) -> list[str]:
    steps = step.get(members, [step]) if step else []
    return [one["type"] for one in steps]
