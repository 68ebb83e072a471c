"""Texts cut at spaces give the tokens that the whole texts give, where they are cut at all."""

import numpy as np
import polars as pl
import pytest
from commands import draw_texts
from hypothesis import given
from hypothesis import strategies as st
from tiny_encoder import build_tokenizer
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from common.tokens.counted_types import SPECIAL, TokenTypes, WordTypes
from common.tokens.independent_pieces import cuts_at_spaces
from train_tokenizer import train

TEXTS = [*draw_texts(50), "Straße ΑΣ ΑΣ. fi i\u0307 e\u0301 \u0301e 北京 [MASK] don't x\u00a0y"]
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False)


def wordpiece() -> PreTrainedTokenizerFast:
    return train(TEXTS, "wordpiece", 300, 512)


def with_token(content: str, **how: bool) -> PreTrainedTokenizerFast:
    tokenizer = wordpiece()
    tokenizer.add_tokens([AddedToken(content, **how)])
    return tokenizer


def of_parts(
    normalizer: normalizers.Normalizer | None, split: pre_tokenizers.PreTokenizer | None
) -> PreTrainedTokenizerFast:
    """Tokens are words, as these steps leave them, or unknown."""
    backend = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    if normalizer:
        backend.normalizer = normalizer
    if split:
        backend.pre_tokenizer = split
    made = [one.strip() for text in TEXTS for one in _pieces(backend, text)]
    vocabulary = {word: k for k, word in enumerate(dict.fromkeys(["[UNK]", *made]))}
    backend.model = models.WordLevel(vocabulary, unk_token="[UNK]")
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")


def _pieces(backend: Tokenizer, text: str) -> list[str]:
    normal = backend.normalizer.normalize_str(text) if backend.normalizer else text
    split = backend.pre_tokenizer
    return [one for one, _ in split.pre_tokenize_str(normal)] if split else [normal]


def byte_level() -> PreTrainedTokenizerFast:
    alphabet = {letter: k for k, letter in enumerate(pre_tokenizers.ByteLevel.alphabet())}
    backend = Tokenizer(models.BPE(alphabet, []))
    backend.pre_tokenizer, backend.decoder = BYTES, decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=backend)


CUT = {
    "wordpiece": wordpiece(),
    "whole words": train(TEXTS, "word", 300, 512),
    "lower case": build_tokenizer(sorted({w for text in TEXTS for w in text.lower().split()})),
    "composed": of_parts(
        normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]),
        pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits()]),
    ),
    "bare": of_parts(None, pre_tokenizers.Whitespace()),
    "added": with_token("don't", single_word=True),
    "added with spaces around": with_token("boat", lstrip=True, rstrip=True),
}
WHOLE = {
    "bytes": byte_level(),
    "metaspace": of_parts(None, pre_tokenizers.Metaspace()),
    "of sentences": of_parts(normalizers.Lowercase(), None),
    "replacing": of_parts(normalizers.Replace(" x", "boat"), pre_tokenizers.Whitespace()),
    "added with a space": with_token("the boat"),
}
WORDS = st.sampled_from([*" ".join(TEXTS).split(), "", "\t", "1a2"]) | st.text(max_size=5)
CORPUS = st.lists(st.lists(WORDS, max_size=6).map(" ".join), min_size=1, max_size=8)


@pytest.mark.parametrize("name", [*CUT, *WHOLE])
def test_tokenizers_that_cut_at_spaces_are_told(name: str) -> None:
    assert cuts_at_spaces((CUT | WHOLE)[name]) is (name in CUT)


@pytest.mark.parametrize("name", [*CUT, *WHOLE])
@given(texts=CORPUS)
def test_tokens_are_those_of_the_whole_texts(name: str, texts: list[str]) -> None:
    tokenizer = (CUT | WHOLE)[name]
    ids, lengths = TokenTypes(tokenizer).number(pl.Series(texts))
    never = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    encoded = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    whole = [[token for token in sentence if token not in never] for sentence in encoded]
    assert ids.tolist() == [token for sentence in whole for token in sentence]
    assert lengths.tolist() == [len(sentence) for sentence in whole]


@pytest.mark.parametrize("name", CUT)
@given(texts=CORPUS)
def test_words_are_those_of_the_whole_texts(name: str, texts: list[str]) -> None:
    types, whole = WordTypes(CUT[name]), WordTypes(CUT[name])
    ids, lengths = types.number(pl.Series(texts))
    words, counted = whole._number(texts)
    assert [types.spelled[k] for k in ids] == [whole.spelled[k] for k in words if k != SPECIAL]
    sentence = np.repeat(np.arange(len(texts)), counted)[words != SPECIAL]
    assert np.array_equal(lengths, np.bincount(sentence, minlength=len(texts)))
