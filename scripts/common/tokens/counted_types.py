"""The types that a corpus is counted in: tokens of a vocabulary, or words as they read."""

from functools import cache
from itertools import chain, pairwise

import numpy as np
import polars as pl
from transformers import PreTrainedTokenizerBase

from common.command import InputError
from common.tokens.independent_pieces import Types, each_once
from common.tokens.segmenters import reading, segment
from common.tokens.vocabulary import special_ids, spellings
from common.tokens.words import Speller, has_word_boundaries

SPECIAL = -1
"""In place of a word's number: it is a special token that a text spells out."""


class TokenTypes:
    """The vocabulary of a tokenizer; special tokens, in it too, are not counted: `left_out` are."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.spelled = spellings(tokenizer)
        self.special = np.isin(np.arange(len(self.spelled)), list(special_ids(tokenizer)))
        self.of_all = each_once(self._number, tokenizer) if tokenizer.is_fast else self._slowly
        self.left_out = 0

    def __len__(self) -> int:
        return len(self.spelled)

    def number(self, texts: pl.Series) -> Types:
        """Ids of the tokens of texts, laid end to end, and how many each text has."""
        ids, lengths = self.of_all(texts)
        return _without(self, self.special[ids], ids, lengths)

    def _number(self, texts: list[str]) -> Types:
        backend = self.tokenizer.backend_tokenizer
        encoded = backend.encode_batch_fast(texts, add_special_tokens=False)
        return _flat([one.ids for one in encoded])

    def _slowly(self, texts: pl.Series) -> Types:
        encoded = self.tokenizer(texts.to_list(), add_special_tokens=False, verbose=False)
        return _flat(encoded["input_ids"])


class MetWords:
    """Words numbered from 0 as they are met; special tokens that texts spell are `left_out`."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.left_out = 0

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def spelled(self) -> list[str]:
        """The words met until now, by their number."""
        return list(self.numbers)

    def number_of(self, word: str) -> int:
        """The number of a word, the next one if it was not met before."""
        return self.numbers.setdefault(word, len(self.numbers))


class WordTypes(MetWords):
    """Words of a corpus, numbered from 0 as they are met; special tokens are none: `left_out`.

    Raises
    ------
    InputError
        The tokenizer does not say where words begin.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        if not has_word_boundaries(tokenizer):
            raise InputError(
                f"{tokenizer.name_or_path}: its tokenizer does not tell words; use the unit token"
            )
        super().__init__()
        self.backend = tokenizer.backend_tokenizer
        self.speller = Speller(tokenizer)
        self.special = special_ids(tokenizer)
        self.find = cache(self._find)
        self.of_all = each_once(self._number, tokenizer)

    def number(self, texts: pl.Series) -> Types:
        """Numbers of the words of texts, laid end to end, and how many each text has."""
        numbers, lengths = self.of_all(texts)
        return _without(self, numbers == SPECIAL, numbers, lengths)

    def _number(self, texts: list[str]) -> Types:
        encoded = self.backend.encode_batch(texts, add_special_tokens=False)
        ids, lengths = _flat([one.ids for one in encoded])
        words, _ = _flat([one.word_ids for one in encoded])
        ends = np.concatenate([[0], np.cumsum(lengths)])
        begins = np.diff(words, prepend=-1) != 0
        begins[ends[:-1][lengths > 0]] = True
        bounds = [*np.flatnonzero(begins).tolist(), len(ids)]
        flat = ids.tolist()
        numbers = [self.find(tuple(flat[a:b])) for a, b in pairwise(bounds)]
        words_before = np.concatenate([[0], np.cumsum(begins)])
        return np.array(numbers, np.int64), np.diff(words_before[ends])

    def _find(self, ids: tuple[int, ...]) -> int:
        if not self.special.isdisjoint(ids):
            return SPECIAL
        return self.number_of(self.speller.read(ids))


class SegmentedTypes(MetWords):
    """Words as ICU finds them in a text; all are counted."""

    def number(self, texts: pl.Series) -> Types:
        """Numbers of the words of texts, laid end to end, and how many each text has."""
        return _flat([self._number(text) for text in texts])

    def _number(self, text: str) -> list[int]:
        return [self.number_of(reading(text[begin:end])) for begin, end in segment(text)]


def _without(
    types: TokenTypes | WordTypes, special: np.ndarray, ids: np.ndarray, lengths: np.ndarray
) -> Types:
    """Types and lengths of texts without those that are `special`, which are `left_out`."""
    found = np.flatnonzero(special)
    if not len(found):
        return ids, lengths
    types.left_out += len(found)
    owner = np.searchsorted(np.cumsum(lengths), found, side="right")
    return np.delete(ids, found), lengths - np.bincount(owner, minlength=len(lengths))


def _flat(lists: list[list[int]]) -> Types:
    lengths = np.fromiter(map(len, lists), np.int64, len(lists))
    return np.fromiter(chain.from_iterable(lists), np.int64, lengths.sum()), lengths
