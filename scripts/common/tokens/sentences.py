"""Sentences as an encoder's tokens, in batches of one length, dealt out to the shards of a job."""

import logging
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from transformers import BatchEncoding, PreTrainedTokenizerBase

from common.command import InputError
from common.contract import CORPUS
from common.tables import read_table
from common.tokens.segmenters import Segmenter, words_of
from common.tokens.vocabulary import special_ids
from common.tokens.words import Speller, has_word_boundaries

GOLDEN_RATIO = (5**0.5 - 1) / 2
"""Its multiples, less whole numbers, spread evenly however many there are."""


@dataclass
class Sentence:
    """Tokens of one sentence [n], cut to what the model takes if `truncated`.

    `words` [n] numbers the words that the tokenizer, or the segmenter, splits text into, None where
    a token is in none; it is None itself if the tokenizer does not say.
    `spelled` [n] is how they read, None where a token is in none or its word was cut or shares a
    token with another.
    `id` is the user's name of the row, if there is one; `vectors` [n, d] are what `weight` is the
    norm of.
    """

    number: int
    text: str
    ids: list[int]
    special: list[bool]
    truncated: bool
    words: list[int | None] | None = None
    spelled: list[str | None] = field(default_factory=list)
    weight: np.ndarray | None = None
    word_weight: np.ndarray | None = None
    error: np.ndarray | None = None
    completeness: float | None = None
    cost: dict[str, float] = field(default_factory=dict)
    vectors: np.ndarray | None = None
    id: str | None = None

    def weigh(
        self,
        contributions: np.ndarray,
        error: np.ndarray | float,
        completeness: float,
        cost: dict[str, float],
    ) -> None:
        """Set the weights of the tokens and their words, and their errors.

        Parameters
        ----------
        contributions
            Of every token to the embedding, [n, d]; the weight of a token is their norm, that of
            a word [n], on all its tokens, the norm of their sum; NaN where there is no word.
        error
            Of the weight of every token [n], or of all; NaN where it is not known.
        completeness
            What the contributions miss of the whole, relative to it.
        cost
            What the method took for them, by names of its own.
        """
        self.vectors = contributions.astype(np.float32)
        self.cost = cost
        self.weight = np.linalg.norm(contributions, axis=1)
        self.error = np.broadcast_to(error, len(self.ids))
        self.completeness = completeness
        self.word_weight = np.full(len(self.ids), np.nan)
        in_words = [k for k, text in enumerate(self.spelled) if text is not None]
        _, word = np.unique([(self.words or [])[k] for k in in_words], return_inverse=True)
        sums = np.zeros((len(in_words), contributions.shape[1]))
        np.add.at(sums, word, contributions[in_words])
        self.word_weight[in_words] = np.linalg.norm(sums, axis=1)[word]


def read_sentences(
    corpus: Path,
    tokenizer: PreTrainedTokenizerBase,
    longest: int | None,
    prompt: str = "",
    segmenter: Segmenter = "tokenizer",
) -> list[Sentence]:
    """The sentences of a corpus as tokens behind a `prompt`, at most `longest` each.

    Says how many were cut, and how many special tokens their texts spell out.

    Raises
    ------
    InputError
        The corpus is empty, or a sentence holds no token besides special ones.
    """
    table = read_table(corpus, CORPUS).sort("sentence_id")
    if table.is_empty():
        raise InputError(f"{corpus}: holds no sentences")
    texts = table["text"].to_list()
    sentences = make_sentences(texts, tokenizer, longest, prompt, segmenter)
    own = table["id"] if "id" in table.columns else [None] * len(table)
    for number, name, sentence in zip(table["sentence_id"], own, sentences, strict=True):
        sentence.number, sentence.id = number, name
        if all(sentence.special):
            raise InputError(f"{corpus}: sentence_id {number} has no tokens; drop it")
    if cut := sum(sentence.truncated for sentence in sentences):
        logging.info("%d sentences truncated to %d tokens", cut, longest)
    logging.info("%d sentences, %d tokens", len(sentences), sum(len(s.ids) for s in sentences))
    return sentences


def make_sentences(
    texts: list[str],
    tokenizer: PreTrainedTokenizerBase,
    longest: int | None,
    prompt: str = "",
    segmenter: Segmenter = "tokenizer",
) -> list[Sentence]:
    """Texts as tokens behind a `prompt`, at most `longest` each, numbered from 0.

    Special are the tokens that the tokenizer adds, those of the prompt, and special tokens that a
    text spells out, none of which is in a word.
    """
    prompted = [prompt + text for text in texts]
    encoded = tokenizer(prompted, return_special_tokens_mask=True, verbose=False)
    ids, special = encoded["input_ids"], encoded["special_tokens_mask"]
    has_words = tokenizer.is_fast if segmenter == "icu" else has_word_boundaries(tokenizer)
    speller = Speller(tokenizer)

    def tell_words(text: str, found: BatchEncoding, row: int) -> tuple[list[int | None], dict]:
        if not has_words:
            return [None] * len(found["input_ids"][row]), {}
        if segmenter == "icu":
            return words_of(text, found[row], len(prompt))
        numbers = found.word_ids(row)
        return numbers, speller.words(found["input_ids"][row], numbers)

    told = [tell_words(text, encoded, k) for k, text in enumerate(texts)]
    words, spelled = [numbers for numbers, _ in told], [read for _, read in told]
    long = [k for k, tokens in enumerate(ids) if longest and len(tokens) > longest]
    if long:
        cut = tokenizer(
            [prompted[k] for k in long],
            truncation=True,
            max_length=longest,
            return_special_tokens_mask=True,
        )
        for row, k in enumerate(long):
            ids[k], special[k] = cut["input_ids"][row], cut["special_tokens_mask"][row]
            words[k], left = tell_words(texts[k], cut, row)
            spelled[k] = dict(left.items() & spelled[k].items())
    cuts, never, typed = set(long), special_ids(tokenizer), 0
    before = tokenizer(prompt)["input_ids"] if prompt else []
    sentences = []
    for k, text in enumerate(texts):
        of_prompt = _shared(before, ids[k])
        flags = [
            bool(flag) or place < of_prompt or token in never
            for place, (token, flag) in enumerate(zip(ids[k], special[k], strict=True))
        ]
        typed += sum(flags[of_prompt:]) - sum(map(bool, special[k][of_prompt:]))
        own = [None if flag else word for word, flag in zip(words[k], flags, strict=True)]
        sentences.append(
            Sentence(
                *(k, text, ids[k], flags),
                truncated=k in cuts,
                words=own if has_words else None,
                spelled=[spelled[k].get(word, (None, 0))[0] for word in own],
            )
        )
    if typed:
        logging.info("%d special tokens spelled out in the text, flagged as special", typed)
    return sentences


def _shared(prompt: list[int], ids: list[int]) -> int:
    """How many tokens `ids` begin with as the prompt alone does."""
    pairs = zip(prompt, ids, strict=False)
    return next((k for k, (a, b) in enumerate(pairs) if a != b), min(len(prompt), len(ids)))


def batches(sentences: list[Sentence], size: int, shard: str) -> list[list[Sentence]]:
    """The batches of a `shard`: sentences of one length, at most `size` each.

    Batches are made of all sentences and then dealt out in turn, so that a sentence has the same
    company, and the same last bits, however many shards there are. Long and short ones alternate,
    so that the time that is left can be told.

    Parameters
    ----------
    shard
        "k-of-n", k from 1.

    Raises
    ------
    InputError
        `shard` is nothing of the kind.
    """
    number, count = parse_shard(shard)
    by_length = defaultdict(list)
    for sentence in sentences:
        by_length[len(sentence.ids)].append(sentence)
    of_all = [
        group[k : k + size]
        for _, group in sorted(by_length.items())
        for k in range(0, len(group), size)
    ]
    of_shard = of_all[number - 1 :: count]
    order = sorted(range(len(of_shard)), key=lambda place: place * GOLDEN_RATIO % 1)
    return [of_shard[place] for place in order]


def parse_shard(shard: str) -> tuple[int, int]:
    """Number, from 1, and count of "k-of-n".

    Raises
    ------
    InputError
        `shard` is nothing of the kind.
    """
    match = re.fullmatch(r"(\d+)-of-(\d+)", shard)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"--shard {shard}: not like 1-of-8")
    return int(match[1]), int(match[2])
