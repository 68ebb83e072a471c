"""Words that no tokenizer tells: where ICU finds them in a text, and which tokens they are of."""

import unicodedata
from typing import Literal

from tokenizers import Encoding

Segmenter = Literal["tokenizer", "icu"]
"""Who tells words apart: each encoder's own tokenizer, or ICU for all of them."""
Span = tuple[int, int]


def told_by(segmenter: Segmenter) -> dict[str, str]:
    """What the metadata of a table tell of its words: ICU's version, on which they depend."""
    if segmenter == "tokenizer":
        return {}
    # here and below, as few runs ask for it
    from icu4py import icu_version

    return {"segmenter": f"icu {icu_version}"}


def segment(text: str) -> list[Span]:
    """Where the words of a text begin and end, in characters, without the blanks between them.

    By ICU's rules for words (UAX 29), and its dictionaries for Chinese, Japanese, Thai, Lao, Khmer
    and Burmese. A mark of punctuation is a word.
    """
    from icu4py.breakers import WordBreaker

    spans, end = [], 0
    for piece in WordBreaker(text, "und"):
        start, end = end, end + len(piece)
        if not piece.isspace():
            spans.append((start, end))
    return spans


def reading(word: str) -> str:
    """How a word reads: encoders that know no capitals are to have the same types as others."""
    return unicodedata.normalize("NFC", word).lower()


def words_of(
    text: str, encoding: Encoding, start: int
) -> tuple[list[int | None], dict[int | None, tuple[str, int]]]:
    """The words of a text that an encoding begins to spell at character `start`.

    A blank that is a token belongs to the word behind it.

    Returns
    -------
    The number of each token's word [n], of the first if it reaches into several; None of tokens
    that the tokenizer adds, before `start` and behind the last word. And by their numbers, how the
    words that share no token with another read, and how many tokens they have.
    """
    spans = segment(text)
    word_at = [-1] * len(text)
    for number, (begin, end) in enumerate(spans):
        word_at[begin:end] = [number] * (end - begin)
    numbers: list[int | None] = []
    tokens: dict[int, int] = {}
    shared: set[int] = set()
    behind = _word_behind(spans, len(text))
    for ends, added in zip(encoding.offsets, encoding.special_tokens_mask, strict=True):
        if added or ends[1] <= start > 0:
            numbers.append(None)
            continue
        begin, end = max(ends[0] - start, 0), ends[1] - start
        touched = sorted({word for word in word_at[begin:end] if word >= 0})
        if not touched and (word := behind[min(begin, len(text))]) < len(spans):
            touched = [word]
        numbers.append(touched[0] if touched else None)
        for word in touched:
            tokens[word] = tokens.get(word, 0) + 1
        shared.update(touched if len(touched) > 1 else ())
    return numbers, {
        word: (reading(text[slice(*spans[word])]), count)
        for word, count in tokens.items()
        if word not in shared
    }


def _word_behind(spans: list[Span], length: int) -> list[int]:
    """Number of the first word that begins at each character or behind it, (length + 1,)."""
    behind, number = [], 0
    for place in range(length + 1):
        while number < len(spans) and spans[number][0] < place:
            number += 1
        behind.append(number)
    return behind
