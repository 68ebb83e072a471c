"""Sentences as an encoder's tokens, in batches of one length, dealt out to the shards of a job."""

import logging
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerBase

from common.command import InputError
from common.contract import CORPUS
from common.tables import read_table


@dataclass
class Sentence:
    """Tokens of one sentence [n], cut to what the model takes if `truncated`.

    `words` [n] numbers the words that the tokenizer splits text into, None where a token is in
    none; it is None itself if the tokenizer does not tell.
    `weight` and `error` [n] are filled in by the method that weighs them.
    """

    number: int
    text: str
    ids: list[int]
    special: list[bool]
    truncated: bool
    words: list[int | None] | None = None
    weight: np.ndarray | None = None
    error: np.ndarray | None = None


def read_sentences(
    corpus: Path, tokenizer: PreTrainedTokenizerBase, longest: int | None
) -> list[Sentence]:
    """The sentences of a corpus as tokens, at most `longest` each; says how many were cut.

    Raises
    ------
    InputError
        The corpus is empty, or a sentence holds no token besides special ones.
    """
    table = read_table(corpus, CORPUS).sort("sentence_id")
    if table.is_empty():
        raise InputError(f"{corpus}: holds no sentences")
    texts = table["text"].to_list()
    encoded = tokenizer(texts, return_special_tokens_mask=True, verbose=False)
    ids, special = encoded["input_ids"], encoded["special_tokens_mask"]
    words = [encoded.word_ids(k) if tokenizer.is_fast else None for k in range(len(ids))]
    long = [k for k, tokens in enumerate(ids) if longest and len(tokens) > longest]
    if long:
        cut = tokenizer(
            [texts[k] for k in long],
            truncation=True,
            max_length=longest,
            return_special_tokens_mask=True,
        )
        for k, tokens, mask in zip(long, cut["input_ids"], cut["special_tokens_mask"], strict=True):
            ids[k], special[k] = tokens, mask
        if tokenizer.is_fast:
            for row, k in enumerate(long):
                words[k] = cut.word_ids(row)
        logging.info("%d sentences truncated to %d tokens", len(long), longest)
    cuts = set(long)
    sentences = [
        Sentence(number, text, tokens, [bool(flag) for flag in mask], k in cuts, words[k])
        for k, (number, text, tokens, mask) in enumerate(
            zip(table["sentence_id"].to_list(), texts, ids, special, strict=True)
        )
    ]
    for sentence in sentences:
        if all(sentence.special):
            raise InputError(f"{corpus}: sentence_id {sentence.number} has no tokens; drop it")
    logging.info("%d sentences, %d tokens", len(sentences), sum(map(len, ids)))
    return sentences


def batches(sentences: list[Sentence], size: int, shard: str) -> list[list[Sentence]]:
    """The batches of a `shard`: sentences of one length, at most `size` each.

    Batches are made of all sentences and then dealt out in turn, so that a sentence has the same
    company, and the same last bits, however many shards there are.

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
    made = [
        group[k : k + size]
        for _, group in sorted(by_length.items())
        for k in range(0, len(group), size)
    ]
    return made[number - 1 :: count]


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
