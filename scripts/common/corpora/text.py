"""Running text: tokenised text made readable again, and its sentences."""

import re
from functools import cache

from sacremoses import MosesDetokenizer
from sentencex import get_sentence_boundaries

JOINS = (
    (re.compile(r" @([-,.])@ "), r"\1"),
    (re.compile(r"(?<=\d) ([–:]) (?=\d)"), r"\1"),
    (re.compile(r"(?<=[\w>]) ([⁄/‑]) (?=[\w<])"), r"\1"),
    (re.compile(r" (?:([.,?!]) )?(?=[°′″’”»])"), r"\1"),
    (re.compile(r"(?<=[‘“«]) "), ""),
    (re.compile(r"(?<=’) (?=(?:s|t|d|m|re|ve|ll)\b)"), ""),
    (re.compile(r"(?<!\S)# (?=\d)"), "#"),
    (re.compile(r"(?<=\w) (?=n't\b)"), ""),
    (re.compile(r"``|''"), '"'),
)
"""Blanks and marks of tokenisation that Moses leaves: WikiText's and the Penn Treebank's."""

APOSTROPHE = re.compile(r"(?<=[\w>)])'(?=\w)")


def detokenize(text: str, language: str) -> str:
    """Undo the blanks and marks of tokenised text, such as WikiText's ` @-@ ` and ` 's`.

    A single quote between two words is ambiguous and may end up at the wrong one.
    """
    for pattern, replacement in JOINS:
        text = pattern.sub(replacement, text)
    return _detokenizer(language).detokenize(text.split())


def split_sentences(text: str, language: str) -> list[str]:
    """Sentences of a text by the rules of its language; quoted and bracketed ones stay together.

    An apostrophe inside a word opens no quotation.
    """
    boundaries = get_sentence_boundaries(language, APOSTROPHE.sub("’", text))
    return [text[one["start_index"] : one["end_index"]].strip() for one in boundaries]


@cache
def _detokenizer(language: str) -> MosesDetokenizer:
    return MosesDetokenizer(language)
