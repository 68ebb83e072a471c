"""Words that no tokenizer tells: the same for all encoders, joined and counted, by hand."""

import re
from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from commands import WORDS, assert_refuses, assert_runs, draw_texts, write_corpus
from test_words import TOKENIZERS
from tiny_encoder import build_encoder, build_masked_lm

import estimate_information
from common.command import InputError
from common.contract import CORPUS, INFORMATION, PAIR_COUNTS, SURPRISAL, TOKEN_COUNTS, WEIGHTS
from common.correlations.same_words import words_in_all
from common.correlations.weighed_tokens import read_tokens
from common.tables import read_metadata, read_table
from common.tokens.segmenters import segment
from common.tokens.sentences import make_sentences
from count_tokens import main as count_tokens

pytest.importorskip("icu4py")

TEXTS = [
    "The sea, the sun.",
    "  re-made  sails' (Moon) na\u00efve",
    "Caf\u00e9 3.5 boat's \U0001f600 end",
    "sea",
]
NAMES = ("wordpiece", "bytes", "sentencepiece")
ENGLISH = re.compile(r"\d+\.\d+|\w+(?:'\w+)*|[^\w\s]")
"""Words of these texts as a person finds them."""


def test_words_are_found_in_languages_without_spaces() -> None:
    for text in TEXTS:
        assert [text[a:b] for a, b in segment(text)] == ENGLISH.findall(text)
    for text, words in (
        ("我喜欢在北京学习。", "我 喜欢 在 北京 学习 。"),
        ("ฉันชอบกินข้าวผัด", "ฉัน ชอบ กิน ข้าว ผัด"),
    ):
        assert [text[a:b] for a, b in segment(text)] == words.split()


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("prompt", ["", "query: "])
def test_tokens_of_any_tokenizer_are_in_the_words_of_the_text(kind: str, prompt: str) -> None:
    tokenizer = TOKENIZERS[kind]
    several = 0
    for sentence in make_sentences(TEXTS, tokenizer, None, prompt, "icu"):
        words = [word.lower() for word in ENGLISH.findall(sentence.text)]
        found = dict(zip(sentence.words or [], sentence.spelled, strict=True))
        assert sentence.words is not None
        for number, text in found.items():
            assert text in (None, None if number is None else words[number])
        numbers = [word for word in sentence.words if word is not None]
        assert numbers == sorted(numbers)
        several += len(numbers) - len(set(numbers))
        for number, word in enumerate(words):
            if word.isalpha() and word.isascii():
                assert found[number] == word
    assert several > 5


def test_words_that_share_a_token_or_are_cut_are_none() -> None:
    tokenizer = TOKENIZERS["sentencepiece"]
    (plain,) = make_sentences(["sea,sun planets"], tokenizer, None, "", "icu")
    ids = plain.ids
    assert [text for text in dict.fromkeys(plain.spelled) if text] == ["sea", ",", "sun", "planets"]
    (cut,) = make_sentences(["sea,sun planets"], tokenizer, len(ids) - 1, "", "icu")
    assert cut.truncated
    assert max(n for n in cut.words or [] if n is not None) == 3
    assert cut.spelled[-1] is None
    unknown = TOKENIZERS["wordpiece"]  # takes letters that it does not know for one token
    (one,) = make_sentences(["sea ฉันชอบ sea"], unknown, None, "", "icu")
    assert one.ids.count(unknown.unk_token_id) == 1
    assert [text for text in one.spelled if text] == ["sea", "sea"]
    assert one.words is not None
    assert one.words[one.ids.index(unknown.unk_token_id)] == 1


def test_counts_are_those_of_plain_python(tmp_path: Path) -> None:
    texts = [*TEXTS, *(text.title() for text in draw_texts(60)), "我喜欢北京"]
    corpus = write_corpus(tmp_path / "c.parquet", texts)
    made = count(tmp_path, corpus)
    words = [[text[a:b].lower() for a, b in segment(text)] for text in texts]
    tokens = read_table(made["tokens"], TOKEN_COUNTS)
    expected = Counter(word for one in words for word in one)
    assert dict(tokens.select("token", "count").rows()) == expected
    spelled = dict(tokens.select("token_id", "token").rows())
    cells = read_table(made["pairs"], PAIR_COUNTS)
    pairs = Counter(pair for one in words for pair in permutations(one, 2))
    assert {(spelled[a], spelled[b]): n for a, b, n, *_ in cells.rows()} == pairs
    assert "tokenizer" not in read_metadata(made["tokens"])
    assert read_metadata(made["tokens"])["segmenter"].startswith("icu ")
    line = assert_refuses(
        "count_tokens",
        *(corpus, "--output-tokens", "t", "--output-pairs", "p", "--output-lengths", "l"),
    )
    assert "no tokenizer to count tokens of; give one, or --unit word" in line


def count(folder: Path, corpus: Path) -> dict[str, Path]:
    made = {kind: folder / f"{kind}.parquet" for kind in ("tokens", "pairs", "lengths")}
    outputs: dict[str, Any] = {f"output_{kind}": path for kind, path in made.items()}
    count_tokens(corpus, unit="word", **outputs)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Occlusion by encoders of three tokenizers, surprisal by a fourth, and counts of words."""
    place = tmp_path_factory.mktemp("atlas")
    texts = [text.title() for text in draw_texts(12)]
    corpus = write_corpus(place / "corpus.parquet", [*texts, "Sea " * 40])
    for name in NAMES:
        build_encoder(place / name, WORDS, tokenizer=TOKENIZERS[name], checked=True)
        weigh(place / name, corpus, place / f"{name}.parquet")
    lm = build_masked_lm(place / "lm", [], tokenizer=TOKENIZERS["wordpiece without decoder"])
    options = ("--output-surprisal", place / "surprisal.parquet", "--variant", "original")
    assert_runs("score_surprisal", lm, corpus, *options, "--segmenter", "icu")
    counts = count(place, corpus)
    estimate_information.main(**counts, output_information=place / "information.parquet")
    return place


def weigh(encoder: Path, corpus: Path, weights: Path, segmenter: str = "icu") -> None:
    options = ("--output-weights", weights, "--segmenter", segmenter, "--device", "cpu")
    assert_runs("occlude_tokens", encoder, corpus, *options)


def test_encoders_of_other_tokenizers_are_joined_by_words(folder: Path) -> None:
    files = {name: folder / f"{name}.parquet" for name in NAMES}
    tables = {name: read_table(path, WEIGHTS) for name, path in files.items()}
    assert len({len(table) for table in tables.values()}) == 3
    scores = folder / "surprisal.parquet"
    tokens = read_tokens(files, folder / "information.parquet", scores, minimum_count=0)
    corpus = read_table(folder / "corpus.parquet", CORPUS)
    sums = read_table(scores, SURPRISAL).filter(pl.col("word_text").is_not_null())
    types = read_table(folder / "information.parquet", INFORMATION)
    known = {row["token"]: row for row in types.iter_rows(named=True)}
    assert len(tokens) > 50
    for row in tokens.iter_rows(named=True):
        text = corpus["text"][row["sentence_id"]]
        for name, table in tables.items():
            at = {"sentence_id": row["sentence_id"]}
            first = table.filter(**at, position=row[f"{name}_position"]).row(0, named=True)
            words = [text[a:b].lower() for a, b in segment(text)]
            assert row["token"] == first["word_text"] == words[first["word"]]
            assert row[name] == first["word_weight"]
            own = sums.filter(**at, word=first["word"])["surprisal"]
        assert row["surprisal"] == (pytest.approx(own.sum()) if len(own) else None)
        assert row["count"] == known[row["token"]]["count"]
    whole = tokens.filter(sentence_id=0)
    assert len(whole) == len(segment(corpus["text"][0])) == whole["length"][0]
    assert whole["bytes_share"].sum() == pytest.approx(1)
    cut = tokens.filter(sentence_id=12)
    assert 1 < len(cut) < 40
    assert np.unique(tokens["sentence"]).tolist() == list(range(13))


def test_words_of_others_are_refused(folder: Path, tmp_path: Path) -> None:
    weigh(folder / "bytes", folder / "corpus.parquet", tmp_path / "w.parquet", "tokenizer")
    files = {"one": folder / "wordpiece.parquet", "other": tmp_path / "w.parquet"}
    with pytest.raises(InputError, match=r"words by the tokenizer and by icu \d"):
        read_tokens(files, folder / "information.parquet", None, minimum_count=0)
    table = read_table(files["one"], WEIGHTS)
    changed = table.with_columns(word_text=pl.col("word_text").str.replace("sea", "sun"))
    with pytest.raises(InputError, match=r"word \d+ of sentence_id \d+ is 'sea' in one, 'sun'"):
        words_in_all({"one": table, "other": changed}, None, files)
    nothing = table.with_columns(word_text=pl.lit(None, pl.String))
    with pytest.raises(InputError, match="no word is whole in all of them"):
        words_in_all({"one": table, "other": nothing}, None, files)
